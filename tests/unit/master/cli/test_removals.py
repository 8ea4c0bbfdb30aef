"""Removals beyond a host's ceiling need the site's name: typed, or given with --yes-remove."""

from __future__ import annotations

from tests.unit.master.cli.desk import Workplace, err
from tests.unit.master.cli.test_apply import releases


def shorter_list(place: Workplace, count: int) -> None:
    """A list that loses `count` packages after it was released."""
    every = [f"package{number}" for number in range(count)]
    base = place.estate / "lists" / "base.list"
    base.write_text("\n".join(["ca-certificates", *every]) + "\n")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    base.write_text("ca-certificates\n")


def test_yes_is_no_word_for_removals_beyond_the_ceiling(place: Workplace) -> None:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    shorter_list(place, 21)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "up to 21 at a host of library, 20 are allowed; up to 21 at a host of school" in err(done)
    assert "do: if it is meant: --yes-remove library --yes-remove school" in err(done)
    assert len(centre.releases) == 1
    done = place.run("apply", "library", "--yes", "--yes-remove", "library", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert releases(centre)[-1].removals > 0


def test_as_many_removals_as_the_ceiling_allows_need_no_word(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    shorter_list(place, 20)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert releases(centre)[-1].removals == 0


def test_a_person_types_the_name_of_a_site_that_loses_more(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    shorter_list(place, 21)
    place.interactive = True
    for answer in ("y\ny\n", "\n", "school\ny\n"):
        done = place.run("apply", *place.unlocked, answer=answer)
        assert done.exit_code == 1
        assert "Type library if that is meant" in err(done)
        assert "nothing was done" in err(done)
    assert len(centre.releases) == 1
    assert place.run("apply", *place.unlocked, answer="library\ny\n").exit_code == 0
    assert releases(centre)[-1].removals > 0


def test_undo_asks_for_the_site_too(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    base = place.estate / "lists" / "base.list"
    base.write_text("ca-certificates\n")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    base.write_text("\n".join(["ca-certificates", *(f"package{number}" for number in range(30))]) + "\n")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    done = place.run("undo", "library", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "--yes-remove library" in err(done)
    assert place.run("undo", "library", "--yes", "--yes-remove", "library", *place.unlocked).exit_code == 0
    assert releases(centre)[-1].removals > 0


def test_the_question_names_the_estate_and_quietly_shows_what_is_signed(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    place.interactive = True
    done = place.run("apply", "-q", *place.unlocked, answer="n\n")
    assert "netgate: 1 host: library/srv1" in err(done)
    assert "Sign as anna for netgate and publish?" in err(done)
