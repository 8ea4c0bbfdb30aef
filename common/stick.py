"""Files that carry what otherwise goes by the line: a stick for a host, and a host's reports on their way back.

    orch/stick/1        what one host is to be: from `orch doc export` to `orch-minion import`
    orch/results/1      what the centre lacks: from `orch-minion export-results` to `orch import-results`

A file is its kind and a line's end, SHA-256 of the head, the head's length in four bytes, the head, then the contents
that the head names, one after the other, in its order. Nothing in it is secret, and nothing in it is believed for lying
there: the head's hash and the contents' hashes find damage, the signatures inside find everything else.

Refuses to do: judge what it carries (trust.py does, at whoever takes it), or hand out a content that is not what the
head says.

Invariants:
- sizes before reading: no number in a file makes its reader take more memory than one head and one content;
- a file that ends too early, has one byte too many or one that is wrong is an error before its last content is handed
  out; who acts on some contents only after all were read never acts on a part.

Called by the operator's tool and by the commands on a host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Protocol, TypeVar

from orch.common import codec
from orch.common.codec import Bytes32, Length
from orch.common.document import BLOB_LIMIT
from orch.common.errors import Malformed
from orch.common.names import HostName, Name
from orch.common.release import Parcel, Proof

LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a head."""
POLICIES: Final = 1024 * 1024
"""Bytes of policies in a stick: the newest that fit; a host that is further behind needs a newer enrolment file."""
LARGEST: Final = (1 << 32) - 1
"""Bytes of a file: FAT, which most sticks have, holds none larger."""
_SIZE: Final = 4
_AGAIN: Final = "the file was damaged, or not copied to its end: copy it anew"


@dataclass(frozen=True, slots=True)
class Content:
    """A content that lies behind the head."""

    sha256: Bytes32
    size: int


Contents = Annotated[tuple[Content, ...], Length(0, 30_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stick:
    """What one host is to be; all of it as it was signed. `revocation`: its key was ended, and there is no release."""

    TAG: ClassVar[str] = "stick"
    KIND: ClassVar[bytes] = b"orch/stick/1\n"

    estate: Name
    host: HostName
    curve: Bytes32
    made: int  # when, by the operator's clock; for people
    policies: Annotated[tuple[Annotated[bytes, Length(1, 70_000)], ...], Length(0, 1000)]  # the oldest first
    admission: Annotated[bytes, Length(0, 8192)] = b""
    revocation: Annotated[bytes, Length(0, 8192)] = b""
    release: Annotated[bytes, Length(0, 20_000)] = b""  # empty: none was signed for it yet
    document: Annotated[bytes, Length(0, 1024 * 1024)] = b""
    proof: Proof | None = None
    contents: Contents = ()

    @property
    def parcel(self) -> Parcel | None:
        """The release and this host's part of it; None for none."""
        if not self.release or self.proof is None:
            return None
        return Parcel(release=self.release, document=self.document, proof=self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The reports of one host that it knows of no centre to have, as it signed them; each is a content.

    `request` is what it asks to be let in with: for a host that never had a line.
    """

    KIND: ClassVar[bytes] = b"orch/results/1\n"

    estate: Name
    host: HostName
    curve: Bytes32
    made: int  # by the host's clock; for people
    request: Annotated[bytes, Length(0, 8192)] = b""
    contents: Contents = ()


class Readable(Protocol):
    """What is used of an open file."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; fewer only at the end."""


class Writable(Protocol):
    """What is used of a file that is being written."""

    def write(self, data: bytes, /) -> object:
        """These too."""


Head = TypeVar("Head", bound=Stick | Results)


def named(contents: Iterable[bytes]) -> tuple[Content, ...]:
    """How a head names these contents."""
    return tuple(Content(hashlib.sha256(item).digest(), len(item)) for item in contents)


def write(target: Writable, head: Stick | Results, contents: Iterable[bytes]) -> None:
    """Write a file; `contents` are those that the head names, in its order.

    Raises:
        Malformed: it would be larger than such a file may be.
    """
    data = codec.encode(head)
    size = len(head.KIND) + 32 + _SIZE + len(data) + sum(item.size for item in head.contents)
    if len(data) > LIMIT or size > LARGEST:
        raise Malformed(f"a file of {size} bytes, {len(data)} of them its head, is more than a stick takes")
    target.write(head.KIND + hashlib.sha256(data).digest() + len(data).to_bytes(_SIZE, "big") + data)
    for item in contents:
        target.write(item)


def read_head(source: Readable, cls: type[Head]) -> tuple[Head, bytes]:
    """The head of a file of this kind, and its bytes.

    Raises:
        Malformed: it is another file, of another version, or damaged.
    """
    kind = source.read(len(cls.KIND))
    if kind != cls.KIND:
        raise Malformed(f"this is no {_word(cls.KIND)} file", hint=_what_else(kind))
    digest, size = source.read(32), int.from_bytes(_exactly(source, _SIZE), "big")
    if size > LIMIT:
        raise Malformed(f"its head claims {size} bytes where at most {LIMIT} are allowed", hint=_AGAIN)
    data = _exactly(source, size)
    if hashlib.sha256(data).digest() != digest:
        raise Malformed("its head is not what was written", hint=_AGAIN)
    head = codec.decode(cls, data, limit=LIMIT)
    for item in head.contents:
        if item.size > BLOB_LIMIT:
            raise Malformed(f"it names a content of {item.size} bytes where at most {BLOB_LIMIT} are allowed")
    return head, data


def read_contents(source: Readable, contents: Sequence[Content]) -> Iterator[bytes]:
    """What lies behind the head, one after the other; to be read to the end before any of it counts.

    Raises:
        Malformed: something is missing, altered or too much.
    """
    for number, item in enumerate(contents, start=1):
        data = _exactly(source, item.size)
        if hashlib.sha256(data).digest() != item.sha256:
            raise Malformed(f"content {number} of {len(contents)} is not what was written", hint=_AGAIN)
        if number == len(contents):
            _check_end(source)
        yield data
    if not contents:
        _check_end(source)


def _check_end(source: Readable) -> None:
    if source.read(1):
        raise Malformed("it goes on after its end", hint=_AGAIN)


def _exactly(source: Readable, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise Malformed("it ends too early", hint=_AGAIN)
    return data


def _word(kind: bytes) -> str:
    return kind.decode().strip()


def _what_else(kind: bytes) -> str:
    """What it is instead, for the person who took the wrong file."""
    for other, hint in (
        (Stick, "this one is for a host: orch-minion import FILE"),
        (Results, "this one comes from a host: orch import-results FILE"),
    ):
        same = min(len(kind), len(other.KIND))
        if kind.startswith(other.KIND[:-2]):  # all but the version
            return hint if kind[:same] == other.KIND[:same] else "it was written by another version of orch"
    return "orch doc export writes it for a host; a host writes its results with orch-minion export-results"
