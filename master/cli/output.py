"""How results reach a person or a script: data on stdout, everything else on stderr.

Invariants:
- stdout is the data alone, so `orch status --output json | jq` always works;
- json has a `schema` field and RFC 3339 times, tables have relative times;
- colour only on a terminal (or where asked for), and every colour has a sign, which has an ASCII form too;
- what a host or a centre says never moves the cursor, hides a word or sets a title: no control character reaches a
  terminal but line ends, tabs and our own colours;
- yaml is written as JSON, which every YAML parser reads: no YAML library is loaded for output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import click

from orch.common import printable

Data: TypeAlias = "str | int | float | bool | Sequence[Data] | Mapping[str, Data] | None"

_COLOURS = {"✓": "green", "↻": "cyan", "!": "yellow", "?": "magenta", "✗": "red", "=": "blue"}
_CHANGES = {"+": "green", "-": "red", "~": "yellow"}
_ASCII = str.maketrans(
    {"✓": "o", "↻": ">", "✗": "x", "·": "-", "→": ">", "…": ".", "×": "x", "—": "-", "^": "^"}  # noqa: RUF001
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How to say things: what the shared options and the terminal decided."""

    format: str = "table"
    verbose: bool = False
    quiet: bool = False
    colour: bool = False
    ascii: bool = False
    moves: bool = False  # stdout is a terminal on which a screen can be redrawn

    @property
    def structured(self) -> bool:
        """Whether the result goes to a program."""
        return self.format != "table"

    def lines(self, lines: Iterable[str]) -> None:
        """Put lines of a screen on stdout."""
        for line in lines:
            click.echo(self.plain(line), color=self.colour)

    def data(self, schema: str, members: Mapping[str, Data], *, one_of_many: bool = False) -> None:
        """Put one structured result on stdout.

        Args:
            schema: names its shape, e.g. `orch/status/1`; stable within a major version.
            members: the result.
            one_of_many: more will follow: a line each in json, documents in yaml.
        """
        document = {"schema": schema, **members}
        if self.format == "yaml":
            text = "\n".join([*(["---"] if one_of_many else []), *_yaml(document, 0)])
        else:
            text = json.dumps(document, ensure_ascii=False, indent=None if one_of_many else 2)
        click.echo(printable.in_json(text), color=False)

    def note(self, text: str) -> None:
        """Progress, for people: on stderr, not with -q."""
        if not self.quiet:
            click.echo(self.plain(text), err=True, color=self.colour)

    def next(self, *commands: str) -> None:
        """The next useful command, as the last line."""
        if not self.quiet and not self.structured:
            click.echo(self.plain("\nnext: " + "   or   ".join(commands)), err=True, color=self.colour)

    def problem(self, text: str, *, laid_out: bool = False) -> None:
        """What went wrong, on stderr, with -q too."""
        word = "" if laid_out else self.paint("error: ", "red")
        click.echo(self.plain(f"{word}{text}"), err=True, color=self.colour)

    def warn(self, text: str) -> None:
        """What a person should know although it goes on, on stderr, with -q too."""
        click.echo(self.plain(self.paint("! ", "yellow") + text), err=True, color=self.colour)

    def hint(self, text: str) -> None:
        """What to do about it."""
        click.echo(self.plain(f"   do: {text}"), err=True, color=self.colour)

    def paint(self, text: str, colour: str) -> str:
        """Coloured text, where colour is on."""
        return click.style(text, fg=colour) if self.colour else text

    def sign(self, text: str) -> str:
        """A text that begins with a sign, in the sign's colour."""
        colour = _COLOURS.get(text[:1])
        return self.paint(text, colour) if colour else text

    def change(self, text: str) -> str:
        """A line of a plan, in the colour of its sign."""
        colour = _CHANGES.get(text.lstrip()[:1])
        return self.paint(text, colour) if colour else text

    def plain(self, text: str) -> str:
        """The same without foreign control characters, and in ASCII signs where the terminal knows no others."""
        harmless = printable.harmless_coloured(text) if self.colour else printable.harmless(text)
        return harmless.translate(_ASCII) if self.ascii else harmless


@dataclass(frozen=True, slots=True)
class Terminal:
    """What stdout is."""

    colour: bool
    ascii: bool
    moves: bool


def terminal(colour: str, *, ascii_only: bool) -> Terminal:
    """What to make of stdout, from the options, NO_COLOR, TERM and stdout itself."""
    moves = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    wanted = colour == "always" or (colour == "auto" and moves and not os.environ.get("NO_COLOR"))
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Terminal(wanted, ascii_only or not encoding.startswith("utf"), moves)


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as aligned columns, two blanks before each line; columns in `right` are aligned to the right.

    A cell is one line, whoever wrote it: a stranger's machine may have any name.
    """
    if not rows:
        return []
    rows = [[printable.one_line(cell) for cell in row] for row in rows]
    count = max(len(row) for row in rows)
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(count)]
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[at]) if at in right else cell.ljust(widths[at]) for at, cell in enumerate(row)]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _yaml(value: Data, depth: int) -> list[str]:
    pad = "  " * depth
    if isinstance(value, Mapping) and value:
        lines = []
        for key, member in value.items():
            if isinstance(member, Mapping | list | tuple) and member:
                lines += [f"{pad}{_key(key)}:", *_yaml(member, depth + 1)]
            else:
                lines.append(f"{pad}{_key(key)}: {_scalar(member)}")
        return lines
    if isinstance(value, list | tuple) and value:
        lines = []
        for member in value:
            inner = _yaml(member, depth + 1)
            lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
        return lines
    return [f"{pad}{_scalar(value)}"]


def _key(text: str) -> str:
    # YAML 1.1 reads `no` and `on` as truth values, even as keys.
    plain = text.isidentifier() and text.lower() not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    return text if plain else _scalar(text)


def _scalar(value: Data) -> str:
    # JSON's scalars and empty collections are YAML's too.
    return json.dumps(value, ensure_ascii=False)
