"""Makes reports: fits them into their limits, signs them, and puts them into the outbox with the end of their run.

Refuses to do: leave a report out because it is too large. Steps are cut instead, and it says so.

Invariants:
- the end of a run and its report are one transaction: a kill can neither lose nor double a report;
- the number and the previous hash are read in the same transaction that writes the report;
- every report that is made while the floor is lost carries the host's question, and no other does.

Called by reconcile (what was done) and by the executor (what was refused).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from orch.common import attest, audit, codec
from orch.common.clock import Clock
from orch.common.crypto import SigningKey, sha256
from orch.common.errors import OrchError
from orch.common.events import REPORT_KEPT, Log
from orch.common.report import LIMIT, Outcome, PlanAnswer, Reason, Report, StepReport, Trigger
from orch.minion.adapters.database import Database
from orch.minion.failpoint import AFTER_REPORT, BEFORE_REPORT, Failpoints
from orch.minion.outbox import Outbox

_ROOM: Final = 8 * 1024
_MOST_STEPS: Final = 2000
_MOST_LINES: Final = 2000
_MOST_LISTENERS: Final = 256
_LINE: Final = 300
_TEXT: Final = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """In whose name reports are made."""

    host: str
    curve: bytes
    boot: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a report tells; the rest of it is numbers."""

    trigger: Trigger
    epoch: int
    number: int
    release: bytes
    document: bytes
    outcome: Outcome
    reason: Reason | None = None
    steps: tuple[StepReport, ...] = ()
    drift: bool = False
    listeners: tuple[str, ...] = ()
    rules: bytes = b""
    unlisted: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reporter is made of."""

    database: Database
    outbox: Outbox
    key: SigningKey
    clock: Clock
    log: Log
    failpoints: Failpoints
    question: Callable[[], bytes] = bytes  # what a reset must answer (inbox.py); empty while the floor is whole


class Reporter:
    """Signs in the name of one host."""

    def __init__(self, parts: Parts, who: Who) -> None:
        """Report for this host."""
        self._parts = parts
        self._who = who

    @contextlib.contextmanager
    def ending(self, story: Story) -> Iterator[None]:
        """Add the report, in one transaction with what the caller writes inside.

        Raises:
            StoreError: the disk refuses; then neither is there.
        """
        parts = self._parts
        parts.failpoints.reached(BEFORE_REPORT)
        with parts.database.transaction():
            sequence = self._add(story)
            yield
        parts.outbox.settled()
        parts.failpoints.reached(AFTER_REPORT)
        parts.log.write(REPORT_KEPT, sequence=sequence, outcome=story.outcome.value)

    def report(self, story: Story) -> None:
        """Add a report that ends no run.

        Raises:
            StoreError: the disk refuses.
        """
        with self.ending(story):
            pass

    def answer(self, request: bytes, document: bytes, *, steps: tuple[StepReport, ...], reason: Reason | None) -> bytes:
        """The signed answer to a plan request; it is not kept."""
        kept, cut = _fitting(steps, LIMIT - _ROOM)
        made = PlanAnswer(
            host=self._who.host,
            curve=self._who.curve,
            request=request,
            time=self._parts.clock.wall(),
            document=document,
            steps=kept,
            reason=reason or (_CUT if cut else None),
        )
        return attest.sign_plan_answer(made, self._parts.key)

    def _add(self, story: Story) -> int:
        place = self._parts.outbox.place()
        listeners = tuple(clipped(line) for line in story.listeners[:_MOST_LISTENERS])
        unlisted = tuple(clipped(line) for line in story.unlisted[:_MOST_LINES])
        room = LIMIT - _ROOM - sum(len(line.encode()) + 5 for line in (*listeners, *unlisted))
        steps, cut = _fitting(story.steps, room)
        made = Report(
            host=self._who.host,
            curve=self._who.curve,
            boot=self._who.boot,
            sequence=place.sequence,
            previous=place.previous,
            time=self._parts.clock.wall(),
            trigger=story.trigger,
            epoch=story.epoch,
            number=story.number,
            release=story.release,
            document=story.document,
            outcome=story.outcome,
            refused=story.refused,
            question=self._parts.question(),
            reason=story.reason,
            steps=steps,
            drift=story.drift,
            listeners=listeners,
            rules=story.rules,
            unlisted=unlisted,
            truncated=cut or len(unlisted) < len(story.unlisted),
            dropped=_dropped(place.replaces) + 1 if place.replaces else 0,
        )
        envelope = attest.sign_report(made, self._parts.key)
        self._parts.outbox.add(place, envelope, sha256(codec.encode(made)))
        return place.sequence


def _dropped(envelope: bytes) -> int:
    try:
        return audit.read_report(envelope).dropped
    except OrchError:
        return 0  # the disk has spoiled it


_CUT: Final = Reason(code="truncated", text="the plan is too long to be sent whole; its first steps are shown")


def reason_of(err: OrchError) -> Reason:
    """An error as a report tells it."""
    return Reason(code=clipped(err.code), text=clipped(err.text, _TEXT), hint=clipped(err.hint))


def clipped(text: str, most: int = _LINE) -> str:
    """A text that fits into its field; what goes missing is shown."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= most else clean[: most - 3] + "..."


def _fitting(steps: tuple[StepReport, ...], room: int) -> tuple[tuple[StepReport, ...], bool]:
    """As many steps as fit, the last of them without its changes where that lets it fit."""
    kept: list[StepReport] = []
    for step in steps[:_MOST_STEPS]:
        size = len(codec.encode(step))
        if size > room:
            bare = replace(step, changes=())
            if len(codec.encode(bare)) <= room:
                kept.append(bare)
            return tuple(kept), True
        kept.append(step)
        room -= size
    return tuple(kept), len(steps) > _MOST_STEPS
