"""Which estate is meant and why; what is in force is shown with who said so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orch.common.errors import OrchError, UsageError
from orch.master.cli import meant
from orch.master.cli.meant import Said
from tests.unit.master.cli.desk import Workplace, err


@pytest.fixture
def estates(tmp_path: Path) -> Path:
    for name in ("netgate", "lab"):
        (tmp_path / name / "sites").mkdir(parents=True)
        (tmp_path / name / "estate.yaml").write_text("")
    return tmp_path


def said(base: Path, *, option: str = "", variable: str = "", start: str = "") -> Said:
    return Said(option=option, variable=variable, start=base / start, home=base)


def test_the_option_goes_before_the_variable_and_that_before_the_directory_around(estates: Path) -> None:
    (estates / "config").write_text(f'estate = "{estates}/lab"\nestates = ["{estates}/netgate", "{estates}/lab"]\n')
    cases = [
        (said(estates, option=f"{estates}/lab", variable=f"{estates}/netgate", start="netgate"), "lab", "--estate"),
        (said(estates, option="lab", start="netgate"), "lab", "--estate"),
        (said(estates, variable="netgate", start="lab"), "netgate", "ORCH_ESTATE"),
        (said(estates, start="netgate/sites"), "netgate", "the directory around you"),
        (said(estates), "lab", f"estate in {estates}/config"),
    ]
    for given, name, why in cases:
        found = meant.find(given)
        assert (found.path, found.why) == (estates / name, why)


def test_what_is_no_estate_is_said(estates: Path) -> None:
    with pytest.raises(UsageError, match="there is no estate here"):
        meant.find(said(estates))
    with pytest.raises(UsageError, match="is not an estate"):
        meant.find(said(estates, option="nowhere"))
    (estates / "config").write_text("estat = 1\n")
    with pytest.raises(OrchError, match="did you mean estate"):
        meant.find(said(estates))


def test_shows_what_is_in_force_and_who_said_so(place: Workplace) -> None:
    place.found("library")
    done = place.run("config")
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "netgate" in lines["estate"]
    assert "by the directory around you" in lines["estate"]
    assert "anna" in lines["operator"]
    assert str(place.home / "netgate") in lines["keys"]
    assert "tcp://127.0.0.1:4505" in lines["centre"]
    assert "not there" in lines["config"]
    told = json.loads(place.run("config", "--output", "json").stdout)
    assert told["schema"] == "orch/config/1"
    [colour] = [item for item in told["settings"] if item["what"] == "colour"]
    assert colour["is"] == "off"
    assert colour["by"] in ("stdout is no terminal", "NO_COLOR")
    assert not place.dialled


def test_the_estate_of_the_file_is_used_where_one_stands_in_none(place: Workplace) -> None:
    place.found("library")
    assert place.run("status", where=place.base).exit_code == 2
    (place.home / "config").write_text(f'estates = ["{place.estate}"]\n')
    assert place.run("--estate", "netgate", "status", where=place.base).exit_code == 0
    (place.home / "config").write_text(f'estate = "{place.estate}"\n')
    assert place.run("status", where=place.base).exit_code == 0
    (place.home / "config").write_text("estate = 7\n")
    done = place.run("status", where=place.base)
    assert done.exit_code != 0
    assert "estate" in err(done)
