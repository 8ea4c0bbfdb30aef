"""Reports and plans: who said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import attest, trust
from orch.common.crypto import sha256
from orch.common.errors import BadSignature, Malformed, Mislabelled
from orch.common.report import Outcome, PlanAnswer, Report, StepOutcome, StepReport, Trigger
from tests.fakes.signed_estate import NOW, admission, signing

ME = admission()
REPORT = Report(
    host=ME.host,
    curve=ME.curve,
    boot=bytes(16),
    sequence=1,
    previous=b"",
    time=NOW,
    trigger=Trigger.BOOT,
    epoch=1,
    number=2,
    release=bytes(32),
    document=bytes(32),
    outcome=Outcome.APPLIED,
    steps=(StepReport(resource="lists", outcome=StepOutcome.DONE),),
)
ANSWER = PlanAnswer(host=ME.host, curve=ME.curve, request=bytes(16), time=NOW, document=sha256(b""))
KEY = signing(ME.host)


def test_a_report_is_its_hosts() -> None:
    envelope = attest.sign_report(REPORT, KEY)
    assert trust.judge_report(ME, envelope) == trust.read_report(envelope) == REPORT


def test_the_centre_cannot_make_up_a_report() -> None:
    forged = attest.sign_report(REPORT, signing("fresh"))
    with pytest.raises(BadSignature):
        trust.judge_report(ME, forged)
    assert trust.read_report(forged) == REPORT  # reading is not believing


@pytest.mark.parametrize("changes", [{"host": "a/b"}, {"curve": bytes(32)}])
def test_a_host_speaks_for_nobody_else(changes: dict[str, object]) -> None:
    with pytest.raises(Mislabelled):
        trust.judge_report(ME, attest.sign_report(replace(REPORT, **changes), KEY))  # type: ignore[arg-type]
    answer = attest.sign_plan_answer(replace(ANSWER, **changes), KEY)  # type: ignore[arg-type]
    with pytest.raises(Mislabelled):
        trust.judge_plan_answer(ME, answer, request=bytes(16))


def test_a_plan_answers_one_request() -> None:
    envelope = attest.sign_plan_answer(ANSWER, KEY)
    assert trust.judge_plan_answer(ME, envelope, request=bytes(16)) == ANSWER
    with pytest.raises(Mislabelled, match="another request"):
        trust.judge_plan_answer(ME, envelope, request=b"x" * 16)
    with pytest.raises(BadSignature):
        trust.judge_plan_answer(ME, attest.sign_plan_answer(ANSWER, signing("x")), request=bytes(16))


def test_a_plan_is_no_report_and_a_report_no_plan() -> None:
    with pytest.raises(Mislabelled):
        trust.judge_report(ME, attest.sign_plan_answer(ANSWER, KEY))
    with pytest.raises(Mislabelled):
        trust.judge_plan_answer(ME, attest.sign_report(REPORT, KEY), request=bytes(16))


def test_a_report_that_nobody_could_read_is_not_signed() -> None:
    step = replace(REPORT.steps[0], problem="x" * 8001)
    with pytest.raises(Malformed, match="problem"):
        attest.sign_report(replace(REPORT, steps=(step,)), KEY)
    steps = (replace(REPORT.steps[0], problem="x" * 8000),) * 70
    with pytest.raises(Malformed, match="at most"):
        attest.sign_report(replace(REPORT, steps=steps), KEY)
