from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.errors import SettingsError
from orch.minion.settings import HostSettings, Layout, load

SETTINGS = HostSettings(estate="lab", name="library/dom0", agent=101, fetcher=102, group=103, proxy="10.0.0.1:1080")


def written(folder: Path, text: str) -> Layout:
    layout = Layout(folder)
    layout.state.mkdir(parents=True)
    layout.settings.write_text(text)
    return layout


def test_what_enrolment_wrote_is_read_back(tmp_path: Path) -> None:
    assert load(written(tmp_path, SETTINGS.text())) == SETTINGS


def test_a_host_that_is_not_enrolled_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Layout(tmp_path))
    assert "orch-minion enrol" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "estate = ",
        SETTINGS.text() + "colour = 1\n",
        SETTINGS.text().replace("101", '"101"'),
        SETTINGS.text().replace("library/dom0", "library"),
        f"estate = {'[' * 9000}",
        "\n".join(line for line in SETTINGS.text().splitlines() if "estate" not in line),
    ],
    ids=["no toml", "unknown", "wrong type", "no name", "nested", "missing"],
)
def test_anything_else_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    layout = written(tmp_path, text)
    with pytest.raises(SettingsError, match=r"host\.toml"):
        load(layout)


@pytest.mark.parametrize("proxy", ['quo"ted:1', "back\\slash:1", "two\nlines = 1", "tab\t\x00\x7f\x1b", "größe:1"])
def test_a_proxy_with_any_character_is_read_back_as_it_was(tmp_path: Path, proxy: str) -> None:
    settings = replace(SETTINGS, proxy=proxy)
    assert load(written(tmp_path, settings.text())) == settings
