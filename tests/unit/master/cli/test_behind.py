"""A centre that came back from an older backup: it is said, and what is signed next stands above all that was."""

from __future__ import annotations

import json
from dataclasses import replace

from orch.common.operations import ScopeHead
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err
from tests.unit.master.cli.test_apply import releases
from tests.unit.master.cli.test_status import applied


def restored(place: Workplace, centre: FakeCentre, host: FakeHost) -> None:
    """The centre comes back from a backup that was made before the newest release."""
    [release] = releases(centre)
    centre.heads["main"] = ScopeHead(0, 0, b"")
    centre.wanted.clear()
    centre.rows[host.curve.public] = replace(
        centre.rows[host.curve.public],
        wanted=(0, 0),
        wanted_release=b"",
        outcome="",
        running=(release.epoch, release.number),
    )


def test_above_a_centre_that_came_back_from_an_older_backup_the_next_release_has_a_higher_number_than_all(
    place: Workplace,
) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    host.connected = False  # so the centre hears from nobody that there was a newer one
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 4
    restored(place, centre, host)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 4, done.output
    assert "the centre lacks releases of main: you signed 1:2" in err(done)
    assert "No host goes back: the next release is 1:4" in err(done)
    assert [item.number for item in releases(centre)] == [2, 4]


def test_what_hosts_hold_and_the_centre_never_had_is_signed_anew_although_no_file_is_different(
    place: Workplace,
) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    (place.home / ESTATE / "numbers.json").unlink()  # somebody else signed it
    centre.heads["main"] = ScopeHead(1, 6, bytes(32), claimed=True)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "hosts hold 1:6" in err(done)
    assert [item.number for item in releases(centre)] == [2, 8]


def test_a_centre_that_is_behind_its_hosts_is_said_with_what_to_do(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    applied(place)
    for host in (library, school):
        centre.rows[host.curve.public] = replace(centre.rows[host.curve.public], ahead=True, running=(1, 6))
    school.connected = False
    done = place.run("status", "--exit-code")
    assert done.exit_code == 3
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "! ahead" in lines["library"]
    assert "holds 1:6, which this centre does not know" in lines["library"]
    assert "? offline" in lines["school"]
    assert "holds 1:6, which this centre does not know" in lines["school"]
    assert "! this centre is behind: 2 hosts hold releases up to 1:6" in done.stdout
    assert "No host goes back." in done.stdout
    assert err(done).splitlines()[-1] == "next: orch apply"
    assert "orch apply" in err(place.run("explain", "library"))
    told = json.loads(place.run("status", "--output", "json").stdout)
    assert [row["ahead"] for row in told["hosts"]] == [True, True]
    assert "behind" not in place.run("status", "--output", "json").stdout
