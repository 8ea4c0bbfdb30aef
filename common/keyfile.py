"""Key files that are not encrypted: login keys, a centre's keys, the recovery key, and public halves.

One line a value, so that a person can see what a file is, and a recovery key can be printed and typed in again:

    orch login key, version 1
    estate: netgate
    operator: ops-a
    curve: 32 bytes as eight groups of eight hexadecimal digits
    ...
    check: four digits over all of it, against mistakes in typing

Refuses to do: read or write a file (the caller does, with mode 0600), encrypt (crypto.seal_file), make keys.

Invariants:
- every value is there exactly once and nothing else is;
- a mistyped or cut file is an error that names the line, never another key.

Called by the operator's commands (all kinds) and by the centre (its own). No cryptography is imported here:
`orch status` reads a login key and must start quickly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TypeAlias

from orch.common.errors import KeyFileError

MAX_FILE = 8 * 1024
_HEAD = "orch {kind}, version 1"
_RESTORE = "restore the file from its backup, or type it in again with care"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginKey:
    """An operator's key for the connection and for plan requests; it commands nothing."""

    estate: str
    operator: str
    curve: bytes = field(repr=False)
    sign: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreKey:
    """What the centre has: the secret of its connection and the key that proves freshness."""

    estate: str
    curve: bytes = field(repr=False)
    fresh: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryKey:
    """The seed from which a root key and the centre's next connection keys follow (crypto.derive)."""

    estate: str
    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPart:
    """The public keys of somebody who asks to be an operator; nothing in it is secret."""

    estate: str
    operator: str
    connection: bytes
    login: bytes
    signing: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPart:
    """The public half of a root key; nothing in it is secret."""

    estate: str
    holder: str
    root: bytes


Key: TypeAlias = LoginKey | CentreKey | RecoveryKey | OperatorPart | RootPart

_KINDS: dict[type[Key], str] = {
    LoginKey: "login key",
    CentreKey: "centre key",
    RecoveryKey: "recovery key",
    OperatorPart: "operator's public keys",
    RootPart: "public half of a root key",
}


def write(key: Key, *, about: str = "") -> str:
    """The text of a key file; `about` goes before it as comment lines."""
    lines = [_HEAD.format(kind=_KINDS[type(key)]), f"estate: {key.estate}"]
    match key:
        case LoginKey():
            lines += [f"operator: {key.operator}", _digits("curve", key.curve), _digits("sign", key.sign)]
        case CentreKey():
            lines += [_digits("curve", key.curve), _digits("fresh", key.fresh)]
        case RecoveryKey():
            lines.append(_digits("seed", key.seed))
        case OperatorPart():
            lines += [f"operator: {key.operator}", _digits("connection", key.connection)]
            lines += [_digits("login", key.login), _digits("signing", key.signing)]
        case RootPart():
            lines += [f"holder: {key.holder}", _digits("root", key.root)]
    comments = [f"# {line}".rstrip() for line in about.splitlines()]
    return "\n".join([*comments, *lines, f"check: {_check(lines)}", ""])


def read_login(text: str) -> LoginKey:
    """Read an operator's login key.

    Raises:
        KeyFileError: it is none, or it is damaged.
    """
    found = _values(text, LoginKey, ("estate", "operator", "curve", "sign"))
    return LoginKey(
        estate=found["estate"],
        operator=found["operator"],
        curve=_bytes(found, "curve"),
        sign=_bytes(found, "sign"),
    )


def read_centre(text: str) -> CentreKey:
    """Read a centre's keys.

    Raises:
        KeyFileError: it is none, or it is damaged.
    """
    found = _values(text, CentreKey, ("estate", "curve", "fresh"))
    return CentreKey(estate=found["estate"], curve=_bytes(found, "curve"), fresh=_bytes(found, "fresh"))


def read_recovery(text: str) -> RecoveryKey:
    """Read a recovery key, from its file or typed in from paper.

    Raises:
        KeyFileError: it is none, or it is damaged or mistyped.
    """
    found = _values(text, RecoveryKey, ("estate", "seed"))
    return RecoveryKey(estate=found["estate"], seed=_bytes(found, "seed"))


def read_operator(text: str) -> OperatorPart:
    """Read somebody's public keys.

    Raises:
        KeyFileError: it is none, or it is damaged.
    """
    found = _values(text, OperatorPart, ("estate", "operator", "connection", "login", "signing"))
    return OperatorPart(
        estate=found["estate"],
        operator=found["operator"],
        connection=_bytes(found, "connection"),
        login=_bytes(found, "login"),
        signing=_bytes(found, "signing"),
    )


def read_root(text: str) -> RootPart:
    """Read the public half of a root key.

    Raises:
        KeyFileError: it is none, or it is damaged.
    """
    found = _values(text, RootPart, ("estate", "holder", "root"))
    return RootPart(estate=found["estate"], holder=found["holder"], root=_bytes(found, "root"))


def _digits(name: str, value: bytes) -> str:
    digits = value.hex()
    return f"{name}: " + " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def _check(lines: list[str]) -> str:
    # Case and blanks do not count: a person types them differently.
    told = "\n".join("".join(line.lower().split()) for line in lines)
    return hashlib.sha256(told.encode()).hexdigest()[:4]


def _values(text: str, cls: type[Key], names: tuple[str, ...]) -> dict[str, str]:
    kind = _KINDS[cls]
    kept = [line.strip() for line in text[:MAX_FILE].splitlines()]
    lines = [line for line in kept if line and not line.startswith("#")]
    if not lines or lines[0] != _HEAD.format(kind=kind):
        raise KeyFileError(f"this is not a {kind} of a version that is read here", hint=_RESTORE)
    if len(lines) != len(names) + 2:
        raise KeyFileError(f"this {kind} has {len(lines)} lines instead of {len(names) + 2}", hint=_RESTORE)
    found: dict[str, str] = {}
    for line, name in zip(lines[1:], (*names, "check"), strict=True):
        label, _colon, value = line.partition(":")
        if label != name:
            raise KeyFileError(f"this {kind} has {label[:20]!r} where {name!r} belongs", hint=_RESTORE)
        found[name] = value.strip()
    if found.pop("check").lower() != _check(lines[:-1]):
        raise KeyFileError(f"this {kind} is damaged or mistyped: its check digits do not fit", hint=_RESTORE)
    return found


def _bytes(found: dict[str, str], name: str) -> bytes:
    try:
        value = bytes.fromhex("".join(found[name].split()))
    except ValueError as err:
        raise KeyFileError(f"{name} is not written in hexadecimal digits", hint=_RESTORE) from err
    if len(value) != 32:
        raise KeyFileError(f"{name} has {len(value)} bytes, not 32", hint=_RESTORE)
    return value
