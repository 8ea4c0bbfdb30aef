"""What `plan` says is what `apply` then does, step for step; and where nothing is to be done, nothing is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.lab import judge, package
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, Json, events, said
from tests.lab.trace import Trace

pytestmark = pytest.mark.system


@dataclass(frozen=True)
class Scenario:
    """A change of the operator's files, or of what there is to install."""

    name: str
    change: Callable[[Ground], None]
    signs: dict[str, str]  # a few of the changes that must be there: name to sign


def add_packages(ground: Ground) -> None:
    ground.add_to_list("base", "tree")
    ground.add_to_list("library", "reading-room", "jq")


def remove_packages(ground: Ground) -> None:
    ground.write({"lists/base.list": "apt\n", "lists/lab.list": "lab-notebook\n"})


def upgrade(ground: Ground) -> None:
    ground.lab.repository.add(*package.UPDATES)
    ground.add_to_list("base", "printer-queue")


def change_files(ground: Ground) -> None:
    ground.write(
        {
            "files/motd": "something else\n",
            "files/large": "a line of a large file\n" * 2000,
            "sites/lab.yaml": "site: lab\nlists: [base, lab]\nhosts:\n  lab-srv1:\n    files:\n"
            "      /etc/motd: { source: motd, mode: '0600' }\n"
            "      /etc/lab/deep/large: { source: large, group: staff }\n"
            '      /etc/issue: { content: "welcome\\n" }\n',
        }
    )


def change_lists(ground: Ground) -> None:
    ground.write(
        {
            "lists/tools.list": "tree\n",
            "lists/base.list": "# a comment more\napt\nsite-tools\n",
            "files/motd": "and a file\n",
            "sites/library.yaml": "site: library\nlists: [base, tools]\nhosts:\n  lib-srv1: {}\n",
        }
    )


SCENARIOS = (
    Scenario("packages come", add_packages, {"tree": "+", "reading-room": "+", "libjq1": "+", "base": "~"}),
    Scenario("packages go", remove_packages, {"site-tools": "-", "lab-notebook": "+"}),
    Scenario("a newer version is there", upgrade, {"library-catalogue": "~", "printer-queue": "+"}),
    Scenario("files change", change_files, {"/etc/motd": "~", "/etc/lab/deep/large": "+", "/etc/issue": "~"}),
    Scenario(
        "lists change, and a file",
        change_lists,
        {"/etc/motd": "~", "tools": "+", "library": "-", "library-catalogue": "-", "base": "~"},
    ),
)


@pytest.fixture
def repository(ground: Ground) -> Iterator[None]:
    """Take newer versions away again, from the repository and from the hosts."""
    yield
    added = [one for one in package.UPDATES if one.version in ground.lab.repository.names()[one.name]]
    for one in added:
        ground.lab.repository.remove(one.name, one.version)
    for host in ground.lab.hosts.values():
        newer = [one.name for one in added if host.installed().get(one.name) == one.version]
        if newer:
            host.chroot(["apt-get", "-y", "purge", *newer])
    if added:
        ground.apply("--again")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_apply_does_what_plan_says_step_for_step(ground: Ground, scenario: Scenario) -> None:
    scenario.change(ground)
    before = {name: ground.seen(host) for name, host in ground.lab.hosts.items()}
    planned = ground.planned(3)
    assert planned.keys() == ground.lab.hosts.keys()
    assert {name: ground.seen(host) for name, host in ground.lab.hosts.items()} == before  # it only looked
    ground.apply()
    for name, steps in planned.items():
        assert told(ground.reports(name)[0]["steps"]) == told(steps)
    signs = {
        change["name"]: change["sign"] for steps in planned.values() for step in steps for change in step["changes"]
    }
    assert scenario.signs.items() <= signs.items()
    assert [step for steps in planned.values() for step in steps if step["problem"]] == []

    again = ground.asked("plan")
    assert again["changes"] == 0
    assert ground.faults(gone=["site-tools"] if "site-tools" in scenario.signs else []) == []


@pytest.mark.usefixtures("repository")
def test_newer_versions_alone_are_planned_and_come_with_the_same_files_published_again(ground: Ground) -> None:
    ground.lab.repository.add(*package.UPDATES)
    planned = ground.planned(3)
    assert told(planned[LIBRARY]) == ["packages done: ~ package library-catalogue: 1.0 -> 1.1 (update)"]
    assert "orch apply --again" in said(ground.apply())
    ground.apply("--again")
    assert told(ground.reports(LIBRARY)[0]["steps"]) == told(planned[LIBRARY])
    assert ground.lab.hosts[LIBRARY].installed()["library-catalogue"] == "1.1"


def told(steps: list[Json]) -> list[str]:
    """What of a plan and of a report must be equal, a line for each change: everything but how long it took."""
    form = "{sign} {kind} {name}: {before} -> {after} ({why})"
    return [
        f"{step['resource']} {step['outcome']}: {form.format(**change)}" for step in steps for change in step["changes"]
    ]


def test_a_plan_for_one_site_asks_nobody_else(ground: Ground) -> None:
    ground.write({"files/motd": "for all\n"})
    asked = {name: len(events(host.log("executor"), "plan-asked")) for name, host in ground.lab.hosts.items()}
    told_ = ground.asked("plan", "school", codes=[3])
    assert [item["host"] for item in told_["hosts"]] == [SCHOOL]
    now = {name: len(events(host.log("executor"), "plan-asked")) for name, host in ground.lab.hosts.items()}
    assert {name: now[name] - asked[name] for name in now} == {SCHOOL: 1, LIBRARY: 0, LAB: 0}


def test_a_plan_names_a_host_that_is_away_and_does_not_wait_for_it(ground: Ground) -> None:
    ground.lab.hosts[LAB].stop()  # it says goodbye
    ground.wait_row(LAB, lambda row: not row["connected"], what="the master to notice")
    told_ = ground.asked("plan", codes=[4])
    assert {item["host"]: item["state"] for item in told_["hosts"]} == {
        LIBRARY: "answered",
        SCHOOL: "answered",
        LAB: "offline",
    }


def test_on_a_host_that_is_right_the_plan_is_empty_and_apply_starts_no_program(ground: Ground) -> None:
    assert ground.asked("plan")["changes"] == 0
    host = ground.lab.hosts[LIBRARY]
    before = ground.rows()[LIBRARY]
    with Trace(host, "executor") as trace:
        ground.apply("--again")
        ground.wait_applied([LIBRARY])
    after = ground.rows()[LIBRARY]
    assert after["running"] != before["running"]
    assert trace.programs() == []
    # The instrument sees what there is to see: the same with one package more.
    ground.add_to_list("library", "hello")
    with Trace(host, "executor") as trace:
        ground.apply()
    assert {"rsync", "apt-get", "apt-cache", "dpkg"} <= set(trace.programs())
    assert judge.faults(host, wanted=["hello"], gone=[], files={}) == []


def test_a_release_that_changes_one_file_asks_apt_nothing(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    ground.write({"files/motd": "only this\n"})
    with Trace(host, "executor") as trace:
        ground.apply()
    assert trace.programs() == []
    assert (host.root / "etc/motd").read_text() == "only this\n"
