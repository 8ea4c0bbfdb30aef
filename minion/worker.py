"""The executor's one worker thread: turns and plans, one after the other, never two at once.

Refuses to do: decide what to do next; the desk does, in the main thread. Only frozen values go in and out.

Invariants:
- turns are done before plans, each in the order in which they came;
- a release that was accepted does not wait for a plan: one that is being made is let go and made anew afterwards;
- a turn that waits in the queue when a newer release comes is dropped: the newer one's turn stands behind it;
- what goes wrong beyond a turn's own errors ends the executor, which is started again and finishes (journal.py); a
  disk that refuses the journal does not, and the turn is tried again later.

Called by executor.py, which is woken when there is something to `collect`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeAlias

from orch.common.document import Document
from orch.common.errors import Damaged, OrchError, StoreError
from orch.common.report import Outcome, Reason, StepOutcome, StepReport, Trigger
from orch.common.trust import Permission
from orch.minion.grounds import Grounds
from orch.minion.planner import Plan
from orch.minion.reconcile import Ended, Turn
from orch.minion.reporter import clipped, reason_of
from orch.minion.shelf import InForce
from orch.minion.steps import Allowed

MOST_PLANS: Final = 8
"""Plans that may wait; an operator whose request is one too many is told so."""

_LOOKING: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanJob:
    """Look what a document would change. `request` is empty where a person on site asks."""

    request: bytes
    document: Document
    document_hash: bytes


Job: TypeAlias = Turn | PlanJob


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over."""

    turn: Turn
    ended: Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """A plan is there, or why there is none."""

    job: PlanJob
    steps: tuple[StepReport, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far a turn is."""

    what: InForce
    step: int
    steps: int
    text: str


@dataclass(frozen=True, slots=True)
class Broke:
    """Something that is no turn's own failure: the executor must end."""

    error: Exception


Result: TypeAlias = TurnEnded | PlanMade | Moved | Broke


class Doing(Protocol):
    """What the worker drives (reconcile.Reconciler)."""

    def turn(self, turn: Turn) -> Ended:
        """Bring it about."""

    def plan_only(self, document: Document, document_hash: bytes) -> Plan:
        """What would be done."""


class Attention:
    """What a turn heeds between two steps; written by the main thread, read by the worker."""

    def __init__(self) -> None:
        """Nothing in the way."""
        self._newest = b""
        self._doing = b""
        self._acting = ""
        self._hurry = False
        self._allowed: Callable[[], Allowed] = lambda: Allowed(Permission.HEAL)
        self._stop = threading.Event()

    def newest(self, release: bytes) -> None:
        """This is the release in force now."""
        self._newest = release

    def begin(self, release: bytes) -> None:
        """The worker begins a turn for this release."""
        self._doing = release

    def stop(self) -> None:
        """The process is to end."""
        self._stop.set()

    def hurry(self, *, waits: bool) -> None:
        """Whether a turn for a release waits for the worker."""
        self._hurry = waits

    def leave(self) -> bool:
        """Whether to let go of what is only looked at or fetched, because a release goes first. Never within a step."""
        return self._hurry and not self._acting

    def stand_on(self, grounds: Grounds) -> None:
        """What may be done follows from these grounds from now on."""
        self.permit(partial(_allowed, grounds))

    def permit(self, allowed: Callable[[], Allowed]) -> None:
        """What may be done with the release in force from now on, to be asked at each step."""
        self._allowed = allowed

    def allowed(self) -> Allowed:
        """What may be done now."""
        return self._allowed()

    def superseded(self) -> bool:
        """Whether a newer release is there."""
        return bool(self._newest) and self._newest != self._doing

    def stopping(self) -> bool:
        """Whether the process is to end."""
        return self._stop.is_set()

    def acting(self, resource: str) -> None:
        """A step begins that must not be cut off, or, with no resource, has ended."""
        self._acting = resource

    @property
    def in_step(self) -> bool:
        """Whether a step is being done: looking and fetching may be cut off, a step may not."""
        return bool(self._acting)


class _Jobs:
    """What waits for the worker: turns, then plans, each in the order in which they came."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._turns: deque[Turn] = deque()
        self._plans: deque[PlanJob] = deque()
        self._ended = False
        self._news = threading.Condition()

    def put(self, job: Job) -> None:
        """At its place."""
        with self._news:
            if isinstance(job, PlanJob):
                self._plans.append(job)
            else:
                self._turns.append(job)
            self._settle()

    def put_back(self, job: PlanJob) -> None:
        """It could not be done now: the first of the plans again."""
        with self._news:
            self._plans.appendleft(job)

    def end(self) -> None:
        """Nothing more is done."""
        with self._news:
            self._ended = True
            self._settle()

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._turns or self._plans)

    def get(self) -> Job | None:
        """The next one, as soon as there is one; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._ended or not self.empty)
            if self._ended:
                return None
            job = self._turns.popleft() if self._turns else self._plans.popleft()
            self._settle()
            return job

    def _settle(self) -> None:
        self._attention.hurry(waits=any(turn.trigger is Trigger.RELEASE for turn in self._turns))
        self._news.notify_all()


class Worker:
    """The thread, its jobs and its results."""

    def __init__(self, attention: Attention, wake: Callable[[], None]) -> None:
        """Call `wake`, from the thread, whenever there is something to collect."""
        self._attention = attention
        self._wake = wake
        self._jobs = _Jobs(attention)
        self._results: deque[Result] = deque()
        self._thread: threading.Thread | None = None

    def start(self, doing: Doing) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._work, args=(doing,), name="worker", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Do this when everything before it is done; a turn goes before all plans."""
        self._jobs.put(job)

    def collect(self) -> list[Result]:
        """Results since the last call, in order."""
        found = []
        while self._results:
            found.append(self._results.popleft())
        return found

    def moved(self, what: InForce, step: int, steps: int, text: str) -> None:
        """For the runner of steps: how far it is."""
        self._tell(Moved(what=what, step=step, steps=steps, text=text))

    def stop(self, seconds: float) -> bool:
        """Let it end after the step that it is doing; what it only looks at or fetches is not waited for.

        Returns:
            Whether it has ended in time.
        """
        self._attention.stop()
        self._jobs.end()
        if self._thread is None:
            return True
        self._thread.join(_LOOKING)
        if self._thread.is_alive() and self._attention.in_step:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be done."""
        return self._jobs.empty

    def work(self, doing: Doing) -> bool:
        """Do one job, as soon as there is one; what `start`'s thread does all the time, and a simulation by itself.

        Returns:
            Whether to go on.
        """
        job = self._jobs.get()
        if job is None or self._attention.stopping():
            return False
        try:
            result = self._done(doing, job)
        except Exception as err:  # noqa: BLE001  the thread's outermost loop: the main thread raises it
            self._tell(Broke(err))
            return False
        if result is not None:
            self._tell(result)
        return True

    def _work(self, doing: Doing) -> None:
        while self.work(doing):
            pass

    def _done(self, doing: Doing, job: Job) -> Result | None:
        """What came of it; None where it was put back because a release goes first."""
        if isinstance(job, PlanJob):
            made = _planned(doing, job)
            if made.reason is not None and self._attention.leave():
                self._jobs.put_back(job)
                return None
            return made
        self._attention.begin(job.what.release_hash)
        if self._attention.superseded():
            return TurnEnded(job, Ended(outcome=Outcome.SUPERSEDED))
        return TurnEnded(job, _turned(doing, job))

    def _tell(self, result: Result) -> None:
        self._results.append(result)
        self._wake()


def _turned(doing: Doing, job: Turn) -> Ended:
    try:
        return doing.turn(job)
    except Damaged:
        raise  # a new process begins a new journal
    except StoreError as err:  # a disk that is full has room again some time: then the next turn goes on from there
        return Ended(outcome=Outcome.WAITING, reason=reason_of(err), unwritten=True)


def _planned(doing: Doing, job: PlanJob) -> PlanMade:
    try:
        plan = doing.plan_only(job.document, job.document_hash)
    except OrchError as err:
        return PlanMade(job=job, reason=reason_of(err))
    steps = tuple(
        StepReport(resource=clipped(step.resource), outcome=StepOutcome.DONE, changes=step.changes[:5000])
        for step in plan.steps
    )
    return PlanMade(job=job, steps=steps, reason=_why_not_whole(plan))


def _why_not_whole(plan: Plan) -> Reason | None:
    """What keeps a plan from being the whole truth; None where it is."""
    if plan.problems:
        return reason_of(plan.problems[0].error)
    if plan.more:
        return Reason(code="first-part", text=clipped(plan.more, 8000), hint="the rest is planned when this is done")
    return None


def _allowed(grounds: Grounds) -> Allowed:
    """What may be done by these grounds at this moment, as a turn heeds it."""
    permission, why_not = grounds.permission()
    return Allowed(permission, reason_of(why_not) if why_not else None)
