"""The way from the operator's files to a site: late hosts, the operator's mistakes, what somebody changed by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.lab import counted
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, said
from tests.lab.hosts import Host

pytestmark = pytest.mark.system

WITHIN = 30.0
"""Seconds after its return in which a host has a small release, on the slowest machine; ordinary are two or three."""


@dataclass(frozen=True)
class Absence:
    """A way to be away."""

    name: str
    begin: Callable[[Host], None]
    end: Callable[[Ground, Host], None]


ABSENCES = (
    Absence("its power was cut", Host.power_cut, lambda ground, host: ground.switch_on(host)),
    Absence("its line was cut", Host.cut, lambda _, host: host.heal()),
)


@pytest.mark.parametrize("absence", ABSENCES, ids=lambda absence: absence.name)
def test_a_host_that_was_away_has_the_release_within_seconds_of_its_return(ground: Ground, absence: Absence) -> None:
    late = ground.lab.hosts[SCHOOL]
    absence.begin(late)
    before = ground.seen(late)
    ground.add_to_list("base", "tree")
    ground.write({"files/motd": "while one was away\n"})
    ground.apply_unheard()
    ground.wait_applied([LIBRARY, LAB])
    assert ground.seen(late) == before

    returned = time.monotonic()
    absence.end(ground, late)
    ground.wait_applied([SCHOOL])
    took = time.monotonic() - returned
    print(f"\n{absence.name}: applied and reported {took:.1f} s after its return")
    assert took < WITHIN
    assert ground.faults(also=["tree"]) == []


def test_several_releases_while_a_host_is_away_are_one_on_its_return(ground: Ground) -> None:
    late = ground.lab.hosts[SCHOOL]
    late.power_cut()
    made = counted.made(late).newest
    for word in ("first", "second", "third"):
        ground.write({"files/motd": f"the {word} of three\n"})
        ground.apply_unheard()
    ground.switch_on(late)
    ground.wait_applied(ground.lab.hosts)
    assert ground.faults() == []
    assert counted.made(late).newest - made <= 2  # one of its boot with the old release, one of the newest


# ---- the operator's mistakes


@dataclass(frozen=True)
class Mistake:
    """Something wrong in a file: where `orch` must say that it is, the line that it must show, and a word of help."""

    name: str
    file: str
    text: str
    place: str
    line: str
    help: str


SITE = "site: library\nlists: [base, library]\nhosts:\n  lib-srv1: {}\n"
MISTAKES = (
    Mistake("an unknown key", "sites/library.yaml", SITE + "removal: 3\n", "sites/library.yaml:5:1", "removal: 3", "removals"),
    Mistake("an unknown list", "sites/library.yaml", SITE.replace("[base,", "[bsae,"), "sites/library.yaml:2:9", "lists: [bsae, library]", "base"),
    Mistake("a wrong indentation", "sites/library.yaml", SITE + "   title: x\n", "sites/library.yaml:5:4", "   title: x", ""),
    Mistake("a value of the wrong kind", "sites/library.yaml", SITE + "removals: many\n", "sites/library.yaml:5:11", "removals: many", ""),
    Mistake("a key twice", "sites/library.yaml", SITE + "lists: [base]\n", "sites/library.yaml:5:1", "lists: [base]", ""),
    Mistake("a file that is not there", "sites/library.yaml", SITE + "files: { /etc/x: { source: mtod } }\n", "sites/library.yaml:5:28", "source: mtod", "motd"),
    Mistake("a list that was emptied", "lists/library.list", "", "lists/library.list", "", ""),
    Mistake("a list of comments only", "lists/library.list", "# library-catalogue\n", "lists/library.list", "", ""),
    Mistake("a list that was cut off in a line", "lists/library.list", "library-catalogue\njq (= 1.", "lists/library.list:2", "jq (= 1.", ""),
    Mistake("a list that contradicts itself", "lists/library.list", "jq\njq purge\n", "lists/library.list:2", "jq purge", ""),
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_shown_where_it_is_and_nothing_is_published(established: Ground, mistake: Mistake) -> None:
    if not all(row["connected"] for row in established.rows().values()):
        established.calm()
    established.write_back()
    heads = counted.heads(established.folders.centre)
    before = {name: established.seen(host) for name, host in established.lab.hosts.items()}
    established.write({mistake.file: mistake.text})
    for verb in (["lint"], ["plan"], ["apply", "--yes", "lab"]):  # no, not even for a site whose files are right
        done = established.orch(*verb, check=False)
        text = said(done)
        assert done.code == 2, text
        assert mistake.place in text
        assert mistake.line in text
        assert mistake.help in text
        assert "Traceback" not in text
    assert counted.heads(established.folders.centre) == heads
    assert {name: established.seen(host) for name, host in established.lab.hosts.items()} == before
    established.write_back()
    assert established.orch("lint").code == 0
