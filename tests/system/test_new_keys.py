"""New keys on real hosts: the centre proves itself by another one, an operator signs with another one, nobody is lost."""

from __future__ import annotations

import shutil

import pytest

from orch.common import keyfile
from orch.common.wire import public_of
from tests.lab.ground import Ground
from tests.lab.hosts import until
from tests.lab.loot import Loot
from tests.lab.siege import hurry

pytestmark = pytest.mark.system


def all_have_policy(ground: Ground, version: int) -> None:
    """Wait until every host says that it goes by that version."""
    until(
        lambda: all(row["policy"] == version for row in ground.rows().values()),
        every=0.5,
        timeout=60.0,
        what=f"every host to have policy {version}",
    )


def changed(ground: Ground, text: str) -> None:
    """A release that every host takes."""
    ground.write({"files/motd": text})
    ground.apply("--again")
    ground.wait_applied(ground.lab.hosts)
    assert {(host.root / "etc/motd").read_text("utf-8") for host in ground.lab.hosts.values()} == {text}


def test_hosts_follow_the_centre_to_its_new_keys(ground: Ground) -> None:
    before = Loot(ground.folders.centre).policy()
    file = ground.folders.base / "new-centre.key"
    said = ground.orch("key", "centre", str(file), "--yes")
    assert "in place of centre.key" in said.err
    all_have_policy(ground, before.version + 1)
    ground.stop_master()
    shutil.copy(file, ground.folders.centre / "centre.key")
    ground.start_master()
    for host in ground.lab.hosts.values():
        hurry(host, ground.lab.network)
    assert "the centre's keys are new" in ground.orch("key", "centre", str(file), "--yes").out
    after = Loot(ground.folders.centre).policy()
    new = public_of(keyfile.read_centre(file.read_text("utf-8")).curve)
    assert after.centre.curve == (new, *before.centre.curve[1:])
    assert len(after.centre.fresh) == 1
    ground.connected(ground.lab.hosts)
    changed(ground, "by the new centre\n")


def test_hosts_go_by_an_operators_new_keys(ground: Ground) -> None:
    before = Loot(ground.folders.centre).policy()
    said = ground.orch("key", "rotate", "--yes")
    assert "3 admissions and revocations were signed anew" in said.err
    changed(ground, "by new keys\n")
    after = Loot(ground.folders.centre).policy()
    assert after.version == before.version + 1
    assert before.operators[0].signing not in {person.signing for person in after.operators}
