"""The settings and their reference page say the same."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from orch.common import settings
from orch.common.errors import SettingsError
from orch.master.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "master-settings.md"


def defaults(made: object, above: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        value = getattr(made, field.name)
        name = above + field.name.replace("_", "-")
        found.update(defaults(value, f"{name}.") if dataclasses.is_dataclass(value) else {name: value})
    return found


def test_the_page_names_every_setting_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z.-]+)` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    told = {name: json.loads(value) for name, value in rows}
    real = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults(Settings()).items()}
    assert told == real


def test_the_example_of_the_page_is_read() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    assert settings.parse(Settings, example[1], "x").keep.days == 365


@pytest.mark.parametrize("address", ["4505", "udp://*:1", "tcp://*", "tcp://a b:1", "tcp://*:123456"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"listen: is not an address like tcp://\*:4505"):
        settings.parse(Settings, f'listen = ["{address}"]', "x")
