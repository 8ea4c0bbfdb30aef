"""All is lost but the estate's git and the recovery key: a new centre at the old address, and nobody visits a host.

What is deleted here is deleted: the operator's keys and files, the master's directory with database and keys. What the
lost keys could still sign, hosts refuse, and they say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orch.common import codec
from orch.common import messages as m
from orch.common.crypto import sha256
from orch.common.document import LIMIT, Document
from orch.common.envelope import open_envelope
from orch.common.release import TYPE
from tests.lab import author, command, judge
from tests.lab.author import Keys
from tests.lab.fleet import MASTER, PORT, Fleet
from tests.lab.hosts import until
from tests.lab.lab import Lab
from tests.lab.loot import Loot, Placed
from tests.lab.siege import HOST, SCOPE, founded, hurry, refusals, write_estate
from tests.lab.thief import Thief

pytestmark = pytest.mark.system


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """The fleet after it, and what whoever has the lost keys can still do."""

    fleet: Fleet
    lost: Keys
    held: Placed  # what a host had before
    stolen: Loot  # a copy of the lost master's directory, in the wrong hands
    commands: dict[str, int]  # how often a daemon of each host had been started before


def git(folder: Path, *arguments: str) -> str:
    """Run git as the operator does."""
    person = ["-c", "user.name=ops-a", "-c", "user.email=ops-a@example.org", "-c", "init.defaultBranch=main"]
    return command.run(["git", "-C", str(folder), *person, *arguments]).out


@pytest.fixture(scope="module")
def recovered(lab: Lab) -> Iterator[Recovered]:
    """Found, publish, commit, lose everything, clone, recover, start a new centre, publish."""
    for name in lab.hosts:
        lab.renew(name)
    fleet = founded(lab, "recovery")
    fleet.apply()
    fleet.wait_applied(lab.hosts)
    lost = Keys.of(fleet)
    starts = {name: host.starts("agent") + host.starts("executor") for name, host in lab.hosts.items()}
    remote = commit(fleet)
    fleet.stop_master()
    stolen = Loot(Path(shutil.copytree(fleet.folders.centre, lab.folder / "stolen")))
    lose_everything(fleet)
    git(fleet.folders.base, "clone", "--quiet", str(remote), str(fleet.folders.estate))
    recover(fleet)
    yield Recovered(fleet=fleet, lost=lost, held=stolen.parcels(HOST)[-1], stolen=stolen, commands=starts)
    if lab.centre.is_running(MASTER):
        fleet.stop_master()
    for host in lab.hosts.values():
        host.power_cut()


def commit(fleet: Fleet) -> Path:
    """Put the estate under git, and push it to where it survives."""
    estate, remote = fleet.folders.estate, fleet.folders.base / "git/estate.git"
    git(fleet.folders.base, "init", "--quiet", "--bare", str(remote))
    git(estate, "init", "--quiet")
    git(estate, "add", "--all")
    git(estate, "commit", "--quiet", "--message", "as it is")
    git(estate, "push", "--quiet", str(remote), "HEAD:main")
    return remote


def lose_everything(fleet: Fleet) -> None:
    """Delete the operator's folder and keys, and the master with its database."""
    for folder in (fleet.folders.estate, fleet.folders.home, fleet.folders.centre):
        shutil.rmtree(folder)
    left = [path for path in fleet.folders.base.rglob("*") if path.suffix in (".key", ".db")]
    assert left == [fleet.folders.recovery]


def recover(fleet: Fleet) -> None:
    """What whoever has the recovery key does."""
    fleet.folders.home.mkdir(mode=0o700)
    where = ["--centre-directory", str(fleet.folders.centre)]
    fleet.orch("init", "--recover", str(fleet.folders.recovery), *where, "--operator", "ops-b")
    fleet.start_master()
    write_estate(fleet.folders.estate, {"files/motd": "the day after\n", "lists/base.list": "site-tools\nhello\n"})
    # 4: nobody is there yet. The hosts try the old key first, then the one that they were told of for this day.
    assert fleet.apply(check=False).code in (0, 4)
    fleet.wait_applied(fleet.lab.hosts)


def test_every_host_takes_a_new_release_without_a_visit(recovered: Recovered) -> None:
    fleet = recovered.fleet
    for name, host in fleet.lab.hosts.items():
        wanted = {"site-tools", "hello"} if name == HOST else set()
        assert judge.faults(host, wanted=wanted, gone=(), files={"/etc/motd": "the day after\n"}) == []
        assert host.starts("agent") + host.starts("executor") == recovered.commands[name]


def test_the_policy_names_nobody_of_before_and_every_epoch_is_raised(recovered: Recovered) -> None:
    loot = Loot(recovered.fleet.folders.centre)
    policy = loot.policy()
    assert policy.version == 2
    assert [person.name for person in policy.operators] == ["ops-b"]
    assert recovered.lost.signing.public not in {person.signing for person in policy.operators}
    assert recovered.lost.root.public not in policy.root.keys
    assert policy.epoch(SCOPE) == 2
    assert loot.parcels(HOST)[-1].release.epoch == 2


@pytest.mark.parametrize(("epoch", "number"), [(1, 4), (2, 4), (2, 2)], ids=["old epoch", "new epoch", "same number"])
def test_what_the_lost_key_signs_is_refused_and_reported(recovered: Recovered, epoch: int, number: int) -> None:
    fleet = recovered.fleet
    host = fleet.lab.hosts[HOST]
    before = (host.packages(), (host.root / "etc/motd").read_text())
    document = codec.decode(Document, recovered.held.parcel.document, limit=LIMIT)
    draft = author.draft(number, scope=SCOPE, epoch=epoch)
    parcel = author.release(draft, (codec.encode(document),), by=(recovered.lost.signing,)).parcel(0)
    body = open_envelope(parcel.release, type=TYPE, limit=1 << 20).body
    said = len(host.log("executor"))
    fleet.stop_master()
    # The new centre refuses to take it in; so it is brought by one who stole the new centre, too.
    with Thief(Loot(fleet.folders.centre), fleet.lab.centre.namespace, port=PORT) as thief:
        hurry(host, fleet.lab.network)
        thief.meet(document.curve)
        thief.say(document.curve, m.Delivered(proof=parcel.proof, release=parcel.release, document=parcel.document))
        thief.serve(lambda: refusals(host.log("executor")[said:]), what="the refusal")
    assert refusals(host.log("executor")[said:]) == [("release", "bad-signature")]
    assert before == (host.packages(), (host.root / "etc/motd").read_text())
    fleet.start_master()
    hurry(host, fleet.lab.network)

    def told() -> bool:
        found = [report for report in Loot(fleet.folders.centre).read_reports(HOST) if report.release == sha256(body)]
        return [report.reason.code for report in found if report.reason] == ["bad-signature"]

    until(told, every=0.2, what="the report at the new master")


def test_a_copy_of_the_lost_master_reaches_no_host_any_more(recovered: Recovered) -> None:
    fleet = recovered.fleet
    fleet.stop_master()
    with Thief(recovered.stolen, fleet.lab.centre.namespace, port=PORT) as thief:
        for host in fleet.lab.hosts.values():
            hurry(host, fleet.lab.network)
        thief.serve_for(4)
        assert dict(thief.heard) == {}
    fleet.start_master()
    for host in fleet.lab.hosts.values():
        hurry(host, fleet.lab.network)
    until(lambda: all(row["connected"] for row in fleet.rows().values()), every=0.3, what="all hosts")
