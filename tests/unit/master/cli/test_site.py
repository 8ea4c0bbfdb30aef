"""A new site like another: the names are changed, nothing else is, and nothing is overwritten."""

from __future__ import annotations

import pytest

from orch.master.estate import copying
from tests.unit.master.cli.desk import Workplace, err

LIBRARY = """\
# The pilot: handle with care.
site: library     # in the village
title: The village library
labels: {{ kind: library }}
hosts:
  # behind the desk
  lib-srv1:
    files:
      /etc/motd: {{ content: "hello\\n" }}   # as agreed
  "library-kiosk": {{}}
"""


@pytest.fixture
def estate(place: Workplace) -> Workplace:
    place.found()
    place.site("library", LIBRARY)
    return place


def test_keeps_comments_and_layout_and_changes_the_names(estate: Workplace) -> None:
    done = estate.run("site", "add", "school", "--like", "library")
    assert done.exit_code == 0, done.output
    written = (estate.estate / "sites/school.yaml").read_text()
    assert written == (
        LIBRARY.format()
        .replace("site: library", "site: school")
        .replace("lib-srv1", "sch-srv1")
        .replace("library-kiosk", "school-kiosk")
    )
    assert "library/lib-srv1 is school/sch-srv1" in done.stdout
    assert "   3  title: The village library" in done.stdout
    assert "   4  labels: { kind: library }" in done.stdout
    assert "orch-minion enrol netgate.enrol --name school/sch-srv1" in err(done)
    assert estate.run("lint").exit_code == 0


def test_takes_the_names_that_a_person_gives(estate: Workplace) -> None:
    given = ("--host", "lib-srv1=server", "--host", "library-kiosk=counter")
    done = estate.run("site", "add", "school", "--like", "library", *given)
    assert done.exit_code == 0, done.output
    assert '  "counter": {}' in (estate.estate / "sites/school.yaml").read_text()
    assert "school/server" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("library", "--like", "library"), "there is a site library already"),
        (("school", "--like", "libary"), 'did you mean "library"?'),
        (("../school", "--like", "library"), "cannot be a site's name"),
        (("school", "--like", "library", "--host", "srv9=a"), "write OLD=NEW"),
        (("school", "--like", "library", "--host", "lib-srv1"), "write OLD=NEW"),
        (("school", "--like", "library", "--host", "lib-srv1=A B"), "cannot be a host's name"),
        (("school", "--like", "library", "--host", "lib-srv1=school-kiosk"), "two hosts would have one name"),
    ],
)
def test_says_what_does_not_go_and_writes_nothing(estate: Workplace, arguments: tuple[str, ...], said: str) -> None:
    before = (estate.estate / "sites/library.yaml").read_text()
    done = estate.run("site", "add", *arguments)
    assert done.exit_code == 2
    assert said in err(done)
    assert [path.name for path in (estate.estate / "sites").iterdir()] == ["library.yaml"]
    assert (estate.estate / "sites/library.yaml").read_text() == before


@pytest.mark.parametrize(
    ("old", "like", "name", "new"),
    [
        ("lib-srv1", "library", "school", "sch-srv1"),
        ("lib-srv1", "cern-library", "hip-lab", "lab-srv1"),
        ("library-srv1", "library", "school", "school-srv1"),
        ("srv1", "library", "school", "srv1"),
        ("l-srv1", "library", "school", "l-srv1"),
        ("dom0", "library", "school", "dom0"),
    ],
)
def test_a_host_gets_the_name_that_fits(old: str, like: str, name: str, new: str) -> None:
    assert copying.renamed(old, like=like, name=name) == new
