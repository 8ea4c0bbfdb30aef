"""docs/results.md: what was run, with counts and seeds. Written by the program alone; a new run takes its row's place.

The page is its own store: it is read back, one row is replaced, and it is written again. So runs on several machines
come together in it by the ordinary ways of a repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.proof.state import State

HEAD = """\
# Results of the long runs

Written by `make proof`; do not edit. Each row is one run: `make proof FAMILY=family SEED=seed CASES=cases` runs it again,
with the same cases, and puts the new row in the place of the old one. `make sample` runs a few cases of every family
with a new seed and is part of `make test`.

CPU seconds are those of all processes that took part, on the machine that ran them. The slowest case is in CPU
milliseconds. Memory is the growth of the program's resident memory from a tenth of the run to its end.

| family | seed | cases | failures | CPU s | slowest case ms | memory | last ran | with |
|---|--:|--:|--:|--:|--:|--:|---|---|
"""
_CELLS = 9


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One run, as it stands on the page."""

    family: str
    seed: int
    rest: tuple[str, ...]

    def text(self) -> str:
        """The line."""
        return f"| {' | '.join((self.family, str(self.seed), *self.rest))} |\n"


def row_of(state: State) -> Row:
    """The row of a run."""
    cases = f"{state.done:,}" if state.over else f"{state.done:,} of {state.wanted:,}"
    return Row(
        state.family,
        state.seed,
        (
            cases,
            f"{state.failed:,}",
            f"{state.cpu:,.0f}",
            f"{state.slowest * 1000:,.0f}",
            f"{state.grown:+.1%}",
            state.day,
            "; then ".join(state.versions),
        ),
    )


def rows_of(page: str) -> tuple[Row, ...]:
    """The rows that stand on a page."""
    found = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == _CELLS and re.fullmatch(r"\d+", cells[1]):
            found.append(Row(cells[0], int(cells[1]), tuple(cells[2:])))
    return tuple(found)


def page_of(rows: tuple[Row, ...], abouts: Mapping[str, str]) -> str:
    """The whole page."""
    table = "".join(row.text() for row in sorted(rows))
    families = "".join(f"- **{name}**: {abouts[name]}\n" for name in sorted(abouts))
    return f"{HEAD}{table}\n## What a case is\n\n{families}"


def refresh(path: Path, abouts: Mapping[str, str]) -> None:
    """The same rows, with the families as they are now."""
    path.write_text(page_of(rows_of(path.read_text("utf-8")), abouts), "utf-8")


def merge(path: Path, state: State, abouts: Mapping[str, str]) -> None:
    """Put a run's row on the page."""
    old = rows_of(path.read_text("utf-8")) if path.exists() else ()
    kept = tuple(row for row in old if (row.family, row.seed) != (state.family, state.seed))
    path.write_text(page_of((*kept, row_of(state)), abouts), "utf-8")
