"""`secrets/NAME.sealed`: a secret as it lies in the estate's git, and who can open it. Text in, a value out, and back.

    orch sealed secret, version 1
    estate: netgate
    secret: apps-join
    value: 32 hexadecimal digits that name this value, made by chance
    set: 1796000000 by anna
    box: the value, in base64, under a key that only the copies below lead to
    reader: anna KEY COPY              an operator, by the signing key; `@root` stands for a root key
    host: library/srv1 main KEY COPY /etc/apps/join
    check: eight digits over all of it

A line remains until there is a new value, also where the operator or the host is gone: it says who could read this one.

Refuses to do: open or seal anything (master/cli/sealing.py does), read or write a file.

Invariants:
- what is written is the same for the same secret: lines are sorted;
- a file that was cut, merged or edited is an error that names a line, never another secret.

Called by loader.py, and by the command line, which writes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from orch.common import names
from orch.common.document import BOX_LIMIT, COPY
from orch.common.errors import EstateError

ENDING = ".sealed"
LIMIT = 16 * 1024 * 1024
"""Bytes that such a file may have: some twenty thousand copies and more."""
ROOT = "@root"
_HEAD = "orch sealed secret, version 1"
_MEND = "take it back out of git; after a merge, take one side of it whole, then: orch secret reseal"
_HEX = re.compile(r"[0-9a-f]{64}")
_SET = re.compile(r"([0-9]{1,12}) by (\S+)")


class Broken(EstateError):
    """A line of such a file is wrong; caught where the file's name is known."""

    def __init__(self, line: int, text: str) -> None:
        """Of a line, from 1."""
        super().__init__(text, hint=_MEND)
        self.line = line


@dataclass(frozen=True, slots=True, order=True)
class ReaderCopy:
    """What one operator, or who holds a root key (`@root`), opens with the signing key."""

    name: str
    key: bytes  # Ed25519
    copy: bytes


@dataclass(frozen=True, slots=True, order=True)
class HostCopy:
    """What one host opens, for one path."""

    host: str
    path: str
    scope: str
    key: bytes  # X25519
    copy: bytes


@dataclass(frozen=True, kw_only=True)  # no slots: the table of copies is made once
class SealedSecret:
    """One secret."""

    estate: str
    name: str
    value: bytes
    at: int  # when the value was set
    by: str
    box: bytes
    readers: tuple[ReaderCopy, ...] = ()
    hosts: tuple[HostCopy, ...] = ()

    @cached_property
    def _copies(self) -> Mapping[tuple[str, str, str, bytes], bytes]:
        return {(item.host, item.path, item.scope, item.key): item.copy for item in self.hosts}

    def copy_for(self, host: str, path: str, *, scope: str, key: bytes) -> bytes:
        """The copy for a host's place; empty where there is none."""
        return self._copies.get((host, path, scope, key), b"")

    def with_readers(self, added: Iterable[ReaderCopy]) -> SealedSecret:
        """With copies for these; whoever had one under another key has it no more."""
        new = {item.name: item for item in added if item.name != ROOT}
        kept = [item for item in self.readers if item.name not in new]
        return replace(self, readers=(*kept, *new.values(), *(item for item in added if item.name == ROOT)))

    def with_hosts(self, added: Iterable[HostCopy]) -> SealedSecret:
        """With copies for these places; a copy for the same key and path in another scope is dropped."""
        new = {(item.host, item.path, item.key): item for item in added}
        kept = [item for item in self.hosts if (item.host, item.path, item.key) not in new]
        return replace(self, hosts=(*kept, *new.values()))


def write(secret: SealedSecret) -> str:
    """The text of the file."""
    lines = [
        _HEAD,
        f"estate: {secret.estate}",
        f"secret: {secret.name}",
        f"value: {secret.value.hex()}",
        f"set: {secret.at} by {secret.by}",
        f"box: {_text(secret.box)}",
        *(f"reader: {item.name} {item.key.hex()} {_text(item.copy)}" for item in sorted(secret.readers)),
        *(
            f"host: {item.host} {item.scope} {item.key.hex()} {_text(item.copy)} {item.path}"
            for item in sorted(secret.hosts)
        ),
    ]
    return "\n".join([*lines, f"check: {_check(lines)}", ""])


def read(text: str) -> SealedSecret:
    """The secret of a file.

    Raises:
        Broken: at which line, and what.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            raise Broken(number, "git left a conflict here")
    if lines[0] != _HEAD:
        raise Broken(1, "this is not a sealed secret of a version that is read here")
    if lines[-1] != "" or len(lines) < 8 or not lines[-2].startswith("check: "):
        raise Broken(len(lines), "this sealed secret was cut off")
    if lines[-2].removeprefix("check: ") != _check(lines[:-2]):
        raise Broken(len(lines) - 1, "this sealed secret is damaged or edited: its check digits do not fit")
    return _Reading(lines).secret()


class _Reading:
    """One file, whose check digits fit: what is wrong now was written wrongly."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def secret(self) -> SealedSecret:
        found = _SET.fullmatch(self._value(5, "set"))
        value = self._value(4, "value")
        if found is None or not re.fullmatch(r"[0-9a-f]{32}", value):
            raise Broken(5 if found is None else 4, "this line is damaged")
        rest = [(number, *self._parts(number)) for number in range(7, len(self._lines) - 1)]
        return SealedSecret(
            estate=self._name(2, self._value(2, "estate")),
            name=self._name(3, self._value(3, "secret")),
            value=bytes.fromhex(value),
            at=int(found[1]),
            by=self._name(5, found[2]),
            box=self._bytes(6, self._value(6, "box"), most=BOX_LIMIT),
            readers=tuple(self._reader(number, text) for number, label, text in rest if label == "reader"),
            hosts=tuple(self._host(number, text) for number, label, text in rest if label == "host"),
        )

    def _reader(self, number: int, text: str) -> ReaderCopy:
        name, key, copy = self._words(number, text, 3)
        return ReaderCopy(
            name if name == ROOT else self._name(number, name), self._key(number, key), self._copy(number, copy)
        )

    def _host(self, number: int, text: str) -> HostCopy:
        host, scope, key, copy, path = self._words(number, text, 5)
        return HostCopy(host, path, self._name(number, scope), self._key(number, key), self._copy(number, copy))

    def _parts(self, number: int) -> tuple[str, str]:
        label, colon, value = self._lines[number - 1].partition(": ")
        if not colon or label not in ("reader", "host"):
            raise Broken(number, "this line does not belong here")
        return label, value

    def _value(self, number: int, name: str) -> str:
        label, colon, value = self._lines[number - 1].partition(": ")
        if label != name or not colon:
            raise Broken(number, f'here the line "{name}:" belongs')
        return value

    def _words(self, number: int, text: str, count: int) -> list[str]:
        words = text.split(" ", count - 1)
        if len(words) != count:
            raise Broken(number, "this line is damaged")
        return words

    def _name(self, number: int, text: str) -> str:
        if not names.is_name(text):
            raise Broken(number, "a name in this line is damaged")
        return text

    def _key(self, number: int, text: str) -> bytes:
        if not _HEX.fullmatch(text):
            raise Broken(number, "the key in this line is damaged")
        return bytes.fromhex(text)

    def _copy(self, number: int, text: str) -> bytes:
        copy = self._bytes(number, text, most=COPY)
        if len(copy) != COPY:
            raise Broken(number, "the copy in this line is damaged")
        return copy

    def _bytes(self, number: int, text: str, *, most: int) -> bytes:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as err:
            raise Broken(number, "this line is damaged") from err
        if not 16 <= len(data) <= most:
            raise Broken(number, "this line is damaged")
        return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _check(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:8]
