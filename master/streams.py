"""rsync for hosts: one `rsync --server --sender` per stream, between a host's second connection and one tree.

What a stream may read is decided by the host's key and by a document that was released to, or planned with, exactly
that key; arguments and folder are this file's and transfer.py's constants. (design section 4, measured.md section 4)

Invariants:
- at most `limit` processes at once, two streams a key; who comes later waits in a queue;
- at most WINDOW pieces are under way in each direction: a host that does not read stops its rsync, not the loop;
- a process ends with its connection, and a stream on which no byte moves for STALLED seconds is ended;
- no stream runs longer than LONGEST, and none longer than TURN while others wait: the host comes again and goes on
  where it was (`--partial`);
- a document that has only inline contents has an empty tree and is served all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orch.common import codec, document, transfer
from orch.common import events as ev
from orch.common import messages as m
from orch.common.document import Document
from orch.common.errors import NotAllowed, OrchError, ProtocolError
from orch.common.session import Known
from orch.common.wire import Sent, Waiter
from orch.master.adapters.process import Piped
from orch.master.centre import Centre
from orch.master.lines import Line

STALLED = 2.0 * transfer.QUIET
LONGEST = 3600.0
TURN = 300.0
"""Seconds that a stream may take while others wait for one to end."""
AGAIN = 30
"""rsync's exit code for "timeout": what a host takes for a line that was too slow, and tries again."""
PER_KEY = 2
STREAM_OPENED = ev.Event("stream-opened", ("host", "document"))
STREAM_ENDED = ev.Event("stream-ended", ("host", "document", "status", "sent", "text"))


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a stream was ended by the centre."""

    status: int
    text: str


class StreamLine(Line):
    """A host's connection for rsync."""

    def __init__(self, peer: bytes, key: bytes, *, host: str, document_: bytes) -> None:
        """Opened; nothing runs yet."""
        super().__init__(peer, key)
        self.host = host
        self.document = document_
        self.tree: Path | None = None
        self.process: Piped | None = None
        self.credit = 0  # pieces that may still be sent
        self.pending: deque[bytes] = deque()  # pieces on their way into rsync
        self.unwritten = memoryview(b"")
        self.input_ended = False
        self.at_end_of_output = False
        self.sent = 0
        self.moved = 0.0
        self.began = 0.0


Offered = Callable[[bytes, bytes], Document | None]
"""The document with that hash that a key may fetch the contents of beside its release (plans.py)."""


class Streams:
    """All streams."""

    def __init__(self, centre: Centre, waiter: Waiter, offered: Offered) -> None:
        """None yet."""
        self._centre = centre
        self._waiter = waiter
        self._offered = offered
        self._queue: deque[StreamLine] = deque()
        self._running: dict[bytes, StreamLine] = {}
        self._descriptors: dict[int, StreamLine] = {}

    def open(self, peer: bytes, key: bytes, message: m.StreamOpen) -> StreamLine:
        """A host opens a stream.

        Raises:
            NotAllowed: the key is not admitted, or the document is not this host's.
            ProtocolError: too many streams, or a credit of nothing.
        """
        host = self._centre.roster.hosts.get(key)
        if host is None or self._centre.roster.known(key) is not Known.ADMITTED:
            raise NotAllowed("a stream for a key that is not admitted")
        if sum(1 for line in self._centre.lines.of_key(key) if isinstance(line, StreamLine)) >= PER_KEY:
            raise ProtocolError(f"more than {PER_KEY} streams at once")
        if message.credit < 1:
            raise ProtocolError("a stream without credit")
        found = self._allowed(key, message.document)
        line = StreamLine(peer, key, host=host.admission.host, document_=message.document)
        line.credit = min(message.credit, transfer.WINDOW)
        line.moved = self._centre.clock.boottime()
        self._centre.lines.add(line)
        self._centre.disk.ask(
            lambda: self._centre.views.tree(key, message.document, found),
            lambda tree: self._has_tree(line, tree),
            lambda err: self._end(line, Ended(1, err.text)),
        )
        return line

    def _allowed(self, key: bytes, name: bytes) -> Document:
        head = self._centre.roster.head(key)
        if head is not None and self._centre.roster.hosts[key].document == name:
            return codec.decode(Document, head.parcel.document, limit=document.LIMIT)
        found = self._offered(key, name)
        if found is None:
            raise NotAllowed("a stream for a document that is not this host's newest")
        return found

    def _has_tree(self, line: StreamLine, tree: Path) -> None:
        if self._centre.lines.find(line.peer) is not line:
            return  # it hung up meanwhile
        line.tree = tree
        self._queue.append(line)
        self._start_some()

    def _start_some(self) -> None:
        while self._queue and len(self._running) < self._centre.settings.limits.streams:
            line = self._queue.popleft()
            if self._centre.lines.find(line.peer) is line and line.tree is not None:
                self._start(line, line.tree)

    def _start(self, line: StreamLine, tree: Path) -> None:
        argv = (self._centre.settings.rsync, *transfer.server_arguments(f"{tree}/"))
        try:
            line.process = process = Piped(argv, folder=tree)
        except OrchError as err:
            self._end(line, Ended(1, err.text))
            return
        self._running[line.peer] = line
        line.began = line.moved = self._centre.clock.boottime()
        for descriptor in (process.from_child, process.to_child, process.finished):
            self._descriptors[descriptor] = line
        self._waiter.add(process.finished)
        self._centre.log.write(STREAM_OPENED, host=line.host, document=line.document)
        self._look(line, process)
        self._feed(line, process)

    def received(self, line: StreamLine, message: m.Message) -> None:
        """A host said something on a stream.

        Raises:
            ProtocolError: it may not say that here, or not so much at once.
        """
        match message:
            case m.StreamData(piece=piece):
                self._take(line, piece)
            case m.StreamCredit(pieces=pieces) if 1 <= pieces <= transfer.WINDOW - line.credit:
                line.credit += pieces
            case m.StreamCredit():
                raise ProtocolError("credit for more than was sent")
            case m.StreamEnd():
                line.input_ended = True
            case _:
                raise ProtocolError(f"a host does not say {message.TAG} on a stream")
        if line.process is not None:
            self._look(line, line.process)
            self._feed(line, line.process)

    def _take(self, line: StreamLine, piece: bytes) -> None:
        if not 1 <= len(piece) <= transfer.PIECE or len(line.pending) >= transfer.WINDOW or line.input_ended:
            raise ProtocolError("more than was credited")
        line.pending.append(piece)

    def ready(self, descriptor: int) -> None:
        """A descriptor of some process has something for us, or takes something."""
        line = self._descriptors.get(descriptor)
        if line is None or line.process is None:
            return
        process = line.process
        if descriptor == process.to_child:
            self._feed(line, process)
        elif descriptor == process.from_child:
            self._read(line, process)
        self._settle(line, process)

    def _read(self, line: StreamLine, process: Piped) -> None:
        while line.credit > 0 and not line.at_end_of_output:
            piece = process.read(transfer.PIECE)
            if piece is None:
                break
            if not piece:
                line.at_end_of_output = True
                break
            if self._centre.lines.send(line.peer, m.StreamData(piece=piece)) is not Sent.YES:
                # Within its credit a queue is never full, so it hung up or did not keep to the credit.
                self._centre.lines.end(line.peer)
                break
            line.credit -= 1
            line.moved = self._centre.clock.boottime()
            line.sent += len(piece)
        self._look(line, process)

    def _look(self, line: StreamLine, process: Piped) -> None:
        """Wait for rsync's output only while the host has room for it."""
        self._waiter.remove(process.from_child)
        if line.credit > 0 and not line.at_end_of_output:
            self._waiter.add(process.from_child)

    def _feed(self, line: StreamLine, process: Piped) -> None:
        """Give rsync what the host sent; each piece that it has taken is credited back."""
        if process.to_child not in self._descriptors:
            return  # its input was ended
        while line.unwritten or line.pending:
            if not line.unwritten:
                line.unwritten = memoryview(line.pending[0])
            taken = process.write(bytes(line.unwritten))
            if not taken:
                self._waiter.add_writer(process.to_child)
                return
            line.moved = self._centre.clock.boottime()
            line.unwritten = line.unwritten[taken:]
            if not line.unwritten:
                line.pending.popleft()
                self._centre.lines.send(line.peer, m.StreamCredit(pieces=1))
        self._waiter.remove(process.to_child)
        if line.input_ended:
            # Its number may be another process's soon, so nothing may know it any more.
            self._descriptors.pop(process.to_child, None)
            process.end_input()

    def _settle(self, line: StreamLine, process: Piped) -> None:
        status = process.status()
        if status is None:
            return
        if not line.at_end_of_output:
            if line.credit > 0:
                self._read(line, process)
            if not line.at_end_of_output:
                self._waiter.remove(process.finished)  # it has ended; what it wrote waits for credit
                return
        self._end(line, Ended(status if status >= 0 else 128 - status, process.said()))

    def _end(self, line: StreamLine, how: Ended) -> None:
        """Say how it ended and hang up."""
        self._centre.lines.send(line.peer, m.StreamEnd(status=how.status, text=how.text[:300]))
        self._centre.log.write(
            STREAM_ENDED, host=line.host, document=line.document, status=how.status, sent=line.sent, text=how.text
        )
        self._centre.lines.remove(line.peer)
        self._centre.lines.end(line.peer)
        self.gone(line)

    def gone(self, line: StreamLine) -> None:
        """The connection has ended: so does the process."""
        process, line.process = line.process, None
        self._running.pop(line.peer, None)
        if process is not None:
            for descriptor in [number for number, owner in self._descriptors.items() if owner is line]:
                self._waiter.remove(descriptor)
                del self._descriptors[descriptor]
            process.close()
        self._start_some()

    def tick(self) -> None:
        """End what does not move, and what takes too long."""
        now = self._centre.clock.boottime()
        for line in list(self._running.values()):
            if now - line.moved > STALLED:
                self._end(line, Ended(AGAIN, "nothing moved on this stream for too long"))
            elif now - line.began > LONGEST:
                self._end(line, Ended(AGAIN, "this stream took too long"))
            elif self._queue and now - line.began > TURN:
                self._end(line, Ended(AGAIN, "others wait for their turn"))

    def in_use(self) -> frozenset[tuple[bytes, bytes]]:
        """Keys and documents of the trees that somebody reads now."""
        return frozenset((line.key, line.document) for line in self._centre.lines.of_kind(StreamLine))

    def close(self) -> None:
        """End all processes."""
        self._queue.clear()
        for line in list(self._running.values()):
            self.gone(line)
