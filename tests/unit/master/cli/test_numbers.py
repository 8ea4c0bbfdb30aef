"""A centre cannot talk an operator into using up the numbers of a scope."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orch.common.errors import KeyFileError, NotAllowed
from orch.common.operations import ScopeHead
from orch.master.cli.keyring import Keyring
from orch.master.cli.numbers import JUMP, Numbers
from tests.unit.master.cli.desk import ESTATE, SITE, Workplace, err
from tests.unit.master.cli.test_apply import releases


def kept(place: Workplace) -> object:
    return json.loads((place.home / ESTATE / "numbers.json").read_text())["scopes"]


def test_what_is_signed_is_kept_beside_the_keys(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert kept(place) == {"main": [1, 2]}


def test_a_number_is_kept_even_where_the_centre_never_took_the_release(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")

    def overtake(operation: str) -> None:
        if operation == "release.put":
            centre.heads["main"] = ScopeHead(1, 2, bytes(32))

    centre.on_ask = overtake
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 5
    assert kept(place) == {"main": [1, 2]}


def test_a_number_far_above_the_last_is_not_signed_without_a_word(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    place.site("library", SITE.replace("hello", "good day"))
    centre.heads["main"] = ScopeHead(1, 990_000, bytes(32))
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "990002" in err(done)
    assert "the last that you signed is 2" in err(done)
    assert "orch apply --accept-number 990002" in err(done)
    assert len(centre.releases) == 1
    # A word for a number is no word for a higher one.
    assert place.run("apply", "--yes", "--accept-number", "990000", *place.unlocked).exit_code == 5
    assert place.run("apply", "--yes", "--accept-number", "990002", *place.unlocked).exit_code == 0
    assert [release.number for release in releases(centre)] == [2, 990_002]
    assert kept(place) == {"main": [1, 990_002]}


def test_on_a_new_machine_an_old_scope_needs_the_word_and_says_why(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    centre.heads["main"] = ScopeHead(1, JUMP, bytes(32))
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "knows of none that you signed" in err(done)
    assert "this machine is new" in err(done)
    assert place.run("apply", "--yes", "--accept-number", str(JUMP + 2), *place.unlocked).exit_code == 0


def test_counts_from_nothing_in_a_new_epoch_and_never_goes_back_in_one(tmp_path: Path) -> None:
    numbers = Numbers(Keyring(tmp_path))
    numbers.keep("main", epoch=1, number=50_000)
    numbers.keep("main", epoch=1, number=40_000)
    numbers.keep("lab", epoch=1, number=4)
    assert numbers.last("main", epoch=1) == 50_000
    assert numbers.last("lab", epoch=1) == 4
    numbers.check("main", epoch=1, number=50_000 + JUMP, accepted=0)
    with pytest.raises(NotAllowed):
        numbers.check("main", epoch=2, number=50_000, accepted=0)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": "orch/numbers/1", "scopes": {"main": [1]}}', "\udcff", "[" * 9000]
)
def test_a_damaged_file_is_said_and_not_taken_for_a_lost_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "numbers.json").write_text(text, errors="surrogateescape")
    with pytest.raises(KeyFileError, match="is damaged"):
        Numbers(Keyring(tmp_path)).check("main", epoch=1, number=2, accepted=0)
