from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from orch.common.document import Document
from orch.common.report import Outcome, Trigger
from orch.minion.adapters.process import Call, ProcessRunner
from orch.minion.planner import Plan
from orch.minion.reconcile import Ended, Turn
from orch.minion.shelf import InForce
from orch.minion.worker import Attention, Broke, PlanJob, PlanMade, Result, TurnEnded, Worker
from tests.fakes import signed_estate as estate

MADE = estate.judge(estate.release())
WHAT = InForce(
    release=MADE.release,
    document=MADE.document,
    release_hash=MADE.release_hash,
    document_hash=MADE.document_hash,
)
TURN = Turn(trigger=Trigger.RELEASE, what=WHAT)


class Doing:
    """Satisfies worker.Doing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.done: list[str] = []

    def turn(self, turn: Turn) -> Ended:
        self.done.append(turn.trigger.value)
        if self.error is not None:
            raise self.error
        return Ended(outcome=Outcome.APPLIED)

    def plan_only(self, document: Document, document_hash: bytes) -> Plan:
        self.done.append("plan")
        return Plan()


def working(doing: Doing) -> tuple[Worker, Attention, threading.Event]:
    attention, rang = Attention(), threading.Event()
    worker = Worker(attention, rang.set)
    worker.start(doing)
    return worker, attention, rang


def results(worker: Worker, rang: threading.Event, count: int) -> list[Result]:
    found: list[Result] = []
    while len(found) < count:
        assert rang.wait(10)
        rang.clear()
        found += worker.collect()
    return found


def test_jobs_are_done_in_order_and_their_results_collected() -> None:
    doing = Doing()
    worker, _attention, rang = working(doing)
    worker.put(TURN)
    worker.put(PlanJob(request=b"", document=WHAT.document, document_hash=WHAT.document_hash))
    first, second = results(worker, rang, 2)
    assert isinstance(first, TurnEnded)
    assert isinstance(second, PlanMade)
    assert doing.done == ["release", "plan"]
    assert worker.stop(5)


def test_a_turn_for_a_release_that_was_overtaken_is_dropped() -> None:
    doing = Doing()
    worker, attention, rang = working(doing)
    attention.newest(bytes([1] * 32))
    worker.put(TURN)
    worker.put(replace(TURN, what=replace(WHAT, release_hash=bytes([1] * 32))))
    old, new = results(worker, rang, 2)
    assert isinstance(old, TurnEnded)
    assert isinstance(new, TurnEnded)
    assert (old.ended.outcome, new.ended.outcome) == (Outcome.SUPERSEDED, Outcome.APPLIED)
    assert doing.done == ["release"]
    assert worker.stop(5)


PLAN = PlanJob(request=b"", document=WHAT.document, document_hash=WHAT.document_hash)


class Dripping(Doing):
    """A plan's fetch that never ends by itself, the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.fetching = threading.Event()
        self.leave = lambda: False

    def plan_only(self, document: Document, document_hash: bytes) -> Plan:
        again = self.fetching.is_set()
        self.fetching.set()
        if not again:
            ProcessRunner(leave=self.leave).run(Call(argv=("sleep", "600"), timeout=600))
        return super().plan_only(document, document_hash)


def test_an_accepted_release_does_not_wait_for_a_plan_which_is_made_afterwards() -> None:
    doing = Dripping()
    worker, attention, rang = working(doing)
    doing.leave = attention.leave
    worker.put(PLAN)
    assert doing.fetching.wait(10)
    worker.put(TURN)
    first, second = results(worker, rang, 2)
    assert isinstance(first, TurnEnded)
    assert isinstance(second, PlanMade)
    assert second.reason is None
    assert doing.done == ["release", "plan"]
    assert worker.stop(5)


def test_turns_go_before_plans_that_wait_and_a_timer_cuts_no_plan_off() -> None:
    attention = Attention()
    worker = Worker(attention, lambda: None)
    worker.put(PLAN)
    worker.put(replace(TURN, trigger=Trigger.TIMER))
    assert not attention.leave()
    worker.put(TURN)
    assert attention.leave()
    attention.acting("packages")
    assert not attention.leave()
    doing = Doing()
    worker.start(doing)
    while len(doing.done) < 3:
        time.sleep(0.01)
    assert doing.done == ["timer", "release", "plan"]
    assert worker.stop(5)


def test_what_breaks_the_worker_is_handed_to_the_main_thread() -> None:
    worker, _attention, rang = working(Doing(error=ZeroDivisionError("x")))
    worker.put(TURN)
    (broke,) = results(worker, rang, 1)
    assert isinstance(broke, Broke)
    with pytest.raises(ZeroDivisionError):
        raise broke.error
    assert worker.stop(5)


def test_a_worker_that_was_never_started_has_ended() -> None:
    assert Worker(Attention(), lambda: None).stop(0)
