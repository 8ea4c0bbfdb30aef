"""The real line to the centre: requests over CURVE (common/wire.py), answers by their number.

Refuses to do: reconnect (a command is short; a person starts it again), decide what may be asked (operations.py names
it, the centre checks the login key, and whatever changes anything carries its own signature).

Every address is tried with every key by which the centre may prove itself, as hosts do: after a centre was replaced,
the estate's files may be newer or older than the centre.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from orch.common import codec, messages, wire
from orch.common.errors import Malformed, NotAllowed, ProtocolError, Unreachable
from orch.master.cli import failures
from orch.master.cli.line import Dialling

T = TypeVar("T")
TICK = 1.0
SILENCE = 2.0
"""Seconds of waiting after which a person is told so."""


class WireLine:
    """One connection to the centre."""

    def __init__(self, dialling: Dialling) -> None:
        """Connect.

        Raises:
            Unreachable: no address answered under any of the keys.
        """
        self._timeout = dialling.timeout
        most = dialling.timeout * len(dialling.servers) * len(dialling.addresses)
        self._connecting = _Patience(
            dialling.notice, f"waiting for the centre at {', '.join(dialling.addresses)}, at most {most:g} s"
        )
        self._notice = dialling.notice
        self._context = wire.Context(sockets=64)
        self._waiter = wire.Waiter()
        self._number = 0
        link = None
        try:
            link = self._first(dialling)
        finally:
            if link is None:
                self._context.close()
        if link is None:
            raise Unreachable(
                f"the centre does not answer at {', '.join(dialling.addresses)}",
                hint="is orch-master running there, and does a firewall let you through? "
                "the address is the one in the newest policy (policy/). orch doctor looks closer",
            )
        self._link = link

    def _first(self, dialling: Dialling) -> wire.Link | None:
        keys = wire.Keys(public=wire.public_of(dialling.secret), secret=dialling.secret)
        for server in dialling.servers:
            for address in dialling.addresses:
                link = wire.Link(self._context, wire.Dial(address=address, server=server, keys=keys))
                if self._came_up(link):
                    return link
                self._waiter.remove(link)
                link.close()
        return None

    def _came_up(self, link: wire.Link) -> bool:
        self._waiter.add(link)
        end = _now() + self._timeout
        while (left := end - _now()) > 0:
            self._waiter.wait(min(left, TICK))
            self._connecting.look()
            events = link.events()
            if wire.Event.UP in events:
                return True
            if events:
                return False
        return False

    def ask(self, operation: str, arguments: object, gives: type[T]) -> T:
        """One question, one answer."""
        number = self._send(operation, arguments)
        for answer in self._answers(number):
            if answer is not None:
                return _result(gives, answer)
        raise Unreachable(f"the centre ended {operation} without an answer")

    def stream(self, operation: str, arguments: object, gives: type[T]) -> Iterator[T | None]:
        """One question, answers until the final one; the caller stops whenever it wants."""
        number = self._send(operation, arguments)
        for answer in self._answers(number):
            if answer is None:
                yield None
            elif answer.result or not answer.final:
                yield _result(gives, answer)

    def close(self) -> None:
        """Hang up."""
        self._waiter.remove(self._link)
        self._link.close()
        self._context.close()

    def _send(self, operation: str, arguments: object) -> int:
        self._number += 1
        request = messages.Request(
            id=self._number, protocol=messages.PROTOCOL, operation=operation, arguments=codec.encode(arguments)
        )
        end = _now() + self._timeout
        while self._link.send(messages.to_frames(request)) is not wire.Sent.YES:
            if _now() >= end or self._broken():
                raise Unreachable("the line to the centre broke", hint="try again")
            self._waiter.wait(0.05)
        return self._number

    def _answers(self, number: int) -> Iterator[messages.Answer | None]:
        begun = False
        patience = _Patience(self._notice, f"the centre has not answered yet; waiting at most {self._timeout:g} s")
        silent_until = _now() + self._timeout
        while True:
            self._waiter.wait(min(TICK, self._timeout))
            found = self._received(number)
            for answer in found:
                begun = True
                yield answer
                if answer.final:
                    return
            if self._broken():
                raise Unreachable("the line to the centre broke", hint="try again")
            if not begun:
                patience.look()
            if not begun and _now() >= silent_until:
                raise Unreachable(
                    f"the centre took the question and did not answer within {self._timeout:g} s",
                    hint="look at the log of orch-master on its machine, and whether its disk is full; then try again",
                )
            if begun and not found:
                yield None

    def _received(self, number: int) -> list[messages.Answer]:
        """The answers to that request which are there now; those to a stream that was left early are passed over."""
        answers = [_answer(messages.from_frames(frames)) for frames in self._link.receive()]
        mine = [answer for answer in answers if answer.id == number]
        for answer in mine:
            if answer.code:
                raise failures.from_answer(answer.code, answer.text, answer.hint)
        return mine

    def _broken(self) -> bool:
        return bool(self._link.events())


class _Patience:
    """Says once what is waited for, when that takes longer than a person would take for nothing at all."""

    def __init__(self, notice: Callable[[str], None], text: str) -> None:
        self._notice, self._text, self._at = notice, text, _now() + SILENCE

    def look(self) -> None:
        if _now() >= self._at:
            self._notice(self._text)
            self._at = float("inf")


def _answer(message: messages.Message) -> messages.Answer:
    match message:
        case messages.Answer():
            return message
        case messages.Pending() | messages.Denied():
            raise NotAllowed(
                "the centre knows no operator with this login key",
                hint="is the newest policy at the centre? the estate's files may be of another estate",
            )
        case _:
            raise ProtocolError(f"the centre said {message.TAG} to an operator", hint="do both ends have one version?")


def _result(gives: type[T], answer: messages.Answer) -> T:
    try:
        # What a newer centre adds is passed over, as in every message of the protocol.
        return codec.decode(gives, answer.result, limit=messages.FRAME_LIMIT, unknown="ignore")
    except Malformed as err:
        raise ProtocolError(f"the centre's answer is not understood: {err.text}") from err


def _now() -> float:
    # A limit on waiting, not a time that anything is decided by.
    return time.clock_gettime(time.CLOCK_BOOTTIME)
