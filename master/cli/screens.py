"""The text of the screens, from data to lines; the only place that knows rich, and only for a screen that moves."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from orch.common.clock import ago
from orch.common.rows import Row
from orch.master.cli.condition import Condition, condition, counts, note, number, sign_of_life, standing, worst
from orch.master.cli.fleet import Fleet
from orch.master.cli.output import Output, table

FOLD = 24
"""Sites above which those that are well fold into one line."""

WIDTH = 80
"""Columns that every terminal has; -v keeps within them for names of usual length."""

_NOTE = 60
_NOTE_LEAST = 20


def status(output: Output, fleet: Fleet, rows: Sequence[Row]) -> list[str]:
    """`orch status`; quietly only those who are not well, and nothing where all are."""
    if output.quiet:
        rows = [row for row in standing(rows) if condition(row) is not Condition.CONVERGED]
        return _hosts(output, fleet, rows) if rows else []
    sites: dict[str, list[Row]] = {}
    for row in rows:
        sites.setdefault(row.host.partition("/")[0], []).append(row)
    lines = [_head(fleet, sites, rows), ""]
    if rows:
        lines += _rows(output, fleet, sites) if not output.verbose else _hosts(output, fleet, rows)
        lines += ["", "  " + "   ".join(_count(output, item, found) for item, found in counts(rows).items() if found)]
        lines.append("  " + _listeners(rows))
        lines += _behind(output, rows)
    else:
        lines.append("  no host is admitted yet")
    return lines


def _head(fleet: Fleet, sites: dict[str, list[Row]], rows: Sequence[Row]) -> str:
    view = fleet.view
    if view is None:
        return "the centre said nothing"
    up = ago(fleet.now.time - view.since)
    many = f"{_many(sites, 'site')}, {_many(standing(rows), 'host')}"
    return f"{view.estate} · policy {view.policy} · centre up {up} · {many}"


def _many(things: Sequence[object] | dict[str, list[Row]], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _count(output: Output, item: Condition, found: int) -> str:
    return output.sign(f"{item.value[:1]} {found} {item.value[2:]}")


def _listeners(rows: Sequence[Row]) -> str:
    counted = standing(rows)
    clean = [row for row in counted if row.reported and not row.listeners]
    return f"nothing listens unasked: so say {len(clean)} of {len(counted)} hosts"


def _behind(output: Output, rows: Sequence[Row]) -> list[str]:
    """That the centre has forgotten what its hosts hold, and what that means."""
    ahead = [row for row in standing(rows) if row.ahead]
    if not ahead:
        return []
    newest = number(max(row.running for row in ahead))
    holds = "host holds" if len(ahead) == 1 else "hosts hold"
    return [
        "",
        output.sign(f"! this centre is behind: {len(ahead)} {holds} releases up to {newest}, which it does not know.")
        + " It came back from",
        "  an older backup, or lost its newest. No host goes back. orch apply signs your files anew, above those",
        "  numbers; until then each host goes on with what it holds.",
    ]


def _rows(output: Output, fleet: Fleet, sites: dict[str, list[Row]]) -> list[str]:
    made = [["SITE", "RING", "HOSTS", "RELEASE", "HEALTH", "SEEN", "NOTE"]]
    well = {site for site, rows in sites.items() if worst(standing(rows)) is Condition.CONVERGED}
    folded = well if len(sites) > FOLD else set()
    for site, rows in sites.items():
        if site not in folded and standing(rows):
            made.append([site, *_site(fleet, standing(rows))])
        made += [_ended(fleet, row) for row in rows if row.revoked]
    made = [[*cells, _note(output, made, note)] for *cells, note in made]
    lines = _signed(output, table(made, right=frozenset({2})))
    if folded:
        lines.append(output.sign(f"  {len(folded)} more sites are ✓ converged (orch status -v)"))
    return lines


def _ended(fleet: Fleet, row: Row) -> list[str]:
    seen = fleet.now.ago(row.heard)
    return [row.host, row.ring or "-", "-", number(row.running), condition(row).value, seen, note(row)]


def _note(output: Output, rows: list[list[str]], text: str) -> str:
    """A note in the room that the other columns leave on a terminal; on paper in a room that a terminal would have."""
    room = _NOTE
    if output.width:
        taken = sum(2 + max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1))
        room = min(_NOTE, max(_NOTE_LEAST, output.width - taken - 2))
    return textwrap.shorten(text, room, placeholder=" ...")


def _site(fleet: Fleet, rows: list[Row]) -> list[str]:
    up = sum(row.connected for row in rows)
    state = worst(rows)
    first = next(row for row in rows if condition(row) is state)
    releases = sorted({row.running for row in rows})
    shown = number(releases[0]) if len(releases) == 1 else f"{number(releases[0])} to {number(releases[-1])}"
    seen = min((sign_of_life(row) for row in rows), default=0)
    said = note(first)
    text = f"{first.host.partition('/')[2]}: {said}" if said and len(rows) > 1 else said
    return [first.ring, f"{up}/{len(rows)}", shown, state.value, fleet.now.ago(seen), text]


def _hosts(output: Output, fleet: Fleet, rows: Sequence[Row]) -> list[str]:
    made = [["HOST", "SCOPE", "RING", "RELEASE", "HEALTH", "SEEN"]]
    made += [
        [row.host, row.scope, row.ring, _releases(row), condition(row).value, fleet.now.ago(sign_of_life(row))]
        for row in rows
    ]
    head, *lines = _signed(output, table(made))
    shown = [head]
    for row, line in zip(rows, lines, strict=True):
        # A line of its own: with it, the table would be wider than a terminal.
        said = textwrap.wrap(note(row), WIDTH - 6, initial_indent=" " * 6, subsequent_indent=" " * 6)
        shown += [line, *said]
    return shown


def _releases(row: Row) -> str:
    """What it has, and what it is to have where that is another."""
    return (
        number(row.running) if row.wanted in (row.running, (0, 0)) else f"{number(row.running)} → {number(row.wanted)}"
    )


def _signed(output: Output, lines: list[str]) -> list[str]:
    """Colour the health word in lines that are aligned already."""
    if not output.colour:
        return lines
    for item in Condition:
        lines = [line.replace(item.value, output.sign(item.value), 1) for line in lines]
    return lines


def event(output: Output, fleet: Fleet, row: Row) -> str:
    """One changed host in one line, where a screen cannot be redrawn."""
    parts = [row.host, output.sign(condition(row).value), fleet.now.ago(sign_of_life(row)), note(row)]
    return "  " + "  ".join(part for part in parts if part)


class Screen(Protocol):
    """Something to draw on again and again."""

    redraws: bool
    drawn: bool

    def draw(self, lines: Sequence[str]) -> None:
        """Put these lines in place of those before (or after them, where it cannot redraw)."""


class _Paper:
    """A pipe or a dumb terminal: lines follow each other."""

    redraws = False

    def __init__(self, output: Output) -> None:
        self._output = output
        self.drawn = False

    def draw(self, lines: Sequence[str]) -> None:
        self._output.lines(lines)
        self.drawn = self.drawn or bool(lines)


@contextmanager
def live(output: Output, *, progress: bool = False) -> Iterator[Screen]:
    """A screen that redraws where stdout is a terminal; as `progress`, where stderr is one, and gone in the end."""
    moves = output.err_moves and not output.quiet if progress else output.moves and not output.structured
    if not moves:
        yield _Paper(output)
        return
    # Imported here: rich costs a tenth of a second, and only a moving screen needs it.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    colour = output.err_colour if progress else output.colour
    console = Console(
        file=sys.stderr if progress else sys.stdout,
        highlight=False,
        no_color=not colour,
        force_terminal=True,  # looked at already (terminal.py)
    )
    with Live(console=console, auto_refresh=False, vertical_overflow="visible", transient=progress) as moving:

        class _Glass:
            redraws = True
            drawn = False

            def draw(self, lines: Sequence[str]) -> None:
                moving.update(Text.from_ansi("\n".join(output.plain(line) for line in lines)), refresh=True)
                self.drawn = True

        yield _Glass()
