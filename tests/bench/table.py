"""What was measured, as a table for people, a file for programs, and a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.figure import ALL, BY_NAME, Figure, Verdict

PAGE = """\
# What orch costs

Written by `make bench ARGS=--page`; do not edit. CPU seconds are user and system time of all processes that the line names.
A ratio is what the best of the peers needs for the same, divided by what orch needs; peers were measured on the same
kind of machine: Salt 3008.5, Ansible-core 2.19, pyinfra 3.10, pkgsync 1.28.

{where}

| what | measured | promised | | peers | ratio |
|---|--:|--:|---|---|--:|
{rows}
{missed}## Measured beside it

| name | value |
|---|--:|
{others}"""


def lines(measured: Mapping[str, float], wanted: Sequence[Figure] = ALL) -> list[str]:
    """The table for people, a line a figure."""
    found = [f"{'figure':30} {'measured':>11} {'promised':>11}  {'':12} {'ratio':>6}  peers"]
    for figure in wanted:
        what, bar, verdict, ratio = _cells(figure, measured.get(figure.name))
        found.append(f"{figure.name:30} {what:>11} {bar:>11}  {verdict:12} {ratio:>6}  {figure.peers}".rstrip())
    found += [f"{name:30} {_number(value):>11}" for name, value in measured.items() if name not in BY_NAME]
    return found


def page(measured: Mapping[str, float], *, where: str) -> str:
    """The page."""
    rows = []
    for figure in ALL:
        what, bar, verdict, ratio = _cells(figure, measured.get(figure.name))
        rows.append(f"| {figure.about} | {what} | {bar} | {verdict} | {figure.peers} | {ratio} |\n")
    missed = [figure for figure in ALL if figure.judge(measured.get(figure.name)) is Verdict.MISSED]
    notes = [f"- `{figure.name}`{': ' * bool(figure.note)}{figure.note.replace(chr(10), ' ')}\n" for figure in missed]
    told = f"## What is missed\n\n{''.join(notes)}\n" if notes else ""
    others = [f"| `{name}` | {_number(value)} |\n" for name, value in measured.items() if name not in BY_NAME]
    return PAGE.format(where=where, rows="".join(rows), missed=told, others="".join(others))


def read(path: Path) -> dict[str, float]:
    """What `write` wrote; nothing where there is no file."""
    found: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write(measured: Mapping[str, float], path: Path) -> None:
    """One flat object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: round(value, 6) for name, value in measured.items()}, indent=1) + "\n", "utf-8")


def _cells(figure: Figure, value: float | None) -> tuple[str, str, str, str]:
    bar = f"{'≥' if figure.at_least else '≤'} {_number(figure.bar)}"
    ratio = f"{figure.peer / value:.1f}" if figure.peer and value else ""
    return "-" if value is None else _number(value), bar, figure.judge(value).value, ratio


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3f}"
