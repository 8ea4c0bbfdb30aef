"""What is wrong in an operator's file, where, and in which words: the cases lie in cases/*.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from orch.common.errors import EstateError
from orch.master.estate import loader
from orch.master.estate.diagnostics import Diagnostic, Severity
from tests.unit.master.estate import estates

CASES = {
    name: case
    for path in sorted((Path(__file__).parent / "cases").glob("*.toml"))
    for name, case in tomllib.loads(path.read_text()).items()
}


def say(item: Diagnostic) -> str:
    said = f"{item.where} {item.severity.value}: {item.text}"
    return f"{said} | {item.help}" if item.help else said


@pytest.mark.parametrize("name", CASES)
def test_says_what_is_wrong_and_where(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    files = estates.SMALL | {case.get("file", "sites/library.yaml"): case["text"]}
    found = loader.lint(estates.write(tmp_path, files))
    assert sorted(say(item) for item in found) == sorted(line.replace("`", "'") for line in case["found"])


@pytest.mark.parametrize("name", CASES)
def test_shows_the_line_with_a_mark_under_the_fault(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    files = estates.SMALL | {case.get("file", "sites/library.yaml"): case["text"]}
    for item in loader.lint(estates.write(tmp_path, files)):
        if "is not read" in item.text:
            continue
        line = str(files[item.file]).split("\n")[item.line - 1]
        assert item.source == line
        if item.column and line:
            shown = item.render().split("\n")
            assert shown[1].endswith(line)
            offset = len(shown[1]) - len(line)
            assert shown[2][offset + item.column - 1] == "^"
            assert shown[2][: offset + item.column - 1].strip() == "|"


@pytest.mark.parametrize("name", CASES)
def test_hands_out_no_estate_with_an_error_in_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    directory = estates.write(tmp_path, estates.SMALL | {case.get("file", "sites/library.yaml"): case["text"]})
    errors = [item for item in loader.lint(directory) if item.severity is Severity.ERROR]
    if not errors:
        assert loader.load(directory).sites
        return
    with pytest.raises(EstateError) as caught:
        loader.load(directory)
    assert all(f"{item.where}  error: {item.text}" in caught.value.text for item in errors)
