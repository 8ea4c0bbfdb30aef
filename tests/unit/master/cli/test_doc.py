"""`orch doc` and `orch undo`: what hosts were told before, believed only as signed, and told again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orch.common import authoring
from orch.common.crypto import SigningKey
from tests.fakes.operators_centre import FakeCentre
from tests.unit.master.cli.desk import SITE, Workplace, err
from tests.unit.master.cli.test_apply import releases


@pytest.fixture
def twice(place: Workplace) -> FakeCentre:
    """A library and a school that were told two things, one after the other."""
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "--yes", "--note", "the first", *place.unlocked).exit_code == 0
    place.clock.advance(600)
    place.site("library", SITE.replace("hello", "good day"))
    assert place.run("apply", "library", "--yes", *place.unlocked).exit_code == 0
    return centre


def test_history_shows_each_release_with_its_signer_and_note(place: Workplace, twice: FakeCentre) -> None:
    done = place.run("doc", "history", "library")
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if "anna" in line]
    assert [(row[0], row[-2:]) for row in rows] == [("1:4", ["anna", "1"]), ("1:2", ["the", "first"])]
    found = json.loads(place.run("doc", "history", "school", "--output", "json").stdout)
    assert [(item["number"], item["signers"], item["note"]) for item in found["releases"]] == [
        (2, ["anna"], "the first")
    ]


def test_a_release_that_no_operator_signed_is_shown_as_such(place: Workplace, twice: FakeCentre) -> None:
    [school] = [curve for curve, host in twice.hosts.items() if host.name == "school/srv1"]
    name, parcel = twice.past[school][0]
    draft = authoring.Draft(
        estate="netgate", scope="main", epoch=1, number=8, previous=b"", created=1, expires=9, removals=0, note=""
    )
    forged = authoring.sign_release(draft, [parcel.document], keys=(SigningKey.generate(),))
    twice.past[school].append((forged.hash, replace(parcel, release=forged.envelope)))
    done = place.run("doc", "history", "school")
    assert done.exit_code == 5
    assert "no operator of any policy of this estate signed this release" in done.stdout
    assert place.run("doc", "show", "school").exit_code == 5
    assert "1:2" in place.run("doc", "show", "school", "1:2").stdout
    checked = place.run("doc", "verify")
    assert checked.exit_code == 5
    assert "1 of 2 as operators signed them" in checked.stdout
    assert name == parcel_name(twice, school)


def parcel_name(centre: FakeCentre, curve: bytes) -> bytes:
    return centre.past[curve][0][0]


def test_a_document_that_the_centre_changed_is_not_believed(place: Workplace, twice: FakeCentre) -> None:
    [library] = [curve for curve, host in twice.hosts.items() if host.name == "library/srv1"]
    (old, first), (name, parcel) = twice.past[library]
    twice.past[library] = [(old, first), (name, replace(parcel, document=first.document))]
    done = place.run("doc", "show", "library")
    assert done.exit_code == 5
    assert "not among those that were signed" in err(done)
    twice.past[library] = [(old, replace(first, document=parcel.document)), (name, parcel)]
    undone = place.run("undo", "library", "--yes", *place.unlocked)
    assert undone.exit_code == 2
    assert "not among those that were signed" in err(undone)
    assert len(releases(twice)) == 2


def test_show_tells_a_document_whole_and_in_json_too(place: Workplace, twice: FakeCentre) -> None:
    done = place.run("doc", "show", "library", "-v")
    assert done.exit_code == 0, done.output
    assert "file /etc/motd" in done.stdout
    assert "| good day from library" in done.stdout
    assert "sites/library.yaml:" in done.stdout
    old = json.loads(place.run("doc", "show", "library", "~1", "--output", "json").stdout)
    assert (old["release"]["number"], old["files"][0]["path"]) == (2, "/etc/motd")


def test_verify_finds_everything_in_order(place: Workplace, twice: FakeCentre) -> None:
    done = place.run("doc", "verify", "library,school")
    assert done.exit_code == 0, done.output
    assert "2 of 2 as operators signed them" in done.stdout


def test_diff_says_what_two_releases_tell_differently_and_ends_three(place: Workplace, twice: FakeCentre) -> None:
    done = place.run("doc", "diff", "library")
    assert done.exit_code == 3
    assert "~ file /etc/motd" in done.stdout
    same = place.run("doc", "diff", "library", "1:4", "~0")
    assert same.exit_code == 0
    assert "no difference" in same.stdout


@pytest.mark.parametrize(
    ("word", "text"),
    [("~7", "keeps 2 releases"), ("1:9", "keeps no release 1:9"), ("latest", "is no release")],
)
def test_a_release_that_is_not_there_is_said(place: Workplace, twice: FakeCentre, word: str, text: str) -> None:
    done = place.run("doc", "show", "library", word)
    assert done.exit_code == 2
    assert text in err(done)


def test_undo_signs_again_what_was_told_before_under_a_higher_number(place: Workplace, twice: FakeCentre) -> None:
    first, _second = (parcel for _, parcel in twice.past[library(twice)])
    done = place.run("undo", "library", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "~ file /etc/motd" in err(done)
    newest = releases(twice)[-1]
    assert (newest.number, newest.count, newest.note) == (6, 1, "undo: as in release 1:2")
    assert twice.wanted[library(twice)][1] == first.document
    assert "git revert" in err(done)
    again = place.run("undo", "library", "--yes", *place.unlocked)
    assert again.exit_code == 0
    assert twice.wanted[library(twice)][1] != first.document


def library(centre: FakeCentre) -> bytes:
    [curve] = [curve for curve, host in centre.hosts.items() if host.name == "library/srv1"]
    return curve


def test_undo_leaves_out_whom_it_would_tell_nothing_new(place: Workplace, twice: FakeCentre) -> None:
    done = place.run("undo", "*", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "left out: school/srv1" in err(done)
    assert releases(twice)[-1].count == 1
    nothing = place.run("undo", "library", "--to", "~0", "--yes", *place.unlocked)
    assert nothing.exit_code == 0
    assert "nothing is different" in err(nothing)
    assert len(releases(twice)) == 3


def test_undo_asks_first_and_needs_a_target(place: Workplace, twice: FakeCentre) -> None:
    assert place.run("undo").exit_code == 2
    refused = place.run("undo", "library", *place.unlocked)
    assert refused.exit_code == 2
    assert "--yes" in err(refused)
    assert len(releases(twice)) == 2


def test_undo_does_nothing_where_the_centre_has_dropped_a_content(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    big = place.estate / "files" / "big"
    big.parent.mkdir(exist_ok=True)
    for text in ("a" * 20_000, "b" * 20_000):
        big.write_text(text)
        place.site("library", SITE.replace('content: "hello from {name}\\n"', "source: big"))
        assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    del centre.blobs[min(centre.blobs, key=lambda name: centre.blobs[name])]
    done = place.run("undo", "library", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "no longer has the contents" in err(done)
    assert len(releases(centre)) == 2


def test_verify_finds_a_centre_that_has_lost_what_it_names(place: Workplace, twice: FakeCentre) -> None:
    twice.past[library(twice)] = []
    done = place.run("doc", "verify")
    assert done.exit_code == 5
    assert "library/srv1: the centre names a release for it and keeps none" in done.stdout
    assert "1 of 2 as operators signed them" in done.stdout
