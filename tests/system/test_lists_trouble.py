"""Trouble with lists, packages and where they come from: refused, waited for or repaired; said; never half-done."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import counted
from tests.lab.centre import REPOSITORY
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, Json, said

pytestmark = pytest.mark.system

SOON = 60.0
"""Seconds in which what was only blocked has been tried again."""


@dataclass(frozen=True)
class Refused:
    """Something on a list that cannot be: what the host says, and what it shows to people."""

    name: str
    lines: tuple[str, ...]
    words: str
    hint: str


REFUSED = (
    Refused("an unknown name", ("tree", "no-such-thing"), "lists/library.list:3: no source has a package no-such-thing", "is the name right"),
    Refused("an unknown version", ("tree", "jq (= 99)"), "no source has jq in version 99", "is the name right"),
    Refused("what needs something that nobody has", ("tree", "lost-needs"), "nowhere-to-be-found", "do the packages on the lists fit together"),
    Refused("the removal of what is guarded", ("tree", "dpkg purge"), "dpkg must not be removed: it is guarded", "mend the list"),
)  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_list_that_cannot_be_obeyed_changes_no_package_and_the_reason_is_told(ground: Ground, case: Refused) -> None:
    host = ground.lab.hosts[LIBRARY]
    before = host.packages()
    ground.add_to_list("library", *case.lines)
    planned = ground.asked("plan", codes=[1])
    (mine,) = [item for item in planned["hosts"] if item["host"] == LIBRARY]
    assert mine["state"] == "failed"
    assert case.words in mine["reason"]["text"]
    done = ground.apply("--timeout", "60s", check=False)
    assert done.code == 1
    assert {name: row["outcome"] for name, row in ground.rows().items()} == {
        LIBRARY: "failed",
        SCHOOL: "applied",
        LAB: "applied",
    }
    explained = said(ground.orch("explain", LIBRARY))
    assert case.words in explained
    assert case.hint in explained
    assert host.packages() == before  # not even the good half
    ground.write({"lists/library.list": "library-catalogue\ntree\n"})
    ground.apply()
    assert ground.faults() == []


def test_more_removals_than_the_ceiling_need_the_word_for_that_site(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    many = ("jq", "tree", "hello", "reading-room", "lab-notebook")  # as many as the ceiling; jq brings libraries
    ground.add_to_list("library", *many)
    ground.apply()
    before = host.packages()
    ground.write({"lists/library.list": "library-catalogue\n"})

    # The desk sees five names go. The host counts what they brought, too.
    done = ground.apply("--timeout", "60s", check=False)
    assert done.code == 1
    explained = said(ground.orch("explain", LIBRARY))
    assert re.search(r"this would remove [789] packages, 5 at most are allowed", explained), explained
    assert "orch apply --yes-remove library" in explained
    assert host.packages() == before

    # The word for another site is none for this one.
    assert ground.apply("--again", "--yes-remove", "school", "--timeout", "60s", check=False).code == 1
    assert host.packages() == before
    assert "no site 'libary'" in said(ground.apply("--yes-remove", "libary", check=False))

    ground.apply("--again", "--yes-remove", "library")
    assert set(many) & host.installed().keys() == set()
    assert ground.faults(gone=many) == []
    # It was for that release and no other.
    ground.add_to_list("library", *many)
    ground.apply()
    ground.write({"lists/library.list": "library-catalogue\n"})
    assert ground.apply("--timeout", "60s", check=False).code == 1


def test_where_the_desk_sees_too_many_go_nothing_is_signed(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    many = ("tree", "hello", "reading-room", "lab-notebook", "school-timetable", "printer-queue")
    ground.add_to_list("library", *many)
    ground.apply()
    before, release = host.packages(), ground.rows()[LIBRARY]["wanted"]
    ground.write({"lists/library.list": "library-catalogue\n"})
    done = ground.apply(check=False)
    assert done.code == 2
    assert "up to 6 at a host of library, 5 are allowed" in done.err
    assert "--yes-remove library" in done.err
    assert (host.packages(), ground.rows()[LIBRARY]["wanted"]) == (before, release)
    ground.apply("--yes-remove", "library")
    assert set(many) & host.installed().keys() == set()


# ---- lists that were spoiled on their way


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda _: b"",
    "truncated": lambda data: data[: len(data) // 2],
}


HOW = {LIBRARY: "emptied", SCHOOL: "truncated"}


def test_lists_spoiled_at_the_centre_are_refused_and_taken_once_they_are_whole(ground: Ground) -> None:
    whole: dict[Path, bytes] = {}
    for name in HOW:
        ground.lab.hosts[name].cut()
        ground.add_to_list(name.partition("/")[0], "tree")
    ground.apply_unheard()
    ground.wait_applied([LAB])
    before = {name: ground.lab.hosts[name].packages() for name in HOW}
    try:
        for name, how in HOW.items():
            content = (ground.folders.estate / f"lists/{name.partition('/')[0]}.list").read_bytes()
            blob = next(path for path in (ground.folders.centre / "blobs").glob("*/*") if path.read_bytes() == content)
            whole[blob] = content
            blob.write_bytes(SPOILED[how](content))
            ground.lab.hosts[name].heal()
        for name in HOW:
            row = ground.wait_outcome(name, "waiting")
            assert "what the centre sent cannot be used" in row["text"]
            assert f"lists/{name.partition('/')[0]}.list" in said(ground.orch("explain", name))
            assert ground.lab.hosts[name].packages() == before[name]
    finally:
        for blob, content in whole.items():
            blob.write_bytes(content)
    for name in HOW:
        ground.wait_outcome(name, "applied", timeout=SOON)
    assert ground.faults() == []


def test_lists_spoiled_on_hosts_are_put_right_and_nothing_is_removed_for_it(ground: Ground) -> None:
    before = {name: ground.lab.hosts[name].packages() for name in HOW}
    spoiled: dict[Path, bytes] = {}
    for name, how in HOW.items():
        state = ground.lab.hosts[name].root / "var/lib/orch"
        shown = state / f"lists/{name.partition('/')[0]}.list"
        kept = [path for path in (state / "blobs").iterdir() if path.read_bytes() == shown.read_bytes()]
        assert kept
        spoiled |= {path: path.read_bytes() for path in (shown, *kept)}
        for path in (shown, *kept):
            path.write_bytes(SPOILED[how](path.read_bytes()))
    ground.apply("--again")
    assert {path: path.read_bytes() for path in spoiled} == spoiled
    assert {name: ground.lab.hosts[name].packages() for name in HOW} == before
    ground.add_to_list("base", "tree")
    ground.apply()
    assert ground.faults() == []


# ---- where packages come from


def test_an_unreachable_mirror_is_waited_for(ground: Ground) -> None:
    before = ground.lab.hosts[LIBRARY].packages()
    ground.lab.centre.stop(REPOSITORY)
    ground.add_to_list("library", "tree")
    ground.write({"files/motd": "a file needs no mirror\n"})
    ground.apply_unheard()
    row = ground.wait_outcome(LIBRARY, "waiting")
    assert "a package source cannot be reached" in row["text"]
    explained = said(ground.orch("explain", LIBRARY))
    assert "10.77.0.1:8080" in explained
    assert "tries again by itself" in explained
    assert ground.lab.hosts[LIBRARY].packages() == before
    assert (ground.lab.hosts[LIBRARY].root / "etc/motd").read_text() == "a file needs no mirror\n"
    ground.lab.centre.serve_repository(ground.lab.repository.served)
    ground.wait_outcome(LIBRARY, "applied", timeout=SOON)
    assert ground.faults() == []


HARMS = {
    "truncate_index": ("unexpected size", "Hash Sum mismatch"),
    "forge_index": ("GPG error", "signature"),
    "expire": ("expired", "expired"),
}


def test_an_index_that_is_forged_truncated_or_expired_is_refused_until_it_is_in_order(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    before = host.packages()
    ground.add_to_list("library", "tree")
    for harm, words in HARMS.items():
        ground.lab.repository.publish()
        spoil: Callable[[], None] = getattr(ground.lab.repository, harm)
        spoil()
        ground.apply("--again", "--timeout", "60s", "library", check=False)
        row = ground.wait_outcome(LIBRARY, "failed")
        assert "a package source is not in order" in row["text"]
        explained = said(ground.orch("explain", LIBRARY))
        assert any(word in explained for word in words), explained
        assert "nothing was taken from it" in explained
        assert host.packages() == before
    ground.lab.repository.mend()
    ground.apply("--again", "library")
    assert "tree" in host.installed()


def test_a_package_that_is_not_what_the_index_says_never_reaches_dpkg(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    before = host.packages()
    repository = ground.lab.repository
    kept = {path: path.read_bytes() for path in repository.pool.glob("reading-room_*.deb")}
    host.chroot(["apt-get", "clean"])  # an earlier test may have fetched it
    repository.damage("reading-room")
    ground.add_to_list("library", "reading-room", "tree")
    done = ground.apply("--timeout", "60s", check=False)
    for path, content in kept.items():
        path.write_bytes(content)
    assert done.code == 1
    explained = said(ground.orch("explain", LIBRARY))
    assert "Hash Sum mismatch" in explained or "unexpected size" in explained
    assert host.packages() == before
    ground.apply("--again")
    assert ground.faults() == []


# ---- packages that go wrong


def test_a_package_that_cannot_be_set_up_is_told_with_its_own_words_and_goes_when_it_is_taken_off(
    ground: Ground,
) -> None:
    host = ground.lab.hosts[LIBRARY]
    ground.add_to_list("library", "broken-setup", "tree")
    done = ground.apply("--timeout", "60s", check=False)
    assert done.code == 1
    explained = said(ground.orch("explain", LIBRARY))
    assert "broken-setup" in explained
    assert host.packages()["broken-setup"][0] == "half-configured"
    assert "tree" in host.installed()  # what does not depend on it is whole
    problem = failed(ground.reports(LIBRARY)[0])
    assert "post-installation script" in problem
    ground.write({"lists/library.list": "library-catalogue\ntree\n"})
    ground.apply()
    assert "broken-setup" not in host.packages()
    assert ground.faults() == []


def test_a_package_that_somebody_tore_out_by_force_is_put_back(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    ground.add_to_list("library", "reading-room")
    ground.apply()
    host.chroot(["dpkg", "--purge", "--force-depends", "library-catalogue"])
    ground.apply("--again")
    assert ground.faults() == []


def failed(report: Json) -> str:
    """What the failed steps of a report said."""
    return "\n".join(step["problem"] or "" for step in report["steps"])


def test_no_trouble_lost_a_report(ground: Ground) -> None:
    for host in ground.lab.hosts.values():
        assert counted.faults(host, ground.folders.centre) == []
