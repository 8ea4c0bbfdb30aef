"""The host as a turn needs it: planner, actions and adapters, joined over one root.

Refuses to do: decide. It makes a new look (adapters/machine.py) for each plan, and fetches apt's indexes only
where its caller says so.

Called by steps.py and reconcile.py, through their `Machine` port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from orch.common.document import Document
from orch.common.report import Change
from orch.common.sealed import Opener, open_nowhere
from orch.minion import planner
from orch.minion.actions import Hands
from orch.minion.adapters.machine import Machine
from orch.minion.adapters.transient import runner_of
from orch.minion.planner import Look, Plan
from orch.states.base import Step


class WholeHost:
    """One root."""

    def __init__(self, root: Path, *, leave: Callable[[], bool] = lambda: False, opens: Opener = open_nowhere) -> None:
        """Look at it and act on it.

        Args:
            root: the host's.
            leave: looking is cut off as soon as this says that something else goes first.
            opens: opens what was sealed to this host.
        """
        self._root = root
        self._runner = runner_of(root, leave=leave)
        self._opens = opens
        self._hands = Hands(root, runner=runner_of(root), opens=opens)

    def plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        """What would have to change.

        Raises:
            Blocked: it cannot be known now.
            StepFailed: it cannot be done at all.
        """
        host = Machine(self._root, runner=self._runner, refresh=look.refresh, opens=self._opens)
        return planner.plan(document, materials, host, look=look)

    def mark(self, document: Document) -> bytes:
        """Differs when packages may have changed; starts no program."""
        return planner.mark(document, Machine(self._root, refresh=False))

    def apply(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[Change, ...]:
        """Do a step; the changes that were really made.

        Raises:
            Blocked: not now.
            StepFailed: it was tried and failed.
        """
        return self._hands.apply(step, materials)

    def listeners(self) -> tuple[str, ...]:
        """Who listens in this host's network."""
        return Machine(self._root, refresh=False).listeners()

    def rules(self) -> bytes:
        """SHA-256 of the rules of this host's firewall."""
        return Machine(self._root, refresh=False).rules()
