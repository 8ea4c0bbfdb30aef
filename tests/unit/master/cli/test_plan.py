import json

from orch.common.report import Change, Reason, Sign, StepOutcome, StepReport
from orch.master.cli import plans
from orch.master.cli.output import Output
from tests.unit.master.cli.desk import SITE, Workplace, err


def test_shows_what_hosts_would_do_and_ends_3(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("plan")
    assert done.exit_code == 3, done.output
    assert "~ file /etc/motd 1 line → 2 lines" in done.stdout
    assert "Plan: 1 host · 1 file" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch apply"


def test_a_plan_needs_no_passphrase_and_publishes_nothing(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    place.run("plan")
    assert centre.releases == []
    assert centre.rows == {}


def test_ends_0_where_nothing_would_change(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.plan = ()
    done = place.run("plan")
    assert done.exit_code == 0, done.output
    assert "✓ library/srv1: nothing to change" in done.stdout


def test_names_an_offline_host_and_does_not_wait(place: Workplace) -> None:
    place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    school.connected = False
    library.plan = ()
    place.clock.advance(3 * 86400)
    before = place.clock.boottime()
    done = place.run("plan")
    assert done.exit_code == 4
    assert "? school/srv1: offline for 3 d; not waited for" in done.stdout
    assert place.clock.boottime() - before < 2


def test_names_a_host_that_does_not_answer_in_time(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.outcome = ""
    done = place.run("plan", "--timeout", "5s")
    assert done.exit_code == 4
    assert "did not answer in time" in done.stdout


def test_a_host_that_cannot_make_a_plan_says_why(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.reason = Reason(code="step-failed", text="no package telnett", hint="mend the list")
    done = place.run("plan")
    assert done.exit_code == 1
    assert "✗ library/srv1: no package telnett" in done.stdout
    assert "do: mend the list" in done.stdout
    assert err(done).splitlines()[-1] == "next: mend what is named above, then: orch plan"


def test_an_answer_that_the_host_did_not_sign_is_not_shown_as_its_plan(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.forges = True
    done = place.run("plan")
    assert "cannot be believed" in done.stdout
    assert "/etc/motd" not in done.stdout
    assert "Plan: nothing to change where an answer came" in done.stdout
    assert done.exit_code == 1


def test_hosts_that_would_do_the_same_fold(place: Workplace) -> None:
    sites = ["a", "b", "c", "d"]
    place.found(*sites)
    place.admit(*(f"{site}/srv1" for site in sites))
    done = place.run("plan")
    assert "4 hosts at 4 sites: the same 1 changes (-v names them)" in done.stdout
    assert "d/srv1" not in done.stdout
    assert "d/srv1" in place.run("plan", "-v").stdout


def test_a_script_gets_a_plan_with_a_schema(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("plan", "--output", "json")
    told = json.loads(done.stdout)
    assert told["schema"] == "orch/plan/1"
    assert told["hosts"][0]["steps"][0]["changes"][0]["name"] == "/etc/motd"
    assert done.exit_code == 3


def test_a_mistake_in_a_list_is_shown_with_its_line(place: Workplace) -> None:
    place.found("library")
    (place.estate / "lists" / "base.list").write_text("rsync\nno such!\n")
    done = place.run("plan")
    assert done.exit_code == 2
    assert "lists/base.list:2" in err(done)


def test_an_unreachable_centre_ends_it_with_6(place: Workplace) -> None:
    centre = place.found("library")
    centre.reachable = False
    done = place.run("plan")
    assert done.exit_code == 6
    assert "does not answer" in err(done)


def test_a_moved_host_is_not_planned_before_it_is_admitted_anew(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    place.site("library", SITE.replace("labels", "scope: books\nlabels"))
    done = place.run("plan")
    assert "admitted to the scope main, but its site says books" in err(done)


def test_state_is_asked_of_the_centre(place: Workplace) -> None:
    place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    school.connected = False
    done = place.run("target", "state:offline")
    assert done.exit_code == 0, done.output
    assert "school/srv1" in done.stdout
    assert "library/srv1" not in done.stdout


def test_a_host_cannot_fake_lines_of_a_plan() -> None:
    change = Change(sign=Sign.ADD, kind="package", name="nano\n  - pkg apt", after="1\x1b[2J", why="x\n✓ a/b: fine")
    step = StepReport(resource="packages", outcome=StepOutcome.FAILED, changes=(change,), problem="away\n✓ all is well")
    lines = [line for text in plans.step_lines(Output(), step) for line in text.split("\n")]
    assert not any(line.startswith(("  -", "✓")) for line in lines)
    assert "\x1b" not in "".join(lines)


def test_hosts_that_are_not_admitted_were_not_asked_so_it_does_not_end_0(place: Workplace) -> None:
    place.found("library", "school")
    done = place.run("plan")
    assert done.exit_code == 4
    assert "0 of 2 hosts" in done.stdout
    assert "Plan: no host was asked" in done.stdout
    assert "not admitted yet, left out: library/srv1, school/srv1" in err(done)
    [host] = place.admit("library/srv1")
    host.plan = ()
    done = place.run("plan", "--output", "json")
    assert done.exit_code == 4
    assert {"host": "school/srv1", "state": "left-out"} in json.loads(done.stdout)["hosts"]


def test_quietly_shows_only_what_would_change(place: Workplace) -> None:
    place.found("library", "school")
    library, _school = place.admit("library/srv1", "school/srv1")
    library.plan = ()
    done = place.run("plan", "-q")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[0] == "school/srv1"
    assert "library" not in done.stdout


def test_the_next_command_can_be_pasted_whatever_the_target_is(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    assert err(place.run("plan", "link.down<4Mbit or kind=library")).splitlines()[-1] == (
        "next: orch apply 'link.down<4Mbit or kind=library'"
    )
