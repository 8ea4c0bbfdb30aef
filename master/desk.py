"""Where operators are served: one connection each, requests in, answers out.

That the connection's key is an operator's login key in the policy in force is checked at every request, so a policy
without that key ends it at the next word at the latest. What may be asked is operations.OPERATIONS, what is done is the
table of handlers that the hub hands over; a name that is in neither is refused.

Invariants:
- an answer is made when the line takes it: a slow reader holds up nobody and fills no memory but its own share;
- what changes something is done one after the other, in the order in which it came, whoever asked; however one ends,
  with a mistake of this program too, it is answered, and the next one begins;
- requests under way and watches are bounded per connection, documents held per operator and for all together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from orch.common import codec
from orch.common import events as ev
from orch.common import messages as m
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.errors import NotAllowed, OrchError, ProtocolError, Refused, StoreError, UsageError
from orch.common.policy import Operator
from orch.common.wire import Sent
from orch.master.centre import Centre
from orch.master.lines import Line

T = TypeVar("T")
UNDER_WAY = 64
"""Requests of one connection that may wait for their answer."""
HELD = 256 * 1024 * 1024
"""Bytes of documents that one operator's connections may hold for their next release or plan request."""
HELD_BY_ALL = 512 * 1024 * 1024
"""Bytes that all operators may hold together, so that a stolen login key cannot use up the centre's memory."""
PORTION = 8
"""Answers to one connection before the others get their turn."""
STUCK = 0.05
"""Seconds after which a line that took no more is tried again."""


class DeskLine(Line):
    """An operator's connection."""

    def __init__(self, peer: bytes, key: bytes) -> None:
        """Nothing was asked yet."""
        super().__init__(peer, key)
        self.held: dict[bytes, bytes] = {}
        self.held_size = 0
        self.under_way = 0
        self.out: deque[Iterator[m.Answer]] = deque()
        self.stuck: m.Answer | None = None
        self.at_end: list[Callable[[], None]] = []

    def hold(self, documents: Iterable[bytes], lines: Sequence[DeskLine]) -> None:
        """Keep documents until this connection ends or `release` gives them up.

        Args:
            documents: contents.
            lines: all connections of operators, this one among them.

        Raises:
            ProtocolError: more than one operator, or all together, may hold.
        """
        new = {sha256(content): content for content in documents}
        new = {name: content for name, content in new.items() if name not in self.held}
        size = sum(len(content) for content in new.values())
        if size + sum(line.held_size for line in lines if line.key == self.key) > HELD:
            self.give_up()
            raise ProtocolError(f"more than {HELD >> 20} MiB of documents", hint="publish in several releases")
        if size + sum(line.held_size for line in lines) > HELD_BY_ALL:
            self.give_up()
            raise ProtocolError("the centre holds much for other operators just now", hint="try again in a minute")
        self.held.update(new)
        self.held_size += size

    def documents(self, hashes: Iterable[bytes]) -> tuple[bytes, ...]:
        """Held documents by their hashes, in that order.

        Raises:
            ProtocolError: one is not held.
        """
        try:
            return tuple(self.held[name] for name in hashes)
        except KeyError as err:
            raise ProtocolError("a document was named that was not sent before") from err

    def give_up(self) -> None:
        """Forget what is held."""
        self.held, self.held_size = {}, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request under way."""

    line: DeskLine
    id: int
    person: Operator
    arguments: bytes

    def read(self, cls: type[T]) -> T:
        """Its arguments.

        Raises:
            Malformed: they are something else.
        """
        return codec.decode(cls, self.arguments, limit=m.FRAME_LIMIT, unknown="ignore")


Handler = Callable[[Asked], None]


@dataclass(slots=True)
class _Turns:
    """Changes that wait for the one before, and the one that is being made."""

    waiting: deque[tuple[Asked, Callable[[], None]]] = field(default_factory=deque)
    now: Asked | None = None


class Desk:
    """Serves all operators."""

    def __init__(self, centre: Centre) -> None:
        """Nobody is there yet; `handlers` are set once they exist, as they answer through this desk."""
        self._centre = centre
        self._turns = _Turns()
        self.handlers: Mapping[str, Handler] = {}

    def received(self, line: DeskLine, message: m.Message) -> None:
        """An operator said something.

        Raises:
            ProtocolError: it is no request.
            NotAllowed: the key is no operator's; the answer is sent already.
        """
        if not isinstance(message, m.Request):
            raise ProtocolError(f"an operator does not say {message.TAG}")
        person = self._centre.roster.operator(line.key)
        if person is None:
            err = NotAllowed(
                "no operator of the policy in force has this login key",
                hint="is the newest policy at the centre? put it into policy/ of its directory and start it anew",
            )
            self._answer(line, m.Answer(id=message.id, code=err.code, text=err.text, hint=err.hint))
            raise err
        asked = Asked(line=line, id=message.id, person=person, arguments=message.arguments)
        line.under_way += 1
        try:
            self._serve(asked, message)
        except OrchError as err:
            self.refuse(asked, err)

    def _serve(self, asked: Asked, message: m.Request) -> None:
        if asked.line.under_way > UNDER_WAY:
            raise ProtocolError(f"more than {UNDER_WAY} requests at once", hint="wait for answers")
        if message.protocol < m.LOWEST_PROTOCOL:
            raise UsageError(f"this centre does not speak protocol {message.protocol}", hint="use a newer orch")
        handler = self.handlers.get(message.operation)
        if handler is None:
            raise UsageError(
                f"this centre knows no operation {message.operation}", hint="is it older than your orch? update it"
            )
        if op.OPERATIONS[message.operation].changes:
            self._centre.log.write(ASKED, operator=asked.person.name, operation=message.operation)
        handler(asked)

    # --- answers ---------------------------------------------------------------------------------------------

    def reply(self, asked: Asked, result: object) -> None:
        """The one answer, or the last."""
        self._finish(asked, m.Answer(id=asked.id, result=codec.encode(result)))

    def refuse(self, asked: Asked, err: OrchError) -> None:
        """The answer is an error."""
        if not isinstance(err, Refused | NotAllowed | UsageError):
            self._centre.log.write(ev.PROBLEM, code=err.code, text=err.text, hint=err.hint)
        self._finish(asked, m.Answer(id=asked.id, code=err.code, text=err.text[:4000], hint=err.hint[:300]))

    def also(self, asked: Asked, result: object) -> None:
        """One answer, with more to come."""
        self._answer(asked.line, m.Answer(id=asked.id, final=False, result=codec.encode(result)))

    def stream(self, asked: Asked, results: Iterator[object], *, final: bool = True) -> None:
        """Many answers, made as the line takes them; `final`: the last one is the last."""
        asked.line.out.append(_numbered(asked, results, final=final))
        if final:
            asked.line.under_way -= 1
        self._pump(asked.line)

    def _finish(self, asked: Asked, answer: m.Answer) -> None:
        asked.line.under_way -= 1
        self._answer(asked.line, answer)

    def _answer(self, line: DeskLine, answer: m.Answer) -> None:
        line.out.append(iter((answer,)))
        self._pump(line)

    def pump(self) -> float:
        """Send what lines take now; after how many seconds to come again, infinity where all is sent."""
        again = float("inf")
        self._next_turn()
        for line in self._centre.lines.of_kind(DeskLine):
            if line.out or line.stuck:
                self._pump(line)
            if line.out or line.stuck:
                again = min(again, STUCK if line.stuck else 0.0)
        return again

    def _pump(self, line: DeskLine) -> None:
        for _ in range(PORTION):
            answer = line.stuck or _next(line.out)
            if answer is None:
                return
            sent = self._centre.lines.send(line.peer, answer)
            line.stuck = answer if sent is Sent.FULL else None
            if sent is Sent.GONE:
                line.out.clear()
            if sent is not Sent.YES:
                return

    # --- changes, one after the other --------------------------------------------------------------------------

    def in_turn(self, asked: Asked, change: Callable[[], None]) -> None:
        """Begin a change when the ones before are done. Each ends with `done` or with `failed`."""
        self._turns.waiting.append((asked, change))
        self._next_turn()

    def step(self, asked: Asked, then: Callable[[T], None]) -> Callable[[T], None]:
        """A later step of a change, to be called when what it waited for is there."""

        def guarded(value: T) -> None:
            with self._ending(asked):
                then(value)

        return guarded

    @contextmanager
    def _ending(self, asked: Asked) -> Iterator[None]:
        """However a step of a change ends, the change does not stay under way for ever."""
        mistaken = True
        try:
            yield
            mistaken = False
        except OrchError as err:
            mistaken = False
            self.failed(asked, err)
        finally:
            # What it was is said by the daemon's outermost loop; here, whoever asked is answered.
            if mistaken and self._is_over(asked):
                self.refuse(asked, StoreError("a mistake in the centre's program", hint="see the centre's log"))

    def _is_over(self, asked: Asked) -> bool:
        """End a change; whether it was not over before. The next one begins at the latest when lines are pumped."""
        if self._turns.now is not asked:
            return False
        self._turns.now = None
        return True

    def done(self, asked: Asked, result: object) -> None:
        """A change is made: answer, and let the next begin."""
        if self._is_over(asked):
            self.reply(asked, result)
            self._next_turn()

    def failed(self, asked: Asked, err: OrchError) -> None:
        """A change is not made: say why, and let the next begin."""
        if self._is_over(asked):
            self.refuse(asked, err)
            self._next_turn()

    def _next_turn(self) -> None:
        if self._turns.now is None and self._turns.waiting:
            asked, change = self._turns.waiting.popleft()
            self._turns.now = asked
            with self._ending(asked):
                change()

    def gone(self, line: DeskLine) -> None:
        """A connection has ended."""
        for clear in line.at_end:
            clear()
        line.out.clear()
        line.give_up()


ASKED = ev.Event("operator-asked", ("operator", "operation"))


def _numbered(asked: Asked, results: Iterator[object], *, final: bool) -> Iterator[m.Answer]:
    """The answers to one request, each known to be the last or not only when the next one was looked for."""
    before: object | None = None
    for result in results:
        if before is not None:
            yield m.Answer(id=asked.id, final=False, result=codec.encode(before))
        before = result
    if before is not None:
        yield m.Answer(id=asked.id, final=final, result=codec.encode(before))


def _next(out: deque[Iterator[m.Answer]]) -> m.Answer | None:
    while out:
        answer = next(out[0], None)
        if answer is not None:
            return answer
        out.popleft()
    return None
