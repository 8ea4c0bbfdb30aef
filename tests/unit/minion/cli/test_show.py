from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orch.common.report import Change, Reason, Sign, StepOutcome, StepReport
from orch.minion.cli import show
from orch.minion.onsite import HostExplanation, HostPlan, HostStatus
from tests.fakes.hostile import TEXTS, harm_in
from tests.fakes.texts import poisoned

NOW = 1_800_000_000
STATUS = HostStatus(
    time=NOW,
    host="library/dom0",
    estate="lab",
    centre="tcp://centre:4505",
    since=NOW - 7200,
    standing="admitted",
    policy=2,
    scope="main",
    ring="stable",
    epoch=1,
    number=4,
    release=bytes.fromhex("9f3c1e2a8b7d"),
    permission="everything",
    outcome="applied",
    trigger="release",
    at=NOW - 180,
    next=NOW + 600,
    reports=12,
    committed=12,
)
STEP = StepReport(
    resource="packages",
    outcome=StepOutcome.FAILED,
    changes=(Change(sign=Sign.CHANGE, kind="package", name="nano", before="7.0", after="7.2", why="on base.list:1"),),
    problem="the mirror is away",
)


def test_status_fits_one_screen_and_says_what_counts() -> None:
    text = show.status(STATUS)
    assert len(text.splitlines()) <= 24
    for part in (
        "library/dom0",
        "✓ applied, 3 min ago",
        "connected 2 h",
        "12 committed",
        "in 10 min",
        "listeners  none",
    ):
        assert part in text


def test_status_of_a_host_without_a_line_and_without_a_release() -> None:
    text = show.status(HostStatus(time=NOW, host="library/dom0", estate="lab", since=NOW - 60))
    assert "? not reached for 1 min" in text
    assert "none yet" in text


def test_status_says_what_is_in_the_way() -> None:
    text = show.status(
        replace(
            STATUS,
            outcome="waiting",
            permission="heal",
            waiting=6,
            reason=Reason(code="blocked", text="the mirror is away"),
            refused=Reason(code="rolled-back", text="release 2 is below 4"),
        )
    )
    for part in ("= waiting", "the mirror is away", "6 waits for its go", "heals only", "rolled-back"):
        assert part in text


def test_a_plan_shows_each_change_and_counts_them() -> None:
    text = show.plan(HostPlan(host="library/dom0", epoch=1, number=4, steps=(STEP,)))
    assert "~ package nano 7.0 → 7.2 (on base.list:1)" in text
    assert text.endswith("Plan: 1 change")
    assert "nothing is different" in show.plan(HostPlan(host="library/dom0", epoch=1, number=4))


def test_an_explanation_ends_with_what_to_do() -> None:
    text = show.explanation(HostExplanation(status=STATUS, steps=(STEP,), because=("it is so",), do=("wait",)))
    assert "it is so" in text
    assert "✗ packages: the mirror is away" in text
    assert text.splitlines()[-1].strip() == "wait"


def test_json_has_a_schema_and_times_that_programs_read() -> None:
    found = json.loads(show.as_json("orch.host-status/1", STATUS))
    assert found["schema"] == "orch.host-status/1"
    assert found["at"] == "2027-01-15T07:57:00Z"
    assert found["release"] == "9f3c1e2a8b7d"
    assert found["expires"] is None


def test_nothing_that_the_centre_said_moves_the_cursor_of_root() -> None:
    text = show.status(replace(STATUS, standing="\x1b[2J\x1b]0;owned\x07gone\n  outcome    ✓ applied"))
    assert not set(text) & {"\x1b", "\x07"}
    assert sum(line.startswith("  outcome") for line in text.splitlines()) == 1
    assert "\x9b" not in show.as_json("orch.host-status/1", replace(STATUS, standing="\x9b2J"))


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_what_an_executor_says_harms_the_screen_of_root(text: str) -> None:
    about = replace(STATUS, reason=Reason(code="x", text="x"), refused=Reason(code="x", text="x"))
    status = poisoned(about, text)
    found = poisoned(HostExplanation(status=about, steps=(STEP,)), text)
    assert found.because == found.do == status.listeners == (text,)
    plan = poisoned(HostPlan(host="library/dom0", epoch=1, number=4, steps=(STEP,)), text)
    for said in (show.status(status), show.explanation(found), show.plan(plan)):
        assert harm_in(said) == ""
    for answer in (status, found, plan):
        assert harm_in(show.as_json("x/1", answer)) == ""


def test_a_name_cannot_fake_a_line_of_a_plan_or_of_an_explanation() -> None:
    change = replace(STEP.changes[0], name="nano\n  - package apt")
    step = replace(STEP, resource="packages\n✓ files", changes=(change,), problem="away\n✓ all is well")
    plan = show.plan(HostPlan(host="library/dom0", epoch=1, number=4, steps=(step,)))
    assert not any(line.lstrip().startswith("- package") for line in plan.splitlines())
    found = HostExplanation(status=STATUS, steps=(step,), because=("it is so\n✓ really",), do=("wait\nwhat to do:",))
    lines = show.explanation(found).splitlines()
    assert not any(line.startswith(("✓", "  ✓")) for line in lines)
    assert lines.count("what to do:") == 1
