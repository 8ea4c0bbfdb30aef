"""What the centre keeps, as data: the words in which intake, store and roster speak with each other.

No behaviour lives here. Signed things are bytes as received; what is decoded beside them is for looking up only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Bytes32, Length, Line, Text
from orch.common.release import Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One leaf of a release: whose document it is and which one."""

    curve: bytes
    document: bytes  # SHA-256 of the document
    leaf: bytes  # merkle.leaf of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A release as it was taken in, its leaves in order. `held`: a return that waits until it is needed."""

    scope: str
    epoch: int
    number: int
    hash: bytes  # SHA-256 of the body
    envelope: bytes
    held: bool
    received: int
    placed: tuple[Placed, ...]
    contents: frozenset[bytes]  # SHA-256 of lists and files that its documents name


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """How a key stands after an operator decided on it; `revocation` is empty unless it was revoked."""

    curve: bytes
    state: str  # rejected, admitted, revoked
    request: bytes = b""
    admission: bytes = b""
    revocation: bytes = b""
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What status shows of a host's newest report; kept beside the report, so that status reads no reports."""

    sequence: int
    received: int
    epoch: int
    number: int
    release: Hash
    outcome: Line
    code: Line = ""
    text: Text = ""
    changes: int = 0
    drift: bool = False
    listeners: Annotated[tuple[Line, ...], Length(0, 256)] = ()
    warning: Line = ""  # what it refused since, other than the release it is to have
    warned: int = 0
    question: Hash = b""  # while its floor is lost: what a reset must answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """A report to be committed. `gap`: how many before it will never come (the centre lost its database)."""

    curve: bytes
    sequence: int
    gap: int
    envelope: bytes
    summary: Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When a host was last heard and what it said it holds."""

    curve: Bytes32
    heard: int
    policy: int
    epoch: int
    number: int
    release: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecord:
    """The newest release for one host, and its document's bytes."""

    curve: bytes
    release: bytes
    index: int
    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A release that some host's head points at; `leaves` make the tree again."""

    scope: str
    epoch: int
    number: int
    hash: bytes
    envelope: bytes
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRecord:
    """The newest release of a scope."""

    scope: str
    epoch: int
    number: int
    release: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that the roster keeps in memory, as the store has it."""

    policies: tuple[tuple[int, bytes], ...]
    keys: tuple[KeyRecord, ...]
    scopes: tuple[ScopeRecord, ...]
    releases: tuple[ReleaseRecord, ...]
    heads: tuple[HeadRecord, ...]
    latest: tuple[tuple[bytes, Summary], ...]
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What `prune` leaves: the newest `releases` of each scope, and nothing received before `since`."""

    releases: int
    since: int
