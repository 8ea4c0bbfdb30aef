"""rsync's remote shell: its bytes over a CURVE connection of their own.

rsync starts it, says what it would run at the other end, and talks to its stdin and stdout. The centre runs its own
rsync with arguments of its own choosing, on the tree of the document that was asked for. (design section 4)

Refuses to do: pass anything of rsync's command on, or take more bytes than the document's files can have.

Invariants:
- at most WINDOW pieces are under way each way (transfer.py);
- rsync makes its descriptors non-blocking, so every read and write here expects EAGAIN;
- its exit code is that of the centre's rsync, or one of rsync's own that says what broke.

Called by rsync, which was started by fetcher.py and handed this process its Want through the environment.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

from orch.common import transfer
from orch.common.clock import Clock
from orch.common.errors import OrchError, ProtocolError, SettingsError, Unreachable
from orch.common.messages import Message, StreamCredit, StreamData, StreamEnd, StreamOpen, from_frames, to_frames
from orch.common.wire import Context, Dial, Event, Keys, Link, Sent, Waiter, public_of
from orch.minion.curve import read_curve
from orch.minion.want import Want

PATIENCE: Final = 30.0
"""Seconds for one attempt to connect, as the agent gives (agent.py)."""


class Exit(IntEnum):
    """rsync's own exit codes, as far as this process gives them (rsync(1))."""

    DONE = 0
    SYNTAX = 1
    START = 5
    PROTOCOL = 12
    SILENT = 30
    CONNECT = 35


class Flow:
    """One side's account of a stream: what it may send, what it has to give back. No I/O."""

    def __init__(self, most: int) -> None:
        """At the start both sides may send WINDOW pieces; `most` is what may come in all."""
        self._may = transfer.WINDOW
        self._owed = 0
        self._left = most
        self.waiting: deque[bytes] = deque()  # pieces to be written out
        self.end: StreamEnd | None = None

    @property
    def may_send(self) -> bool:
        """Whether another piece may go out."""
        return self._may > 0

    def sent(self) -> None:
        """A piece went out."""
        self._may -= 1

    def received(self, message: Message) -> None:
        """The other side said something.

        Raises:
            ProtocolError: it may not say that, or sends more than it was credited or than there can be.
        """
        if self.end is not None:
            raise ProtocolError(f"{message.TAG} after the end of the stream")
        match message:
            case StreamData(piece=piece):
                self._left -= len(piece)
                if self._left < 0:
                    raise ProtocolError("the centre sends more than the document's files can have")
                if len(self.waiting) + self._owed >= transfer.WINDOW or len(piece) > transfer.PIECE:
                    raise ProtocolError("the centre sends faster than was allowed")
                self.waiting.append(piece)
            case StreamCredit(pieces=pieces):
                self._may = min(transfer.WINDOW, self._may + pieces)
            case StreamEnd():
                self.end = message
            case _:
                raise ProtocolError(f"a stream does not say {message.TAG}")

    def written(self, count: int) -> bool:
        """So many bytes of the first waiting piece were written.

        Returns:
            Whether the piece is done.
        """
        rest = self.waiting[0][count:]
        if rest:
            self.waiting[0] = rest
            return False
        self.waiting.popleft()
        self._owed += 1
        return True

    def credit(self) -> int:
        """Pieces to give back now; 0 for none. Given back in fours, and always when nothing else waits."""
        if self._owed < transfer.WINDOW // 2 and self.waiting:
            return 0
        owed, self._owed = self._owed, 0
        return owed

    @property
    def over(self) -> bool:
        """Whether the end came and everything is written."""
        return self.end is not None and not self.waiting


class Pipe:
    """One stream, between two descriptors and the centre."""

    def __init__(self, want: Want, clock: Clock, *, source: int = 0, target: int = 1) -> None:
        """Prepare; `run` does it."""
        self._want = want
        self._clock = clock
        self._source: int | None = source
        self._target = target
        self._flow = Flow(want.most)
        self._heard = 0.0

    def run(self, arguments: Sequence[str]) -> int:
        """Carry bytes until the end; the exit code.

        Raises:
            SettingsError: this rsync speaks other options, or a key is missing.
            Unreachable: no address of the centre answered.
            ProtocolError: the centre said something wrong, or the line broke.
        """
        if not transfer.fits(arguments):
            hint = "rsync 3.2.7 to 3.5.0 are known to fit"
            raise SettingsError(f"this rsync speaks other options: {' '.join(arguments)}", hint=hint)
        secret = read_curve(Path(self._want.curve))
        context = Context(sockets=8)
        try:
            link = self._connected(context, Keys(public_of(secret), secret))
            self._say(link, StreamOpen(document=self._want.document, credit=transfer.WINDOW))
            return self._pump(link)
        finally:
            context.close()

    def _connected(self, context: Context, keys: Keys) -> Link:
        reasons: list[str] = []
        for server in self._want.servers:
            for address in self._want.addresses:
                link = Link(context, Dial(address=address, server=server, keys=keys, proxy=self._want.proxy))
                if self._is_up(link):
                    return link
                reasons.append(f"{address} ({link.trouble})" if link.trouble else address)
                link.close()
        raise Unreachable(f"the centre does not answer at {', '.join(dict.fromkeys(reasons))}")

    def _is_up(self, link: Link) -> bool:
        waiter = Waiter()
        waiter.add(link)
        until = self._clock.boottime() + PATIENCE
        while (left := until - self._clock.boottime()) > 0:
            waiter.wait(left)
            if events := link.events():
                return events == [Event.UP]
        return False

    def _pump(self, link: Link) -> int:
        os.set_blocking(self._target, False)
        if self._source is not None:
            os.set_blocking(self._source, False)
        self._heard = self._clock.boottime()
        while not self._flow.over:
            self._wait(link)
            self._from_centre(link)
            self._to_rsync()
            if (pieces := self._flow.credit()) and self._flow.end is None:
                self._say(link, StreamCredit(pieces=pieces))
            self._from_rsync(link)
        end = self._flow.end
        if end is not None and end.status != 0:
            raise ProtocolError(f"the centre's rsync ended with {end.status}: {end.text or 'it said no more'}")
        return Exit.DONE

    def _wait(self, link: Link) -> None:
        waiter = Waiter()
        waiter.add(link)
        if self._source is not None and self._flow.may_send:
            waiter.add(self._source)
        if self._flow.waiting:
            waiter.add_writer(self._target)
        if waiter.wait(5.0):
            self._heard = self._clock.boottime()
        elif self._clock.boottime() - self._heard > 2 * transfer.QUIET:
            raise ProtocolError("nothing came for a long time")

    def _from_centre(self, link: Link) -> None:
        frames_there = link.receive()
        for frames in frames_there:
            self._flow.received(from_frames(frames))
        if self._flow.end is None and any(event is not Event.UP for event in link.events()):
            raise ProtocolError("the line to the centre broke")

    def _to_rsync(self) -> None:
        while self._flow.waiting:
            try:
                written = os.write(self._target, self._flow.waiting[0])
            except BlockingIOError:
                return
            except OSError as err:
                raise ProtocolError(f"rsync has gone: {err.strerror}") from err
            self._flow.written(written)

    def _from_rsync(self, link: Link) -> None:
        while self._source is not None and self._flow.may_send and self._flow.end is None:
            try:
                piece = os.read(self._source, transfer.PIECE)
            except BlockingIOError:
                return
            if piece:
                self._flow.sent()
                self._say(link, StreamData(piece=piece))
            else:
                self._source = None
                self._say(link, StreamEnd(status=0))

    def _say(self, link: Link, message: Message) -> None:
        if link.send(to_frames(message)) is not Sent.YES:
            raise ProtocolError("the line to the centre takes no more")


_CODES: Final[tuple[tuple[type[OrchError], Exit], ...]] = (
    (SettingsError, Exit.START),
    (Unreachable, Exit.CONNECT),
    (OrchError, Exit.PROTOCOL),
)


def code_of(err: OrchError) -> int:
    """The exit code by which rsync, and after it the fetcher, learns what happened."""
    return next(code for cls, code in _CODES if isinstance(err, cls))
