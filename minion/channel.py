"""How a host's processes talk: length and codec, over a Unix stream socket. Both ends of it.

The executor listens. The agent says Agent first, then Up, Down and Received; a person's command says one SiteAsk.
The executor says Dialling and Send to the agent, and one SiteAnswer to a command.

Refuses to do: look into the centre's frames. The agent checks how many there are and how large, nothing else; the
executor does the rest.

Invariants:
- a frame larger than FRAME, an unknown word or a word of the other side is the end of that connection;
- what cannot be written at once waits in memory, at most QUEUE bytes; more than that ends the connection, which loses
  nothing: the session repeats what counts.

It imports no cryptography and no ZeroMQ: the agent must stay small.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, ClassVar, Final, TypeAlias

from orch.common import codec
from orch.common.codec import Bytes32, Length, Line, Text
from orch.common.errors import Malformed, SettingsError
from orch.common.frames import FRAME_LIMIT, MAX_FRAMES

FRAME: Final = MAX_FRAMES * FRAME_LIMIT + 4096
QUEUE: Final = 4 * FRAME
LOAD: Final = 4 * 1024 * 1024
"""Bytes that a question may bring: the head of a stick (stick.LIMIT; that module is more than the agent needs)."""
PATIENCE: Final = 2.0
"""Seconds that a person's command has to read its answer."""
_READ: Final = 256 * 1024
_LENGTH: Final = struct.Struct(">I")

CentreFrames = Annotated[tuple[Annotated[bytes, Length(0, FRAME_LIMIT)], ...], Length(1, MAX_FRAMES)]


REFUSED: Final = "refused"
"""How a try to connect ends where the centre is there and does not take this host's key."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent is here."""

    TAG: ClassVar[str] = "agent"


@dataclass(frozen=True, slots=True)
class Up:
    """There is a connection to the centre, by this address."""

    TAG: ClassVar[str] = "up"
    address: Line


@dataclass(frozen=True, slots=True)
class Down:
    """There is none any more, or none came about."""

    TAG: ClassVar[str] = "down"
    reason: Line


@dataclass(frozen=True, slots=True)
class Ailing:
    """The agent cannot work at all, and why; it ends after this."""

    TAG: ClassVar[str] = "ailing"
    text: Line
    hint: Line = ""


@dataclass(frozen=True, slots=True)
class Received:
    """Frames of the centre, as they came."""

    TAG: ClassVar[str] = "received"
    frames: CentreFrames


@dataclass(frozen=True, slots=True)
class Dialling:
    """Where the centre is and how it proves itself; sent first, and again when the policy changes it."""

    TAG: ClassVar[str] = "dialling"
    addresses: Annotated[tuple[Line, ...], Length(1, 8)]
    servers: Annotated[tuple[Bytes32, ...], Length(1, 4)]  # CURVE public keys, in the order in which to try them
    proxy: Line = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Frames for the centre."""

    TAG: ClassVar[str] = "send"
    frames: CentreFrames


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the connection to the centre and make a new one: it said something that it may not say."""

    TAG: ClassVar[str] = "hang-up"
    reason: Line


class Ask(Enum):
    """What a person on site may ask."""

    STATUS = "status"
    PLAN = "plan"
    EXPLAIN = "explain"
    IMPORT = "import"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True)
class SiteAsk:
    """A command on site."""

    TAG: ClassVar[str] = "ask"
    what: Ask
    load: Annotated[bytes, Length(0, LOAD)] = b""  # IMPORT: the head of a stick
    after: int = 0  # REPORTS: those with higher numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAnswer:
    """Its answer: `result` is an encoded dataclass of onsite.py, or `code` says what is wrong."""

    TAG: ClassVar[str] = "answer"
    code: Line = ""
    text: Text = ""
    hint: Line = ""
    result: Annotated[bytes, Length(0, FRAME_LIMIT)] = b""


Word: TypeAlias = Agent | Ailing | Up | Down | Received | Dialling | Send | HangUp | SiteAsk | SiteAnswer
_WORDS: Final[dict[str, type[Word]]] = {
    cls.TAG: cls for cls in (Agent, Ailing, Up, Down, Received, Dialling, Send, HangUp, SiteAsk, SiteAnswer)
}


class Closed(Exception):
    """The other side has gone, or said something that is no word: no error, its caller says what it means."""


class Channel:
    """One connection, without blocking."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        connection.settimeout(0)
        self._socket = connection
        self._in = bytearray()
        self._out = bytearray()

    def fileno(self) -> int:
        """For selectors and pollers."""
        return self._socket.fileno()

    @property
    def waits_to_write(self) -> bool:
        """Whether `flush` has something to do when the socket takes bytes again."""
        return bool(self._out)

    def receive(self) -> list[Word]:
        """All words that are there now.

        Raises:
            Closed: the other side has gone, or what it sent is no word.
        """
        gone = self._fill()
        words: list[Word] = []
        while (word := self._take()) is not None:
            words.append(word)
        if gone and not words:
            raise Closed("the other side has gone")
        return words

    def _fill(self) -> bool:
        while True:
            try:
                data = self._socket.recv(_READ)
            except BlockingIOError:
                return False
            except OSError as err:
                if self._in:  # last words come before their speaker's end, also where it left without reading ours
                    return True
                raise Closed(f"the connection broke: {err.strerror}") from err
            if not data:
                return True
            self._in += data
            if len(self._in) > FRAME:  # at least one whole frame is there; the rest waits in the kernel
                return False

    def _take(self) -> Word | None:
        if len(self._in) < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._in)
        if size > FRAME:
            raise Closed(f"a frame of {size} bytes")
        if len(self._in) < _LENGTH.size + size:
            return None
        body = bytes(self._in[_LENGTH.size : _LENGTH.size + size])
        del self._in[: _LENGTH.size + size]
        return _read(body)

    def send(self, word: Word) -> None:
        """Send, or keep it until the socket takes more.

        Raises:
            Closed: the other side has gone, or takes nothing any more.
        """
        self._out += _written(word)
        if len(self._out) > QUEUE:
            raise Closed("the other side does not read")
        self.flush()

    def finish(self, word: Word) -> None:
        """Send a last word, and wait until it is written, if that takes no longer than PATIENCE.

        Raises:
            Closed: the other side has gone, or does not read.
        """
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.sendall(bytes(self._out) + _written(word))
        except OSError as err:
            raise Closed(f"the connection broke: {err}") from err

    def flush(self) -> None:
        """Write what the socket takes.

        Raises:
            Closed: the other side has gone.
        """
        while self._out:
            try:
                written = self._socket.send(self._out)
            except BlockingIOError:
                return
            except OSError as err:
                raise Closed(f"the connection broke: {err.strerror}") from err
            del self._out[:written]

    def peer(self) -> int:
        """Numeric user of the process at the other end, as the kernel says."""
        size = struct.calcsize("3i")
        _pid, uid, _gid = struct.unpack("3i", self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return int(uid)

    def close(self) -> None:
        """End it."""
        self._socket.close()


def _written(word: Word) -> bytes:
    body = codec.encode({"": word.TAG, **{name: getattr(word, name) for name in codec.field_names(type(word))}})
    return _LENGTH.pack(len(body)) + body


def _read(body: bytes) -> Word:
    try:
        value = codec.parse(body, limit=FRAME)
        if not isinstance(value, dict) or not isinstance(tag := value.pop("", None), str) or tag not in _WORDS:
            raise Closed("an unknown word")
        return codec.build(_WORDS[tag], value)
    except Malformed as err:
        raise Closed(err.text) from err


def listen(path: Path, *, group: int) -> socket.socket:
    """The executor's door: root and one group may come in.

    Raises:
        SettingsError: the folder is missing, or another executor is there.
    """
    if is_answered(path):
        raise SettingsError(f"another executor listens at {path}", hint="stop it first")
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.unlink(missing_ok=True)
        door.bind(str(path))
        path.chmod(0o660)
        _give(path, group)
        door.listen(16)
        door.settimeout(0)
    except OSError as err:
        door.close()
        raise SettingsError(f"cannot listen at {path}: {err.strerror or err}") from err
    return door


def _give(path: Path, group: int) -> None:
    if os.getuid() == 0:
        os.chown(path, 0, group)


def is_answered(path: Path) -> bool:
    """Whether an executor listens there."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(str(path))
        return True
    return False


def connect(path: Path) -> Channel:
    """Reach the executor.

    Raises:
        SettingsError: it does not run, or this user may not.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.connect(str(path))
    except OSError as err:
        connection.close()
        hint = "start it: orch-minion executor; and ask as root"
        raise SettingsError(f"the executor does not answer at {path}: {err.strerror}", hint=hint) from err
    return Channel(connection)
