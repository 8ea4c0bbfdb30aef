"""How results reach a person or a script: data on stdout, everything else on stderr.

Invariants:
- stdout is the data alone, so `orch status --output json | jq` always works;
- json has a `schema` field and RFC 3339 times, tables have relative times;
- colour only on a terminal (or where asked for), and every colour has a sign, which has an ASCII form too;
- what a host or a centre says never moves the cursor, hides a word or sets a title: no control character reaches a
  terminal but line ends, tabs and our own colours;
- yaml is written as JSON, which every YAML parser reads: no YAML library is loaded for output;
- whoever reads stdout may go at any time (`| head -1`): that is no fault and says nothing.

What the streams are is decided in terminal.py.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import click

from orch.common import printable
from orch.master.cli.exits import Exit

Data: TypeAlias = "str | int | float | bool | Sequence[Data] | Mapping[str, Data] | None"

_COLOURS = {"✓": "green", "↻": "cyan", "!": "yellow", "?": "magenta", "✗": "red", "=": "blue"}
_CHANGES = {"+": "green", "-": "red", "~": "yellow"}
_ASCII = str.maketrans(
    {"✓": "o", "↻": ">", "✗": "x", "·": "-", "→": ">", "…": ".", "×": "x", "—": "-", "█": "#", "░": "."}  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class Each:
    """Which member of a result has the items, and which of an item's members is its name."""

    member: str
    name: str = ""


HOSTS = Each("hosts", "host")
"""Results that are about hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How to say things: what the shared options and the terminal decided."""

    format: str = "table"
    verbose: bool = False
    quiet: bool = False
    colour: bool = False
    err_colour: bool = False
    ascii: bool = False
    moves: bool = False  # stdout is a terminal on which a screen can be redrawn
    err_moves: bool = False
    width: int = 0  # columns of the terminal that stdout is; 0: it is none

    @property
    def structured(self) -> bool:
        """Whether the result goes to a program."""
        return self.format != "table"

    @property
    def by_item(self) -> bool:
        """Whether of a result only its items are printed."""
        return self.format in ("jsonl", "name")

    def lines(self, lines: Iterable[str]) -> None:
        """Put lines of a screen on stdout."""
        for line in lines:
            self._say(self.plain(line))

    def text(self, text: str) -> None:
        """Put a text on stdout as it is: a script for a shell, names for a program."""
        self._say(text)

    def data(
        self, schema: str, members: Mapping[str, Data], *, each: Each | None = None, one_of_many: bool = False
    ) -> None:
        """Put one structured result on stdout.

        Args:
            schema: names its shape, e.g. `orch/status/1`; stable within a major version.
            members: the result.
            each: which of its members has the items that `jsonl` writes a line each, and `name` by name.
            one_of_many: more will follow: a line each in json, documents in yaml.
        """
        document = {"schema": schema, **members}
        if each is not None and self.by_item:
            self._items(schema, members[each.member], each)
        elif self.format == "yaml":
            text = "\n".join([*(["---"] if one_of_many else []), *_yaml(document, 0)])
            self._say(printable.in_json(text))
        else:
            self._say(self._json(document, indent=None if one_of_many or self.format == "jsonl" else 2))

    def _items(self, schema: str, items: Data, each: Each) -> None:
        for item in items if isinstance(items, Sequence) else ():
            if not isinstance(item, Mapping):
                continue
            if self.format == "name":
                self._say(printable.one_line(str(item[each.name])))
            else:
                self._say(self._json({"schema": f"{schema}#{each.member}", **item}, indent=None))

    def _json(self, document: Mapping[str, Data], *, indent: int | None) -> str:
        return printable.in_json(json.dumps(document, ensure_ascii=self.ascii, indent=indent))

    def note(self, text: str) -> None:
        """Progress, for people: on stderr, not with -q."""
        if not self.quiet:
            self._say(self.plain(text), err=True)

    def asked(self, text: str) -> None:
        """What a person is about to decide on: on stderr, with -q too."""
        self._say(self.plain(text), err=True)

    def next(self, *commands: str) -> None:
        """The next useful command, as the last line."""
        if not self.quiet and not self.structured:
            self._say(self.plain("\nnext: " + "   or   ".join(commands)), err=True)

    def problem(self, text: str, *, laid_out: bool = False) -> None:
        """What went wrong, on stderr, with -q too."""
        word = "" if laid_out else self.paint("error: ", "red")
        self._say(self.plain(f"{word}{text}"), err=True)

    def warn(self, text: str) -> None:
        """What a person should know although it goes on, on stderr, with -q too."""
        self._say(self.plain(self.paint("! ", "yellow") + text), err=True)

    def hint(self, text: str) -> None:
        """What to do about it."""
        self._say(self.plain(f"   do: {text}"), err=True)

    def _say(self, text: str, *, err: bool = False) -> None:
        """Write to a stream, without colours where it has none."""
        try:
            click.echo(text, err=err, color=self.err_colour if err else self.colour)
        except OSError as lost:
            raise unwritten(lost) from lost

    @property
    def _paints(self) -> bool:
        return self.colour or self.err_colour  # a stream without colours drops them (`_say`)

    def paint(self, text: str, colour: str) -> str:
        """Coloured text, where colour is on."""
        return click.style(text, fg=colour) if self._paints else text

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
        harmless = printable.harmless_coloured(text) if self._paints else printable.harmless(text)
        return harmless.translate(_ASCII) if self.ascii else harmless


def unwritten(lost: OSError) -> click.exceptions.Exit:
    """The end of a command whose output could not be written: silent where the reader has gone, else said.

    As after a kill by SIGPIPE, a shell sees 141 then: nothing failed but the reading.
    """
    gone = isinstance(lost, BrokenPipeError)
    # What is still in the streams' buffers would be tried once more at the end, and fail there as loudly as it can.
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for the rest of the process
    try:
        if not gone:
            click.echo(f"error: the output cannot be written: {lost.strerror}", err=True)
    except OSError:
        sys.stderr = sys.stdout
    return click.exceptions.Exit(Exit.UNREAD if gone else Exit.FAILED)


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


def quoted(target: str | None) -> str:
    """A target as a shell takes it, for the next command; nothing for all."""
    return shlex.quote(target) if target else ""


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
