"""Doing the steps of a plan, one after the other, each between its two entries in the journal.

Refuses to do: plan, or judge the outcome of a whole turn.

Invariants:
- a step is in the journal before it starts and after it ends;
- whatever a step raises ends as its report: a failed one stops what needs it, and nothing else;
- a newer release, a permission that has changed and the end of the process are heeded between two steps, never
  within one.

Called by reconcile.py. This is the executor's step boundary: the only broad `except` beside the outermost loops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from orch.common.clock import Clock
from orch.common.document import Document
from orch.common.errors import Blocked, OrchError, StepFailed
from orch.common.events import STEP_ENDED, STEP_STARTED, Log
from orch.common.report import Change, Outcome, Reason, Sign, StepOutcome, StepReport
from orch.common.trust import Permission
from orch.minion.actions import Halfway
from orch.minion.failpoint import AFTER_STEP, AFTER_STEP_END, AFTER_STEP_START, Failpoints
from orch.minion.journal import Interrupted, Journal
from orch.minion.planner import Look, Plan
from orch.minion.reporter import clipped, reason_of
from orch.minion.shelf import InForce
from orch.states.base import Step

MOST_CHANGES: Final = 5000
TEXT: Final = 8000
_NEEDS: Final = {"packages": ("list", "packages")}
"""A failure of the second stops the first; lists and files stand alone, each for itself."""


class Machine(Protocol):
    """The host, as a turn needs it (whole.py joins the planner, the actions and the adapters)."""

    def plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        """What would have to change (planner.plan, with one look at this host).

        Raises:
            Blocked: it cannot be known now.
            StepFailed: it cannot be done at all.
        """

    def mark(self, document: Document) -> bytes:
        """Differs when packages may have changed; cheap, starts no program (planner.mark)."""

    def apply(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[Change, ...]:
        """Do it; the changes that were really made.

        Raises:
            Blocked: not now.
            StepFailed: it was tried and failed.
        """

    def listeners(self) -> tuple[str, ...]:
        """Who listens on this host for what comes from outside."""

    def rules(self) -> bytes:
        """SHA-256 of the rules of this host's firewall; empty where it cannot be known."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be done now with the release in force; it may change while a turn is at work."""

    permission: Permission
    why_not: Reason | None = None  # why it is not everything

    @property
    def heal(self) -> bool:
        """Whether nothing may be removed."""
        return self.permission is not Permission.EVERYTHING

    def forbids(self, step: Step) -> bool:
        """Whether a step has to wait: with the permission to heal, a file is brought back but nothing is removed."""
        return self.heal and any(item.sign is Sign.REMOVE for item in step.changes)


class Heed(Protocol):
    """What is heeded between two steps."""

    def allowed(self) -> Allowed:
        """What may be done now."""

    def superseded(self) -> bool:
        """Whether a newer release is there."""

    def stopping(self) -> bool:
        """Whether the process is to end."""

    def acting(self, resource: str) -> None:
        """A step begins that must not be cut off, or, with no resource, has ended."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """The run that a turn writes; `carried` is what an interrupted one had done, `position` where its steps go on."""

    id: int
    carried: tuple[StepReport, ...] = ()
    position: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How a turn ends, as far as it is known."""

    outcome: Outcome
    reason: Reason | None
    steps: tuple[StepReport, ...] = ()
    unlisted: tuple[str, ...] | None = None  # None: not looked at


@dataclass(frozen=True, slots=True)
class Task:
    """What the steps are for, and the contents that they need."""

    what: InForce
    materials: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Place:
    task: Task
    opened: OpenRun
    index: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a runner is made of."""

    journal: Journal
    machine: Machine
    clock: Clock
    log: Log
    failpoints: Failpoints
    heed: Heed
    progress: Callable[[InForce, int, int, str], None]


class Runner:
    """Does steps."""

    def __init__(self, parts: Parts) -> None:
        """Use these parts."""
        self._parts = parts

    def run(self, task: Task, opened: OpenRun, steps: tuple[Step, ...]) -> Result | None:
        """Do them in order; None where the process is to end, and the run stays open."""
        reports: list[StepReport] = []
        broken: dict[str, str] = {}
        blocked = waits = None
        for index, step in enumerate(steps):
            if self._parts.heed.stopping():
                return None
            if self._parts.heed.superseded():
                return overtaken(tuple(reports))
            if (cause := _cause(step, broken)) is not None:
                reports.append(_skipped(step, f"not begun, because {cause} did not work"))
                continue
            if (allowed := self._parts.heed.allowed()).forbids(step):
                waits = waits or allowed.why_not
                reports.append(_skipped(step, f"not begun, because nothing may be removed any more: {_text(allowed)}"))
                continue
            self._parts.progress(task.what, index + 1, len(steps), step.resource)
            report, problem = self._step(_Place(task, opened, index, len(steps)), step)
            reports.append(report)
            if problem is not None:
                broken[_family(step)] = step.resource
                if isinstance(problem, Blocked):
                    blocked = blocked or reason_of(problem)
        return _result(tuple(reports), blocked, waits)

    def _step(self, place: _Place, step: Step) -> tuple[StepReport, OrchError | None]:
        parts, run, position = self._parts, place.opened.id, place.opened.position + place.index
        shown, of = place.index + 1, place.of
        parts.log.write(STEP_STARTED, index=shown, of=of, resource=step.resource)
        parts.journal.start(run, position, step.resource, now=parts.clock.wall())
        parts.failpoints.reached(AFTER_STEP_START)
        began = parts.clock.boottime()
        changes, problem = self._tried(step, place.task.materials)
        parts.failpoints.reached(AFTER_STEP)
        report = StepReport(
            resource=clipped(step.resource),
            outcome=StepOutcome.FAILED if problem else StepOutcome.DONE,
            changes=changes[:MOST_CHANGES],
            problem=clipped(problem.text, TEXT) if problem else "",
            hint=clipped(problem.hint) if problem else "",
            milliseconds=max(0, int((parts.clock.boottime() - began) * 1000)),
        )
        parts.journal.end(run, position, report)
        parts.failpoints.reached(AFTER_STEP_END)
        parts.log.write(
            STEP_ENDED,
            index=shown,
            of=of,
            resource=step.resource,
            outcome=report.outcome.value,
            changes=len(changes),
            milliseconds=report.milliseconds,
            problem=report.problem or "-",
        )
        return report, problem

    def _tried(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[tuple[Change, ...], OrchError | None]:
        self._parts.heed.acting(step.resource)
        try:
            return self._parts.machine.apply(step, materials), None
        except Halfway as err:
            return err.changes, err
        except OrchError as err:
            return (), err
        except Exception as err:  # noqa: BLE001  the step boundary: whatever it was, it is reported and the rest goes on
            return (), StepFailed(f"unexpected: {type(err).__name__}: {err}", hint="report this as a fault of orch")
        finally:
            self._parts.heed.acting("")


def carried(found: Interrupted) -> tuple[StepReport, ...]:
    """What an interrupted run had done, for the report of the turn that goes on with it."""
    if not found.doing:
        return found.done
    problem = "the executor was ended while this went on; what was left of it is in the steps that follow"
    return (*found.done, StepReport(resource=clipped(found.doing), outcome=StepOutcome.SKIPPED, problem=problem))


def overtaken(reports: tuple[StepReport, ...] = ()) -> Result:
    """How a turn ends that a newer release has overtaken."""
    text = "a newer release came before all steps were done"
    return Result(Outcome.SUPERSEDED, Reason(code="superseded", text=text), reports)


def _result(reports: tuple[StepReport, ...], blocked: Reason | None, waits: Reason | None) -> Result:
    failed = next((item for item in reports if item.outcome is StepOutcome.FAILED), None)
    if failed is None:
        return Result(Outcome.WAITING if waits else Outcome.APPLIED, waits, reports)
    if blocked is not None:
        return Result(Outcome.WAITING, blocked, reports)
    text = clipped(f"{failed.resource}: {failed.problem}", TEXT)
    return Result(Outcome.FAILED, Reason(code="step-failed", text=text, hint=failed.hint), reports)


def _family(step: Step) -> str:
    return step.resource.split(" ", 1)[0]


def _cause(step: Step, broken: Mapping[str, str]) -> str | None:
    return next((broken[name] for name in _NEEDS.get(_family(step), ()) if name in broken), None)


def _text(allowed: Allowed) -> str:
    return allowed.why_not.text if allowed.why_not else "no reason was given"


def _skipped(step: Step, why: str) -> StepReport:
    return StepReport(resource=clipped(step.resource), outcome=StepOutcome.SKIPPED, problem=clipped(why, TEXT))
