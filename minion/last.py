"""How the last turn ended: what a person on site is shown, and what tells news from repetition.

Kept as a note in the journal, written in the transaction of the turn's report.

Called by reconcile (reads and writes) and by the executor (shows it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

from orch.common import codec
from orch.common.codec import Bytes16, Length, Line
from orch.common.errors import Malformed
from orch.common.release import Hash
from orch.common.report import Outcome, Reason, StepReport, Trigger
from orch.minion.journal import Journal

_NAME: Final = "last"
_LIMIT: Final = 16 * 1024 * 1024
_STEPS: Final = 50
_CHANGES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The end of a turn."""

    trigger: Trigger
    release: Hash
    document: Hash
    outcome: Outcome
    reason: Reason | None = None
    at: int  # wall clock
    boot: Bytes16
    mark: Hash  # of packages, where they were right; empty otherwise
    unlisted: Annotated[tuple[Line, ...], Length(0, 2000)] = ()
    listeners: Annotated[tuple[Line, ...], Length(0, 256)] = ()
    rules: Hash = b""  # of the firewall; empty where they cannot be known
    looked: int = 0  # when packages were last looked at in full
    steps: Annotated[tuple[StepReport, ...], Length(0, 4000)] = ()  # of the newest turn that had any

    def tells(self, before: Last) -> bool:
        """Whether a report of this would say what the one before said already."""
        return self.news() == before.news()

    def news(self) -> tuple[object, ...]:
        """What makes a report worth sending. UDP sockets of clients come and go; a TCP listener that is new counts."""
        listening = told_listeners(self.listeners)
        reason = (self.reason.code, self.reason.text) if self.reason else None
        return self.release, self.document, self.outcome, reason, self.boot, self.unlisted, listening, self.rules


def told_listeners(found: tuple[str, ...]) -> tuple[str, ...]:
    """Those of which it is news that they came or went."""
    return tuple(line for line in found[:256] if line.startswith("tcp"))


def brief(steps: tuple[StepReport, ...]) -> tuple[StepReport, ...]:
    """Steps as they are kept for people on site: not all of a large one."""
    return tuple(replace(step, changes=step.changes[:_CHANGES]) for step in steps[:_STEPS])


class LastNote:
    """Where it is kept."""

    def __init__(self, journal: Journal) -> None:
        """In this journal."""
        self._journal = journal
        self._read: tuple[bytes, Last] | None = None

    def read(self) -> Last | None:
        """The end of the last turn; None before the first, and where an older version wrote it in another form."""
        data = self._journal.note(_NAME)
        if not data:
            return None
        if self._read is None or self._read[0] != data:  # a turn asks more than once
            try:
                self._read = data, codec.decode(Last, data, limit=_LIMIT)
            except Malformed:
                return None
        return self._read[1]

    def forget(self) -> None:
        """What the next turn finds is news."""
        self._journal.set_note(_NAME, b"")

    def write(self, last: Last) -> None:
        """Keep it."""
        self._journal.set_note(_NAME, codec.encode(last))
