import json
import subprocess
import sys
from pathlib import Path

from orch.common.errors import Unreachable
from tests.unit.master.cli.desk import SITE, Workplace, err

TOP = Path(__file__).parents[4]


def applied(place: Workplace) -> None:
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code in (0, 1, 4), done.output


def test_shows_a_line_for_each_site_and_the_counts(place: Workplace) -> None:
    place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    school.connected = False
    place.clock.advance(7500)
    applied(place)
    done = place.run("status")
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "1/1" in lines["library"]
    assert "✓ converged" in lines["library"]
    assert "? offline" in lines["school"]
    assert "2 h 5 min" in lines["school"]
    assert "will take 1:2 on return" in lines["school"]
    assert "✓ 1 converged" in done.stdout
    assert "? 1 offline" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch explain school/srv1"


def test_exit_code_tells_a_script_how_it_stands(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    applied(place)
    assert place.run("status", "--exit-code").exit_code == 0
    host.connected = False
    assert place.run("status", "--exit-code").exit_code == 3
    assert place.run("status").exit_code == 0
    host.connected, host.outcome = True, "failed"
    place.run("apply", "--again", "--yes", *place.unlocked)
    assert place.run("status", "--exit-code").exit_code == 1


def test_a_target_chooses_sites_hosts_and_what_the_files_know(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    for target in ("library", "library/srv1", "not school", "kind=library and not school"):
        told = json.loads(place.run("status", target, "--output", "json").stdout)
        assert [row["host"] for row in told["hosts"]] == ["library/srv1"], target
    done = place.run("status", "libary")
    assert done.exit_code == 2
    assert 'did you mean "library"?' in err(done)


def test_json_has_a_schema_and_absolute_times(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    applied(place)
    told = json.loads(place.run("status", "--output", "json").stdout)
    assert told["schema"] == "orch/status/1"
    row = told["hosts"][0]
    assert row["condition"] == "converged"
    assert row["outcome"] == "applied"
    assert row["running"] == row["wanted"] == {"epoch": 1, "number": 2}
    assert row["heard"].endswith("Z")


def test_yaml_holds_the_same_as_json(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    text = place.run("status", "--output", "yaml").stdout
    # YAML is read in one place of orch only; a test may.
    import yaml

    assert yaml.safe_load(text) == json.loads(place.run("status", "--output", "json").stdout)


def test_stdout_is_the_data_alone(place: Workplace) -> None:
    place.found("library")
    done = place.run("status", "--output", "json")
    json.loads(done.stdout)
    assert "next:" not in done.stderr


def test_options_may_stand_before_the_command(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    assert "SCOPE" in place.run("-v", "status").stdout
    assert "SCOPE" not in place.run("status").stdout


def test_says_it_in_ascii_where_the_terminal_knows_no_more(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    applied(place)
    done = place.run("status", "--ascii")
    assert done.stdout.isascii()
    assert "o converged" in done.stdout


def test_colours_only_when_asked_and_keeps_the_columns(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    plain = place.run("status").stdout
    coloured = place.run("status", "--color", "always").stdout
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured


def test_an_estate_without_hosts_says_so(place: Workplace) -> None:
    place.found("library")
    done = place.run("status")
    assert "no host is admitted yet" in done.stdout


def test_without_an_estate_it_says_how_to_begin(place: Workplace) -> None:
    done = place.run("status", where=place.base)
    assert done.exit_code == 2
    assert "there is no estate here" in err(done)
    assert "orch init" in err(done)


def test_a_wrong_estate_directory_is_said(place: Workplace) -> None:
    done = place.run("--estate", str(place.base), "status", where=place.base)
    assert done.exit_code == 2
    assert "it has no estate.yaml" in err(done)


def test_an_unreachable_centre_ends_it_with_6(place: Workplace) -> None:
    centre = place.found("library")
    centre.reachable = False
    done = place.run("status")
    assert done.exit_code == 6
    assert "tcp://127.0.0.1:4505" in err(done)
    assert "Traceback" not in done.output


def test_hangs_up_after_every_command(place: Workplace) -> None:
    centre = place.found("library")
    dialled = len(place.dialled)
    place.run("status")
    place.run("status", "nowhere")
    assert centre.closed == len(place.dialled) == dialled + 2


def test_an_unknown_command_gets_a_suggestion(place: Workplace) -> None:
    done = place.run("stauts")
    assert done.exit_code == 2
    assert 'did you mean "status"?' in err(done)


def test_status_loads_neither_cryptography_nor_yaml_nor_rich_nor_a_database(place: Workplace) -> None:
    # What it loads is what it costs: the budget is 0.15 s of CPU (design section 9).
    place.found("library")
    program = (
        "import sys\n"
        "from orch.master.cli.commands import root\n"
        "from orch.master.cli.context import desk_of\n"
        "import orch.master.cli.status, orch.master.cli.wireline\n"
        "heavy = {'cryptography', 'yaml', 'rich', 'sqlalchemy', 'debian'} & {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_many_sites_that_are_well_fold_into_one_line(place: Workplace) -> None:
    sites = [f"site{number:02}" for number in range(26)]
    place.found(*sites)
    hosts = place.admit(*(f"{site}/srv1" for site in sites))
    applied(place)
    hosts[3].connected = False
    text = place.run("status").stdout
    assert "25 more sites are ✓ converged" in text
    assert "site03" in text
    assert "site04" not in text
    assert "site04" in place.run("status", "-v").stdout


def test_a_revoked_host_is_shown_as_such_and_counts_neither_as_well_nor_as_missing(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    applied(place)
    done = place.run("key", "revoke", "school/srv1", "--reason", "stolen in the night", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    done = place.run("status", "--exit-code")
    assert done.exit_code == 0
    [line] = [line for line in done.stdout.splitlines() if line.startswith("  school")]
    assert line.startswith("  school/srv1")
    assert "✗ revoked" in line
    assert "by anna: stolen in the night" in line
    assert "✓ 1 converged   ✗ 1 revoked" in done.stdout
    assert "2 sites, 1 host" in done.stdout
    assert "so say 1 of 1 hosts" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch plan"
    told = json.loads(place.run("status", "--output", "json").stdout)
    row = next(row for row in told["hosts"] if row["host"] == "school/srv1")
    assert (row["condition"], row["revoked_by"], row["text"]) == ("revoked", "anna", "stolen in the night")


# --- watching


def test_watching_keeps_showing_a_host_that_is_revoked_meanwhile(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    applied(place)
    centre.ticks = 2
    ticks = iter([lambda: place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked)])

    def go(operation: str) -> None:
        if operation == "status.tick" and (act := next(ticks, None)):
            act()

    centre.on_ask = go
    done = place.run("status", "--watch")
    assert "library/srv1  ✗ revoked" in done.stdout


def test_watching_shows_the_screen_once_and_then_what_changes(place: Workplace) -> None:
    centre = place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    applied(place)
    centre.ticks = 3

    def go(operation: str) -> None:
        if operation == "status.tick":
            school.connected = False

    centre.on_ask = go
    done = place.run("status", "--watch")
    assert done.exit_code == 130
    assert done.stdout.count("SITE") == 1
    assert "  school/srv1  ? offline" in done.stdout.splitlines()[-1]


def test_watching_gives_a_script_a_line_for_each_change(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    centre.ticks = 2

    def go(operation: str) -> None:
        if operation == "status.tick":
            host.connected = False

    centre.on_ask = go
    done = place.run("status", "--watch", "--output", "json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["hosts"][0]["condition"] for item in told] == ["no-release", "offline"]


def test_watching_is_confined_to_the_target(place: Workplace) -> None:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    centre.ticks = 1
    done = place.run("status", "library", "--watch")
    assert "library" in done.stdout
    assert "school" not in done.stdout


def test_watching_outlives_a_centre_that_goes_and_comes_back(place: Workplace) -> None:
    centre = place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    applied(place)
    centre.ticks = 2
    waited: list[str] = []

    def go(operation: str) -> None:
        if operation == "status.tick" and not waited:
            centre.reachable = False
            raise Unreachable("the line to the centre broke")

    def wait() -> None:
        waited.append("")
        if len(waited) == 3:
            centre.reachable, school.connected = True, False

    centre.on_ask, place.on_pause = go, wait
    done = place.run("status", "--watch")
    assert done.exit_code == 130
    assert "live: changes show as they come" in err(done)
    assert "? centre not answering since" in err(done)
    assert err(done).count("not answering since") == 3
    assert done.stdout.count("SITE") == 1
    # Back again, only what is different is said.
    assert [line for line in done.stdout.splitlines() if line.startswith("  school/srv1  ? offline")]
    assert not [line for line in done.stdout.splitlines() if line.startswith("  library/srv1")]


def test_watching_a_centre_that_was_never_there_ends_with_6(place: Workplace) -> None:
    centre = place.found("library")
    centre.reachable = False
    assert place.run("status", "--watch").exit_code == 6


def test_one_line_a_host_fits_a_terminal_of_80_columns(place: Workplace) -> None:
    place.found("cern-library", "school")
    _library, school = place.admit("cern-library/srv1", "school/srv1")
    applied(place)
    place.site("school", SITE.replace("hello", "good day"))
    school.outcome, school.text = "failed", "the step packages failed: " + "dpkg said something long; " * 8
    applied(place)
    text = place.run("status", "-v").stdout
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "1:2 → 1:4" in text
    assert " ".join(text.split()).count("dpkg said something long") == 8


def test_verifying_asks_for_the_signature_of_each_host(place: Workplace) -> None:
    place.found("library", "school")
    library, _school = place.admit("library/srv1", "school/srv1")
    applied(place)
    done = place.run("status", "--verify")
    assert done.exit_code == 0
    assert "every outcome shown is signed by its host, 2 looked at" in err(done)
    library.forges = True
    place.run("apply", "--yes", "--again", *place.unlocked)
    assert place.run("status").exit_code == 0
    done = place.run("status", "--verify")
    assert done.exit_code == 1
    assert "library/srv1 is in doubt: the report is not signed by library/srv1" in err(done)
    assert place.run("status", "--verify", "--watch").exit_code == 2


def test_quietly_shows_only_hosts_that_are_not_well(place: Workplace) -> None:
    place.found("library", "school")
    _library, school = place.admit("library/srv1", "school/srv1")
    applied(place)
    done = place.run("status", "-q")
    assert (done.exit_code, done.stdout, err(done)) == (0, "", "")
    school.connected = False
    done = place.run("status", "-q")
    assert "school/srv1" in done.stdout
    assert "library" not in done.stdout
    assert err(done) == ""


def test_names_of_hosts_can_be_handed_to_another_command(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    applied(place)
    assert place.run("status", "--output", "name").stdout == "library/srv1\nschool/srv1\n"
    assert place.run("target", "school", "--output", "name").stdout == "school/srv1\n"
    assert place.run("key", "list", "--output", "name").stdout == "library/srv1\nschool/srv1\n"
    lines = place.run("status", "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line)["host"] for line in lines] == ["library/srv1", "school/srv1"]
    assert {json.loads(line)["schema"] for line in lines} == {"orch/status/1#hosts"}
    assert place.run("doctor", "--output", "name").exit_code == 2
