"""What travels on a connection: one class a message, each with a tag, some with opaque attachments.

On the wire a message is frames: a small msgpack map, then its attachments as they are. Attachments are the things
that are signed, hashed or large; they are never re-encoded, and one frame can be shared by many receivers.
Unknown fields are ignored, so that version N speaks with N-1; unknown tags are a ProtocolError.

Who may say what when is session.py's business, not this module's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar, cast

from orch.common import codec
from orch.common.codec import Bytes16, Bytes32, Length, Line
from orch.common.errors import Malformed, ProtocolError
from orch.common.frames import FRAME_LIMIT as FRAME_LIMIT  # noqa: PLC0414  a message's readers find it here
from orch.common.frames import MAX_FRAMES
from orch.common.names import Name
from orch.common.release import Hash, Proof

PROTOCOL = 1
LOWEST_PROTOCOL = 1
HEADER_LIMIT = 64 * 1024
Attachment = Annotated[bytes, Length(0, FRAME_LIMIT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Base of all messages."""

    TAG: ClassVar[str] = ""
    ATTACHED: ClassVar[tuple[str, ...]] = ()


# --- host to centre ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message):
    """First word of a host on each connection; also its pull."""

    TAG: ClassVar[str] = "hello"
    ATTACHED: ClassVar[tuple[str, ...]] = ("request",)
    protocol: int
    lowest: int
    boot: Bytes16
    nonce: Bytes16
    policy: int  # newest version this host holds
    admission: int  # serial; 0: not admitted yet
    scope: Line = ""  # of the newest release this host holds; older hosts do not say it
    epoch: int  # newest release this host holds
    number: int
    release: Hash
    sequence: int  # of the newest report it ever made
    spares: bool = False  # it takes a release without a document that it holds (Delivered.known)
    document: Hash = b""  # the document of that release
    request: Attachment = b""  # its identity request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Message):
    """Is there anything newer? The pull on a timer, and the application heartbeat."""

    TAG: ClassVar[str] = "ask"
    nonce: Bytes16
    policy: int
    scope: Line = ""  # as in Hello
    epoch: int
    number: int
    release: Hash
    lacks: Hash = b""  # a document that was left out and is not here: send the release with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Message):
    """A signed report; repeated until acknowledged."""

    TAG: ClassVar[str] = "report"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    sequence: int
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Message):
    """How far a host is, for people who watch; may be lost, never believed."""

    TAG: ClassVar[str] = "progress"
    epoch: int
    number: int
    step: int
    steps: int
    text: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Message):
    """The signed answer to a plan request."""

    TAG: ClassVar[str] = "planned"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    request: Bytes16
    envelope: Attachment = b""


# --- centre to host ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Message):
    """Nobody has admitted this key yet; says nothing else."""

    TAG: ClassVar[str] = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Message):
    """The key was revoked, or the version is not spoken."""

    TAG: ClassVar[str] = "denied"
    reason: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySent(Message):
    """One policy version, the next one the host lacks."""

    TAG: ClassVar[str] = "policy"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    version: int
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted(Message):
    """The host's signed admission."""

    TAG: ClassVar[str] = "admitted"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    serial: int
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness(Message):
    """The answer to a nonce."""

    TAG: ClassVar[str] = "fresh"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Message):
    """A release, this host's document of it and the proof that it belongs there.

    A document that the host holds is left out, and `known` names it: the host judges its own copy.
    """

    TAG: ClassVar[str] = "release"
    ATTACHED: ClassVar[tuple[str, ...]] = ("release", "document")
    proof: Proof
    known: Hash = b""  # SHA-256 of a document that is left out; empty: it is here
    release: Attachment = b""
    document: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOn(Message):
    """A signed `go`."""

    TAG: ClassVar[str] = "go"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Message):
    """Every report up to this sequence is committed."""

    TAG: ClassVar[str] = "ack"
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAsked(Message):
    """A plan request, this host's candidate document and the proof."""

    TAG: ClassVar[str] = "plan"
    ATTACHED: ClassVar[tuple[str, ...]] = ("request", "document")
    proof: Proof
    request: Attachment = b""
    document: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered(Message):
    """A signed order."""

    TAG: ClassVar[str] = "order"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    envelope: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetSent(Message):
    """A signed reset, for a host that has asked for one."""

    TAG: ClassVar[str] = "reset"
    ATTACHED: ClassVar[tuple[str, ...]] = ("envelope",)
    envelope: Attachment = b""


# --- a second connection of a host: rsync's bytes -----------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOpen(Message):
    """I want to rsync the files of this document of mine."""

    TAG: ClassVar[str] = "open"
    document: Bytes32
    credit: int  # pieces that may be under way to the host


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamData(Message):
    """A piece of rsync's stream, either way; at most 64 KiB."""

    TAG: ClassVar[str] = "data"
    ATTACHED: ClassVar[tuple[str, ...]] = ("piece",)
    piece: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCredit(Message):
    """So many more pieces may be sent to me."""

    TAG: ClassVar[str] = "credit"
    pieces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnd(Message):
    """No more; `status` is rsync's exit code, `text` says why where it is not 0."""

    TAG: ClassVar[str] = "end"
    status: int
    text: Line = ""


# --- the operator's connection ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Message):
    """An operator asks for an operation (operations.py); `arguments` is its encoded dataclass."""

    TAG: ClassVar[str] = "request"
    ATTACHED: ClassVar[tuple[str, ...]] = ("arguments",)
    id: int
    protocol: int
    operation: Name
    arguments: Attachment = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Message):
    """One answer; a watching operation gives many, the last one is `final`. `code` is empty for success."""

    TAG: ClassVar[str] = "answer"
    ATTACHED: ClassVar[tuple[str, ...]] = ("result",)
    id: int
    final: bool = True
    code: Line = ""  # an OrchError's code
    text: Annotated[str, Length(0, 4000)] = ""
    hint: Line = ""
    result: Attachment = b""


ALL: tuple[type[Message], ...] = (
    Hello, Ask, Reported, Progress, Planned,
    Pending, Denied, PolicySent, Admitted, Freshness, Delivered, WentOn, Acknowledged, PlanAsked, Ordered, ResetSent,
    StreamOpen, StreamData, StreamCredit, StreamEnd,
    Request, Answer,
)  # fmt: skip
BY_TAG = {cls.TAG: cls for cls in ALL}
M = TypeVar("M", bound=Message)


def to_frames(message: Message) -> tuple[bytes, ...]:
    """The frames of a message: header, then attachments in their declared order."""
    cls = type(message)
    names = [name for name in codec.field_names(cls) if name not in cls.ATTACHED]
    header = codec.encode({"": cls.TAG, **{name: getattr(message, name) for name in names}})
    return (header, *(cast(bytes, getattr(message, name)) for name in cls.ATTACHED))


def from_frames(frames: tuple[bytes, ...] | list[bytes]) -> Message:
    """Read a message.

    Raises:
        Malformed: too many or too large frames, or a header that does not fit its class.
        ProtocolError: a tag that this version does not know.
    """
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise Malformed(f"a message of {len(frames)} frames")
    header = codec.parse(frames[0], limit=HEADER_LIMIT)
    if not isinstance(header, dict) or not isinstance(tag := header.pop("", None), str):
        raise Malformed("a message without a tag")
    cls = BY_TAG.get(tag)
    if cls is None:
        raise ProtocolError(f"unknown message {tag[:40]!r}")
    if len(frames) != 1 + len(cls.ATTACHED):
        raise Malformed(f"{tag} has {len(frames) - 1} attachments, not {len(cls.ATTACHED)}")
    for name, frame in zip(cls.ATTACHED, frames[1:], strict=True):
        if len(frame) > FRAME_LIMIT:
            raise Malformed(f"{tag}.{name} has {len(frame)} bytes")
        header[name] = frame
    return codec.build(cls, header, unknown="ignore")
