"""Looks every beat who listens on this host, and by which rules its firewall goes.

So what somebody does by hand is told within a beat. Asks the kernel and nobody else; the turn that follows where
something is different looks again, and its report is signed.

Refuses to do: end what listens, or report by itself. TCP only: sockets of UDP's clients come and go (last.py).

Called by desk.py, in the main thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orch.common.clock import Clock
from orch.common.session import BEAT
from orch.minion.inbox import Inbox
from orch.minion.journal import Journal
from orch.minion.last import LastNote, told_listeners
from orch.minion.listening import unasked


@dataclass(frozen=True, slots=True)
class Parts:
    """What a watch is made of."""

    inbox: Inbox
    journal: Journal
    look: Callable[[], tuple[str, ...]]  # everybody who listens (steps.Machine.listeners)
    rules: Callable[[], bytes]  # of the firewall (steps.Machine.rules)
    clock: Clock


class Watch:
    """Knows when to look next."""

    def __init__(self, parts: Parts) -> None:
        """The first look comes after a beat: a process that starts has a turn anyway."""
        self._parts = parts
        self._last = LastNote(parts.journal)
        self.due = parts.clock.boottime() + BEAT

    def news(self) -> bool:
        """Whether other programs listen, or other rules hold, than the last turn found; False before the next look."""
        now = self._parts.clock.boottime()
        if now < self.due:
            return False
        self.due = now + BEAT
        in_force, last = self._parts.inbox.in_force, self._last.read()
        if in_force is None or last is None:
            return False  # nobody has said yet who may listen
        if self._parts.rules() != last.rules:
            return True
        return told_listeners(unasked(self._parts.look(), in_force.document.listen)) != told_listeners(last.listeners)
