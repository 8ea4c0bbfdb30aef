"""One turn: look, plan, do, look again, report. The same for a release, a boot, a timer and an interrupted run.

Refuses to do: decide whether a document counts (inbox.py did), or remove anything while the permission is to heal only.
It never edits the host itself: a Machine does (steps.py).

Invariants:
- the end of a run and its report are one transaction;
- "applied" means that a second look found nothing to do;
- a turn that has nothing to do starts no program, and is reported only if that is news: the first time for a release,
  once a boot, and when the state differs from what was reported last.

Called by worker.py, in the executor's one worker thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from orch.common.document import Document
from orch.common.errors import Blocked, OrchError, StepFailed
from orch.common.events import PROBLEM, RUN_INTERRUPTED, TURN_ENDED, TURN_STARTED, TURN_UNCHANGED
from orch.common.report import Outcome, Reason, Sign, StepReport, Trigger
from orch.minion.adapters.database import Database
from orch.minion.failpoint import AFTER_RUN
from orch.minion.journal import Interrupted, Run
from orch.minion.last import Last, LastNote, brief
from orch.minion.listening import unasked
from orch.minion.materials import Store
from orch.minion.planner import ROUNDS, Look, Plan
from orch.minion.reporter import Reporter, Story, clipped, reason_of
from orch.minion.shelf import InForce
from orch.minion.steps import TEXT, Allowed, OpenRun, Parts, Result, Runner, Task, carried, overtaken

_BY_ITSELF: Final = (Trigger.TIMER, Trigger.BOOT)
_QUICK: Final = (*_BY_ITSELF, Trigger.RELEASE)
"""Turns that take the mark's word for packages: most releases change something else, or nothing on this host."""
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What to bring about."""

    trigger: Trigger
    what: InForce
    full: bool = False  # look at packages even if nothing seems to have changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a turn ended. `outcome` is None where the process is about to end and the run stays open."""

    outcome: Outcome | None
    reason: Reason | None = None
    unwritten: bool = False  # this host's disk refused the journal: nothing more was begun, nothing is reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where a turn is written down."""

    boot: bytes
    database: Database
    reporter: Reporter
    store: Store


class Reconciler:
    """Does turns, one after the other."""

    def __init__(self, parts: Parts, written: Written) -> None:
        """Use these parts."""
        self._parts = parts
        self._written = written
        self._runner = Runner(parts)
        self._note = LastNote(parts.journal)

    def turn(self, turn: Turn) -> Ended:
        """Bring it about, as far as it is allowed and possible.

        Raises:
            StoreError: this host's own disk stands in the way of the journal; nothing more was begun.
        """
        release = turn.what.release
        self._parts.log.write(
            TURN_STARTED,
            trigger=turn.trigger.value,
            epoch=release.epoch,
            number=release.number,
            permission=self._parts.heed.allowed().permission.value,
        )
        opened = self._interrupted(turn)
        return self._rounds(turn, opened, None if opened else self._settled(turn))

    def _rounds(self, turn: Turn, opened: OpenRun | None, settled: bytes | None) -> Ended:
        """Plan and do, until a plan is empty: more than once only where a plan said that it was a first part."""
        done: tuple[StepReport, ...] = ()
        goes_on = refresh = True
        for _ in range(ROUNDS + 1):
            looked = self._looked(turn, settled, refresh=refresh)
            if isinstance(looked, Result):
                return self._end(turn, opened, replace(looked, steps=done))
            plan, materials = looked
            allowed = self._parts.heed.allowed()
            steps = tuple(step for step in plan.steps if not allowed.forbids(step))
            if not steps:
                return self._end(turn, opened, replace(_calm(allowed, plan), steps=done))
            if not goes_on:
                return self._end(turn, opened, _unstable(plan, done))
            opened = opened or self._begin(turn)
            at = replace(opened, position=opened.position + len(done))
            result = self._runner.run(Task(turn.what, materials), at, steps)
            if result is None:
                return Ended(outcome=None)
            done += result.steps
            if result.outcome is not Outcome.APPLIED:
                return self._end(turn, opened, replace(result, steps=done))
            goes_on = bool(plan.more or plan.problems)
            # Indexes that could not be fetched in this turn are not taken for new in its next round.
            refresh = plan.settled or bool(plan.problems)
        return self._end(turn, opened, replace(_ENDLESS, steps=done))

    def plan_only(self, document: Document, document_hash: bytes) -> Plan:
        """What would be done with a document; nothing is.

        Raises:
            Blocked: it cannot be known now.
            StepFailed: it cannot be done at all.
        """
        materials = self._written.store.gather_to_plan(document, document_hash)
        return self._plan(document, materials, Look())

    # --- looking ------------------------------------------------------------------------------------

    def _looked(
        self, turn: Turn, settled: bytes | None, *, refresh: bool
    ) -> tuple[Plan, Mapping[bytes, bytes]] | Result:
        document = turn.what.document
        heal = self._parts.heed.allowed().heal
        look = Look(allowance=turn.what.release.removals, heal=heal, settled=settled, refresh=refresh)
        try:
            materials = self._written.store.gather(document, turn.what.document_hash)
            plan = self._plan(document, materials, look)
        except OrchError as err:
            if self._parts.heed.superseded():
                return overtaken()
            return Result(Outcome.WAITING if isinstance(err, Blocked) else Outcome.FAILED, reason_of(err))

        if not plan.converged and self._parts.heed.superseded():
            return overtaken()
        return plan, materials

    def _plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        try:
            return self._parts.machine.plan(document, materials, look)
        except OrchError:
            raise
        except Exception as err:
            # A boundary like that of a step: a fault of ours in looking would end the executor at every start, before
            # the release can come that mends it.
            raise StepFailed(f"unexpected: {type(err).__name__}: {err}", hint="report this as a fault of orch") from err

    def _settled(self, turn: Turn) -> bytes | None:
        """The mark of the last good turn: while it fits, which the planner finds out, packages need no look."""
        last = self._note.read()
        if last is None or turn.full or turn.trigger not in _QUICK:
            return None
        if last.outcome is not Outcome.APPLIED:
            return None
        age = self._parts.clock.wall() - last.looked
        if not 0 <= age < turn.what.document.reconcile.full:  # also after a clock that went back
            return None
        return last.mark

    # --- beginning and ending -----------------------------------------------------------------------

    def _begin(self, turn: Turn) -> OpenRun:
        release = turn.what.release
        run = Run(trigger=turn.trigger, epoch=release.epoch, number=release.number, release=turn.what.release_hash)
        opened = OpenRun(self._parts.journal.begin(run, now=self._parts.clock.wall()))
        self._parts.failpoints.reached(AFTER_RUN)
        return opened

    def _end(self, turn: Turn, opened: OpenRun | None, result: Result) -> Ended:
        steps = (opened.carried if opened else ()) + result.steps
        before = self._note.read()
        last = self._last(turn, result, steps, before)
        news = before is None or not last.tells(before) or any(item.changes for item in steps)
        if news or (opened is not None and opened.carried):
            with self._written.reporter.ending(_story(turn, last, steps, drift=_is_drift(turn, before, steps))):
                self._close(opened, last)
            reason = result.reason
            self._parts.log.write(
                TURN_ENDED,
                trigger=turn.trigger.value,
                outcome=result.outcome.value,
                steps=len(steps),
                code=reason.code if reason else "-",
                text=reason.text if reason else "-",
            )
        else:
            with self._written.database.transaction():
                self._close(opened, last)
            self._parts.log.write(TURN_UNCHANGED, trigger=turn.trigger.value)
        if result.outcome is Outcome.APPLIED:
            self._tidy(turn)
        return Ended(outcome=result.outcome, reason=result.reason)

    def _close(self, opened: OpenRun | None, last: Last) -> None:
        if opened is not None:
            self._parts.journal.finish(opened.id, last.outcome, now=last.at)
        self._note.write(last)

    def _last(self, turn: Turn, result: Result, steps: tuple[StepReport, ...], before: Last | None) -> Last:
        machine, now = self._parts.machine, self._parts.clock.wall()
        unlisted = result.unlisted
        last = Last(
            trigger=turn.trigger,
            release=turn.what.release_hash,
            document=turn.what.document_hash,
            outcome=result.outcome,
            reason=result.reason,
            at=now,
            boot=self._written.boot,
            mark=self._mark(turn, result, before),
            unlisted=tuple(clipped(name) for name in (unlisted or ())[:2000]),
            listeners=tuple(clipped(line) for line in unasked(machine.listeners(), turn.what.document.listen)[:256]),
            rules=machine.rules(),
            looked=now if unlisted is not None or before is None else before.looked,
            steps=brief(steps) if steps or before is None else before.steps,
        )
        return replace(last, unlisted=before.unlisted) if unlisted is None and before is not None else last

    def _mark(self, turn: Turn, result: Result, before: Last | None) -> bytes:
        """What the next turn compares with. Where the last look needed none of packages, the mark was found to fit."""
        if result.outcome is not Outcome.APPLIED:
            return b""
        if result.unlisted is None and before is not None:
            return before.mark
        return self._parts.machine.mark(turn.what.document)

    def _tidy(self, turn: Turn) -> None:
        try:
            self._written.store.forget_others(turn.what.document)
        except OrchError as err:  # it costs room on the disk and nothing else; said, and tried again next time
            self._parts.log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)

    # --- what a kill left ---------------------------------------------------------------------------

    def _interrupted(self, turn: Turn) -> OpenRun | None:
        """The run that a kill left open, if this turn goes on with it; one of another release is reported."""
        found = self._parts.journal.interrupted()
        if found is None:
            return None
        self._parts.log.write(RUN_INTERRUPTED, run=found.id, trigger=found.run.trigger.value, steps=len(found.done))
        if found.run.release == turn.what.release_hash:
            return OpenRun(found.id, carried(found), found.position)
        with self._written.reporter.ending(_overtaken(found)):
            self._parts.journal.finish(found.id, Outcome.SUPERSEDED, now=self._parts.clock.wall())
        return None


def _calm(allowed: Allowed, plan: Plan) -> Result:
    """Nothing is left that may be done now: it is right, or something stands in the way."""
    unlisted = None if plan.settled else plan.unlisted
    if plan.problems:
        blocked = [item for item in plan.problems if isinstance(item.error, Blocked)]
        worst = next((item for item in plan.problems if not isinstance(item.error, Blocked)), plan.problems[0])
        outcome = Outcome.WAITING if len(blocked) == len(plan.problems) else Outcome.FAILED
        return Result(outcome, reason_of(worst.error), unlisted=unlisted)
    if plan.steps:
        return Result(Outcome.WAITING, _waiting(allowed, plan), unlisted=unlisted)
    if plan.more:
        return Result(Outcome.FAILED, Reason(code="not-stable", text=clipped(plan.more, TEXT)), unlisted=unlisted)
    return Result(Outcome.APPLIED, None, unlisted=unlisted)


def _waiting(allowed: Allowed, plan: Plan) -> Reason | None:
    """Why the rest of a plan has to wait, and what it would remove."""
    why = allowed.why_not
    going = [change.name for step in plan.steps for change in step.changes if change.sign is Sign.REMOVE]
    if why is None or not going:
        return why
    more = f" and {len(going) - _SHOWN} more" if len(going) > _SHOWN else ""
    stay = f"until then this is not removed: {', '.join(going[:_SHOWN])}{more}"
    return replace(why, text=clipped(f"{why.text}; {stay}", TEXT))


_ENDLESS: Final = Result(
    Outcome.FAILED,
    Reason(code="not-stable", text=f"after {ROUNDS} rounds of repairs there is still more to do", hint="orch explain"),
)


def _unstable(plan: Plan, done: tuple[StepReport, ...]) -> Result:
    """All was done, and the next look still found something to do."""
    changes = [change for step in plan.steps for change in step.changes]
    names = ", ".join(f"{change.sign.value}{change.name}" for change in changes[:_SHOWN])
    reason = Reason(
        code="not-stable",
        text=clipped(f"after all steps this still differs: {names}", TEXT),
        hint="another program on the host may be at work there",
    )
    return Result(Outcome.FAILED, reason, done, unlisted=plan.unlisted)


def _story(turn: Turn, last: Last, steps: tuple[StepReport, ...], *, drift: bool) -> Story:
    return Story(
        trigger=turn.trigger,
        epoch=turn.what.release.epoch,
        number=turn.what.release.number,
        release=turn.what.release_hash,
        document=turn.what.document_hash,
        outcome=last.outcome,
        reason=last.reason,
        steps=steps,
        drift=drift,
        listeners=last.listeners,
        rules=last.rules,
        unlisted=last.unlisted,
    )


def _overtaken(found: Interrupted) -> Story:
    text = "it was interrupted, and a newer release came before it could go on"
    return Story(
        trigger=found.run.trigger,
        epoch=found.run.epoch,
        number=found.run.number,
        release=found.run.release,
        document=b"",
        outcome=Outcome.SUPERSEDED,
        reason=Reason(code="superseded", text=text),
        steps=carried(found),
    )


def _is_drift(turn: Turn, before: Last | None, steps: tuple[StepReport, ...]) -> bool:
    """Whether somebody else changed the host: it was right, the document is the same, and yet there was work to do.

    A newer version of a package is no drift: the mirror changed, not the host.
    """
    if turn.trigger not in _BY_ITSELF or before is None:
        return False
    if before.outcome is not Outcome.APPLIED or before.document != turn.what.document_hash:
        return False
    return any(item.kind != "package" or item.sign is not Sign.CHANGE for step in steps for item in step.changes)
