"""What `orch apply` says while hosts work, and in the end."""

from __future__ import annotations

import json
import re

import pytest

from orch.common.rows import Row
from orch.master.cli import follow, screens
from orch.master.cli.condition import Condition
from orch.master.cli.output import Output
from tests.unit.master.cli.desk import Workplace, err


def test_hosts_that_came_to_the_same_are_one_line(place: Workplace) -> None:
    sites = [f"site{number}" for number in range(5)]
    place.found(*sites)
    *_three, fourth, fifth = place.admit(*(f"{site}/srv1" for site in sites))
    fourth.connected = False
    fifth.outcome, fifth.text = "failed", "no such package: telnett"
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "  site4/srv1  ✗ failed  no such package: telnett",
        "  site3/srv1  ? offline  queued, silent for 0 s",
        "  3 hosts at 3 sites  ✓ converged  1 change  (-v names them)",
        "3 of 5 hosts have it, 1 failed",
    ]
    done = place.run("apply", "--yes", "--again", "-v", *place.unlocked)
    assert done.stdout.count("✓ converged") == 3
    done = place.run("apply", "--yes", "--again", "-q", *place.unlocked)
    assert "converged" not in done.stdout
    assert "site4/srv1" in done.stdout


def test_a_script_gets_the_result_as_data(place: Workplace) -> None:
    place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    school.connected = False
    done = place.run("apply", "--yes", "--output", "json", *place.unlocked)
    assert done.exit_code == 4
    told = json.loads(done.stdout)
    assert (told["schema"], told["releases"]) == ("orch/apply/1", ["1:2 of main"])
    assert {item["host"]: (item["has"], item["condition"]) for item in told["hosts"]} == {
        "library/srv1": (True, "converged"),
        "school/srv1": (False, "offline"),
    }
    nothing = json.loads(place.run("apply", "--yes", "--output", "json", *place.unlocked).stdout)
    assert (nothing["releases"], nothing["hosts"]) == ([], [])
    left = place.run("apply", "--yes", "--again", "--detach", "--output", "jsonl", *place.unlocked)
    assert [json.loads(line)["has"] for line in left.stdout.splitlines()] == [None, None]


def row(host: str, progress: str = "", outcome: str = "") -> Row:
    number = (1, 2)
    return Row(
        host=host,
        curve=bytes(32),
        scope="main",
        ring="all",
        connected=True,
        heard=1,
        policy=1,
        wanted=number,
        running=number,
        progress=progress,
        outcome=outcome,
    )


def test_a_moving_screen_has_a_bar_and_those_who_are_not_done_the_worst_first() -> None:
    ends = [
        follow.End(row=row("a/one"), how=Condition.CONVERGED),
        follow.End(row=row("b/two", "2/2 packages"), how=Condition.CHANGING),
        follow.End(row=row("c/three", outcome="failed"), how=Condition.FAILED),
        follow.End(row=row("d/four"), how=Condition.CONVERGED, doubt="not signed"),
    ]
    assert follow.block(Output(), ends, every=4, took=92) == [
        "  ██████░░░░░░░░░░░░░░░░░░  1 of 4 hosts have it   1 min",
        "  c/three  ✗ failed",
        "  b/two  ↻ changing  2/2 packages",
        "  d/four  ✗ in doubt  not signed",
    ]
    many = [follow.End(row=row(f"s{number}/one"), how=Condition.WAITING) for number in range(14)]
    shown = follow.block(Output(), many, every=14, took=1)
    assert len(shown) == 12
    assert shown[-1] == "  and 4 more"


def test_progress_moves_on_stderr_and_is_gone_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with screens.live(Output(err_moves=True), progress=True) as screen:
        assert screen.redraws
        screen.draw(["half done"])
    said = capsys.readouterr()
    assert said.out == ""
    assert "half done" in said.err
    assert said.err.endswith("\x1b[2K")
    with screens.live(Output(err_moves=True, quiet=True), progress=True) as screen:
        assert not screen.redraws


def test_without_a_terminal_each_step_of_a_host_is_a_line_on_stderr(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.outcome, host.text = "failed", "no such package: telnett"
    done = place.run("apply", "--yes", *place.unlocked)
    [line] = [
        line for line in err(done).splitlines() if line.endswith("library/srv1  ✗ failed  no such package: telnett")
    ]
    assert re.match(r"  \d\d:\d\d:\d\d  library", line)  # a log: when it came to be known
    assert done.stdout.count("library/srv1") == 1
