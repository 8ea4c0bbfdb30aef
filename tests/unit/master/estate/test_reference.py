from __future__ import annotations

from pathlib import Path

from orch.master.estate import reference

PAGE = Path(__file__).parents[4] / "docs/reference/estate.md"


def test_is_what_the_schema_says_now() -> None:
    made = reference.page()
    assert PAGE.read_text() == made, "run: python -m orch.master.estate.reference > docs/reference/estate.md"


def test_names_every_setting_once_and_every_file() -> None:
    made = reference.page()
    assert made.count("| `unlisted` |") == 1
    assert all(f"## {file}" in made for file in ("estate.yaml", "sites/NAME.yaml", "lists/NAME.list", "policy.yaml"))


def test_says_which_keys_are_not_honoured_yet() -> None:
    assert "| `windows` | a list of: a map |  | *Not yet.*" in reference.page()
