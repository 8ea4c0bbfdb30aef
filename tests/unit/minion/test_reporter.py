from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import trust
from orch.common.codec import encode
from orch.common.errors import StepFailed
from orch.common.report import LIMIT, Change, Outcome, Report, Sign, StepOutcome, StepReport, Trigger
from orch.minion.adapters.database import Database
from orch.minion.failpoint import NoFailpoints
from orch.minion.outbox import SCHEMA, Outbox
from orch.minion.reporter import Parts, Reporter, Story, Who, clipped, reason_of
from tests.fakes import signed_estate as estate
from tests.fakes.clock import ManualClock
from tests.fakes.log import ListLog

ME = estate.admission()
STORY = Story(trigger=Trigger.TIMER, epoch=1, number=2, release=bytes(32), document=bytes(32), outcome=Outcome.APPLIED)
STEP = StepReport(
    resource="packages",
    outcome=StepOutcome.DONE,
    changes=tuple(Change(sign=Sign.ADD, kind="package", name=f"package-{number}" * 10) for number in range(1000)),
)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "journal.db", SCHEMA)
        self.outbox = Outbox(self.database)
        key = estate.signing(ME.host)
        self.parts = Parts(self.database, self.outbox, key, ManualClock(), ListLog(), NoFailpoints())
        self.who = Who(host=ME.host, curve=ME.curve, boot=bytes(16))
        self.reporter = Reporter(self.parts, self.who)

    def made(self, story: Story) -> Report:
        self.reporter.report(story)
        ((_sequence, envelope),) = self.outbox.envelopes((self.outbox.newest,))
        return trust.judge_report(ME, envelope)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_small_report_is_whole(desk: Desk) -> None:
    report = desk.made(replace(STORY, steps=(STEP,)))
    assert (report.steps, report.truncated) == ((STEP,), False)


def test_a_report_that_is_too_large_is_cut_and_says_so(desk: Desk) -> None:
    report = desk.made(replace(STORY, steps=(STEP,) * 40))
    assert report.truncated
    assert 0 < len(report.steps) < 40
    assert len(encode(report)) <= LIMIT
    assert report.steps[-1].changes == ()


def test_many_packages_that_no_list_names_are_cut_to_what_fits(desk: Desk) -> None:
    report = desk.made(replace(STORY, unlisted=tuple(f"package-{number}" for number in range(5000))))
    assert (len(report.unlisted), report.truncated) == (2000, True)


def test_a_report_that_takes_the_place_of_others_says_how_many_had_to_go(desk: Desk) -> None:
    desk.outbox = Outbox(desk.database, limit=2)
    desk.reporter = Reporter(replace(desk.parts, outbox=desk.outbox), desk.who)
    assert [desk.made(STORY).dropped for _ in range(4)] == [0, 0, 1, 2]
    desk.outbox.forget(1)
    report = desk.made(STORY)
    assert (report.sequence, report.dropped, report.truncated) == (3, 0, False)


def test_a_run_and_its_report_are_there_together_or_not_at_all(desk: Desk) -> None:
    with pytest.raises(StepFailed), desk.reporter.ending(STORY):
        raise StepFailed("the disk is full")
    assert desk.outbox.unsent == ()
    assert desk.made(STORY).sequence == 1


def test_an_answer_to_a_plan_is_cut_with_a_reason(desk: Desk) -> None:
    envelope = desk.reporter.answer(bytes(16), bytes(32), steps=(STEP,) * 40, reason=None)
    answer = trust.judge_plan_answer(ME, envelope, request=bytes(16))
    assert answer.reason is not None
    assert answer.reason.code == "truncated"


def test_texts_of_any_kind_fit_their_fields() -> None:
    assert clipped("x" * 301) == "x" * 297 + "..."
    assert clipped("half a \ud800 character") == "half a ? character"
    reason = reason_of(StepFailed("x" * 9000, hint="y" * 400))
    assert (len(reason.text), len(reason.hint)) == (8000, 300)
