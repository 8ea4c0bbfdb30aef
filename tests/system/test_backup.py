"""A centre that comes back from an old backup while newer releases are out: nobody goes back, and it is said.

The backup is made while everything runs. After it come two releases, of which one host hears only the first; then the
centre's directory is lost and the backup takes its place.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.lab.fleet import is_applied
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, Json, Seen, said
from tests.lab.hosts import until

pytestmark = pytest.mark.system


@dataclass(kw_only=True)
class Restored:
    """What was seen before and after."""

    ground: Ground
    held: dict[str, Json] = field(default_factory=dict)  # the release that each host held before
    before: dict[str, Seen] = field(default_factory=dict)  # what each host was
    after: dict[str, Seen] = field(default_factory=dict)  # and when it had met the restored centre
    rows: dict[str, Json] = field(default_factory=dict)  # what that centre said then
    status: str = ""
    explained: str = ""
    applied: str = ""  # what was said at the next apply
    rows_then: dict[str, Json] = field(default_factory=dict)
    status_then: str = ""
    faults_then: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def restored(established: Ground) -> Restored:
    """Back up, publish twice, lose the centre, restore."""
    established.calm()
    seen = Restored(ground=established)
    file = established.folders.base / "centre.backup"
    established.master("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    for text in ("the day after the backup\n", "two days after the backup\n"):
        established.write({"files/motd": text})
        if text.startswith("two"):
            established.lab.hosts[SCHOOL].cut()
            established.apply_unheard()
        else:
            established.apply()
    for name in (LIBRARY, LAB):
        established.wait_row(name, is_applied, what=f"{name} to have the newest release")
    seen.held = {name: cast(Json, row["running"]) for name, row in established.rows().items()}
    seen.before = {name: established.seen(host) for name, host in established.lab.hosts.items()}
    established.kill_master()
    shutil.rmtree(established.folders.centre)
    established.master("restore", str(file))
    established.start_master()
    established.lab.hosts[SCHOOL].heal()
    until(lambda: ahead(established) == set(established.lab.hosts), every=0.3, what="all hosts to say what they hold")
    seen.rows = established.rows()
    seen.status = said(established.orch("status"))
    seen.explained = said(established.orch("explain", LIBRARY))
    seen.after = {name: established.seen(host) for name, host in established.lab.hosts.items()}
    (established.folders.home / "tutorial/numbers.json").unlink()  # the hosts alone know by now
    seen.applied = established.apply().err
    established.wait_applied(established.lab.hosts)
    seen.rows_then, seen.faults_then = established.rows(), established.faults()
    seen.status_then = said(established.orch("status"))
    file.unlink()
    return seen


def numbers(ground: Ground) -> set[int]:
    """Of the releases that hosts hold."""
    return {cast(Json, row["running"])["number"] for row in ground.rows().values()}


def ahead(ground: Ground) -> set[str]:
    """Hosts that hold more than their centre knows."""
    return {name for name, row in ground.rows().items() if row["ahead"]}


def test_no_host_goes_back(restored: Restored) -> None:
    for name in (LIBRARY, LAB):
        assert restored.after[name] == restored.before[name]
        assert restored.rows[name]["running"] == restored.held[name]
    # What the dead centre's kernel had still to send may have come through when the line was mended: forward only.
    assert restored.rows[SCHOOL]["running"]["number"] >= restored.held[SCHOOL]["number"]


def test_the_operator_is_told_which_hosts_hold_more_and_what_to_do(restored: Restored) -> None:
    newest = restored.held[LIBRARY]
    assert {row["condition"] for row in restored.rows.values()} == {"ahead"}
    assert f"holds {newest['epoch']}:{newest['number']}, which this centre does not know" in restored.status
    assert "this centre is behind: 3 hosts hold releases" in restored.status
    assert restored.status.splitlines()[-1] == "next: orch apply"
    assert "the centre came back from an older backup; sign your files anew" in restored.explained


def test_the_next_release_has_a_higher_number_than_every_one_before_and_all_have_it(restored: Restored) -> None:
    newest = restored.held[LIBRARY]["number"]
    assert f"hosts hold 1:{newest}" in restored.applied
    rows = restored.rows_then
    assert {row["running"]["number"] for row in rows.values()} == {newest + 2}
    assert {row["condition"] for row in rows.values()} == {"converged"}
    assert not any(row["ahead"] for row in rows.values())
    assert restored.faults_then == []
    assert "behind" not in restored.status_then


def test_where_no_host_is_there_to_say_it_the_operators_own_record_keeps_the_number_up(restored: Restored) -> None:
    ground = restored.ground
    ground.calm()
    file = ground.folders.base / "again.backup"
    ground.master("backup", str(file))
    ground.write({"files/motd": "after the second backup\n"})
    ground.apply()
    newest = numbers(ground).pop()
    for host in ground.lab.hosts.values():
        host.cut()
    ground.kill_master()
    shutil.rmtree(ground.folders.centre)
    ground.master("restore", str(file))
    file.unlink()
    ground.start_master()
    done = ground.apply("--detach", check=False)
    assert done.code == 4, done.err
    assert f"you signed 1:{newest}" in done.err
    assert f"the next release is 1:{newest + 2}" in done.err
    for host in ground.lab.hosts.values():
        host.heal()
    ground.wait_applied(ground.lab.hosts)
    assert numbers(ground) == {newest + 2}
    assert ground.faults() == []
