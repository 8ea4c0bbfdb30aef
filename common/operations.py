"""What an operator may ask of the centre: the one table, and what each operation takes and gives.

The centre accepts exactly the names in OPERATIONS, from connections whose CURVE key is an operator's login key in the
policy in force. That a login key may ask is all that is checked here: whatever changes anything carries its own
signatures, which the intake verifies (a connection is never an authority). (design sections 3, 4)

Operations marked `many` answer several times; the last answer is `final`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from orch.common.codec import Bytes32, Length, Line
from orch.common.names import HostName, Name
from orch.common.release import Hash, Parcel
from orch.common.rows import ROWS as ROWS  # noqa: PLC0414  the table's readers find them here
from orch.common.rows import Nothing as Nothing  # noqa: PLC0414
from orch.common.rows import Row as Row  # noqa: PLC0414
from orch.common.rows import View as View  # noqa: PLC0414

PIECE = 256 * 1024
"""Bytes of a blob in one message."""


@dataclass(frozen=True, slots=True)
class After:
    """Policy versions above this one."""

    version: int


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Signed things, as signed."""

    envelopes: Annotated[tuple[Annotated[bytes, Length(0, 70_000)], ...], Length(0, 64)]


@dataclass(frozen=True, slots=True)
class Signed:
    """One signed thing."""

    envelope: Annotated[bytes, Length(0, 1_000_000)]


@dataclass(frozen=True, slots=True)
class ScopeAsked:
    """A scope."""

    scope: Name


@dataclass(frozen=True, slots=True)
class ScopeHead:
    """The newest release of a scope that the centre knows; zeros and empty where there is none."""

    epoch: int
    number: int
    release: Hash
    claimed: bool = False  # the centre never took it in: hosts say that they hold it


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256 of contents."""

    hashes: Annotated[tuple[Bytes32, ...], Length(0, 30_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentAsked:
    """A content, from `offset` on."""

    sha256: Bytes32
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """A part of a content, at most PIECE bytes; nothing beyond its end."""

    data: Annotated[bytes, Length(0, PIECE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a blob: pieces come in order from offset 0 to `size`."""

    sha256: Bytes32
    size: int
    offset: int
    data: Annotated[bytes, Length(0, PIECE)]


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents to be held, on this connection, for the release or plan request that names them."""

    documents: Annotated[tuple[Annotated[bytes, Length(0, 1024 * 1024)], ...], Length(0, 4000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A release and, where it was signed together with it, its return; documents by hash in leaf order."""

    release: Annotated[bytes, Length(0, 20_000)]
    documents: Annotated[tuple[Bytes32, ...], Length(1, 30_000)]
    back: Annotated[bytes, Length(0, 20_000)] = b""
    back_documents: Annotated[tuple[Bytes32, ...], Length(0, 30_000)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How many hosts the release names and how many of them have it in this moment on their line."""

    hosts: int
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPlan:
    """A plan request; documents by hash in leaf order."""

    request: Annotated[bytes, Length(0, 20_000)]
    documents: Annotated[tuple[Bytes32, ...], Length(1, 30_000)]


class PlanState(Enum):
    """What became of a plan request at one host."""

    ASKED = "asked"
    OFFLINE = "offline"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One host's turn in a plan; `envelope` is its signed PlanAnswer. `seen`: when it was last heard, 0 for never."""

    host: HostName
    curve: Bytes32
    state: PlanState
    seen: int = 0
    envelope: Annotated[bytes, Length(0, 600_000)] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key that knocked, with what is known of it."""

    curve: Bytes32
    state: Name  # pending, rejected, admitted, revoked
    request: Annotated[bytes, Length(0, 5000)]  # identity request envelope; empty where it never came
    admission: Annotated[bytes, Length(0, 5000)] = b""
    first: int = 0
    last: int = 0
    address: Line = ""


@dataclass(frozen=True, slots=True)
class KeyRows:
    """Keys."""

    rows: Annotated[tuple[KeyRow, ...], Length(0, ROWS)]


@dataclass(frozen=True, slots=True)
class KeyAsked:
    """A key to reject: no signature, as it only clears the list of those who wait."""

    curve: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreState:
    """How the centre itself is. Sizes in bytes."""

    version: Line
    time: int  # its clock
    free: int  # on the disk of its directory
    size: int  # of that disk
    contents: int  # what uploaded contents take
    contents_limit: int  # and may take


@dataclass(frozen=True, slots=True)
class HostAsked:
    """A host, by name; with its newest reports, or without."""

    host: HostName
    reports: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One host in full: its row, newest reports (signed, newest first), the wanted release and its document."""

    time: int
    row: Row
    reports: Annotated[tuple[Annotated[bytes, Length(0, 600_000)], ...], Length(0, 20)]
    release: Annotated[bytes, Length(0, 20_000)] = b""
    document: Annotated[bytes, Length(0, 1024 * 1024)] = b""
    revocation: Annotated[bytes, Length(0, 5000)] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAsked:
    """The newest releases that name a host, at most so many."""

    host: HostName
    most: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRelease:
    """A release that was published; `received` is when, by the centre's clock."""

    release: Annotated[bytes, Length(0, 20_000)]
    received: int


@dataclass(frozen=True, slots=True)
class History:
    """Releases of a host that the centre still keeps, newest first."""

    releases: Annotated[tuple[PastRelease, ...], Length(0, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAsked:
    """A host's document in the release whose body has this SHA-256."""

    host: HostName
    release: Bytes32


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One thing that operators signed, as signed; `kind` is policy, admission, revocation or release."""

    kind: Name
    envelope: Annotated[bytes, Length(0, 70_000)]


@dataclass(frozen=True, slots=True)
class AuditRows:
    """Signed things, each kind in its order."""

    rows: Annotated[tuple[AuditRow, ...], Length(0, ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsAsked:
    """A host's reports with a higher number than `after`, in their order."""

    host: HostName
    after: int = 0


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports as the host signed them; empty where there are no more."""

    reports: Annotated[tuple[Annotated[bytes, Length(0, 600_000)], ...], Length(0, ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Reports of one host that somebody carried here, as the host signed them, in their order."""

    host: HostName
    curve: Bytes32
    reports: Annotated[tuple[Annotated[bytes, Length(0, 600_000)], ...], Length(1, ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How many of them were new, and the number up to which the centre has committed that host's reports."""

    new: int
    upto: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An entry of the table."""

    takes: type
    gives: type
    many: bool = False
    changes: bool = False


OPERATIONS: dict[str, Operation] = {
    "policy.get": Operation(After, Envelopes),
    "policy.put": Operation(Signed, Nothing, changes=True),
    "scope.head": Operation(ScopeAsked, ScopeHead),
    "blob.missing": Operation(Hashes, Hashes),  # also those whose bytes at the centre do not fit any more
    "blob.get": Operation(ContentAsked, Content),
    "blob.put": Operation(Piece, Nothing, changes=True),
    "document.hold": Operation(Documents, Nothing),
    "release.put": Operation(Publish, Published, changes=True),
    "plan.ask": Operation(AskPlan, PlanItem, many=True),
    "key.list": Operation(Nothing, KeyRows, many=True),
    "key.admit": Operation(Signed, Nothing, changes=True),
    "key.reject": Operation(KeyAsked, Nothing, changes=True),
    "key.revoke": Operation(Signed, Nothing, changes=True),
    "key.reset": Operation(Signed, Nothing, changes=True),
    "centre.get": Operation(Nothing, CentreState),
    "status.get": Operation(Nothing, View, many=True),
    "status.watch": Operation(Nothing, View, many=True),  # all rows, then each row as it changes
    "host.explain": Operation(HostAsked, Detail),
    "host.history": Operation(HistoryAsked, History),
    "host.document": Operation(DocumentAsked, Parcel),
    "host.reports": Operation(ReportsAsked, Reports),
    "report.put": Operation(Carried, Received, changes=True),
    "audit.list": Operation(Nothing, AuditRows, many=True),
}
