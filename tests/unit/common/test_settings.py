from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from orch.common import settings
from orch.common.codec import Length, Pattern
from orch.common.errors import SettingsError
from orch.common.settings import Range


@dataclass(frozen=True)
class Inner:
    most: Annotated[int, Range(1, 10)] = 5
    quick: bool = False


@dataclass(frozen=True)
class Example:
    name: Annotated[str, Length(1, 5)]
    listen_at: Annotated[tuple[str, ...], Length(1, 2), Pattern("[a-z]+", "a word")] = ("a",)
    inner: Inner = Inner()


def test_reads_what_is_there_and_defaults_the_rest(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('name = "n"\nlisten-at = ["a", "b"]\n[inner]\nquick = true\n')
    assert settings.read(Example, tmp_path / "x.toml") == Example("n", ("a", "b"), Inner(5, quick=True))


def test_takes_a_missing_file_for_an_empty_one(tmp_path: Path) -> None:
    assert settings.read(Inner, tmp_path / "none.toml") == Inner()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x: name: is missing"),
        ('name = "n"\nlisten-att = []', "x: listen-att: is not a setting; did you mean listen-at?"),
        ('name = "n"\nzzz = 1', "x: zzz: is not a setting; known here: inner, listen-at, name"),
        ("name = 3", "x: name: is not a text"),
        ('name = "abcdef"', "x: name: has 6 characters, allowed are 1 to 5"),
        ('name = "n"\nlisten-at = "a"', "x: listen-at: is not a list of texts"),
        ('name = "n"\nlisten-at = []', "x: listen-at: has 0 members, allowed are 1 to 2"),
        ('name = "n"\nlisten-at = ["A"]', "x: listen-at: is not a word: 'A'"),
        ('name = "n"\ninner = 3', "x: inner: is not a table"),
        ('name = "n"\n[inner]\nmost = 11', "x: inner.most: is 11, allowed are 1 to 10"),
        ('name = "n"\n[inner]\nmost = true', "x: inner.most: is not a whole number"),
        ('name = "n"\n[inner]\nquick = "yes"', "x: inner.quick: is not true or false"),
    ],
)
def test_says_file_key_and_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(Example, text, "x")
    assert caught.value.text == said


def test_says_everything_that_is_wrong_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(Example, "a = 1\n[inner]\nmost = 0\nquik = true", "x")
    assert len(caught.value.text.splitlines()) == 4


def test_gives_the_line_of_a_file_that_is_no_toml() -> None:
    with pytest.raises(SettingsError, match="line 2"):
        settings.parse(Example, "name = 'n'\n[[a\nb = 1", "x")


def test_refuses_a_file_that_is_nested_beyond_reason() -> None:
    with pytest.raises(SettingsError, match="nested"):
        settings.parse(Example, f"name = {'[' * 9000}", "x")


def test_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.read(Example, tmp_path / "x.toml")
