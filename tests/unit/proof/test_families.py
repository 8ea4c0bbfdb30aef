"""The families that are registered, and the page that they fill."""

from __future__ import annotations

import re
from pathlib import Path

from orch.common import messages
from tests.proof import results
from tests.proof.families import ABOUT, ALL, BY_NAME
from tests.proof.targets import TARGETS, corpus

TOP = Path(__file__).parents[3]
CODE = [path for folder in ("common", "master", "minion", "states") for path in sorted((TOP / folder).rglob("*.py"))]
PRIVATE = {"T", "answer", "cls", "gives", "type"}
"""Names that stand for whatever class is asked for."""


def test_each_family_has_its_own_name() -> None:
    assert len(BY_NAME) == len(ALL)


def test_the_page_is_as_the_program_writes_it() -> None:
    text = (TOP / "docs" / "results.md").read_text("utf-8")
    assert results.page_of(results.rows_of(text), ABOUT) == text, "run: make proof"


def test_every_class_that_is_decoded_anywhere_is_fuzzed() -> None:
    decoded = {name for path in CODE for name in re.findall(r"codec\.decode\((\w+),", path.read_text("utf-8"))}
    fuzzed = {target.name for target in TARGETS}
    assert decoded - PRIVATE - fuzzed == set()
    assert {f"message {cls.TAG}" for cls in messages.ALL} <= fuzzed


def test_what_the_mutants_are_made_of_is_read_as_it_is() -> None:
    for target, valid in zip(TARGETS, corpus(), strict=True):
        if target.packed and target.name != "envelope":
            for data in valid:
                target.read(data)
