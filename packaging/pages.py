"""Writes the manual pages and the shells' completions of the Debian packages: `pages.py FOLDER`.

Both are made from the commands themselves, so they cannot fall behind. The pages are made of the parts of which
docs/reference/cli.md is made; of its form they know what it uses: headings, tables, blocks, paragraphs.

The date of a page is that of SOURCE_DATE_EPOCH, so that two builds of one commit give the same bytes.

Called by packaging/debian/rules, in the tree that is built.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import click
from click.shell_completion import get_completion_class

import orch
from orch.common.clock import SystemClock
from orch.master.__main__ import main as master
from orch.master.cli import reference
from orch.master.cli.commands import root
from orch.minion.cli.commands import cli as minion


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of the three programs, and what its page says beside its commands."""

    name: str
    section: int
    about: str
    command: click.Group
    more: str = ""


_CENTRE = """\
## Service

`orch-master.service` runs the centre as the user `orch-master` on `/var/lib/orch-master`, which `orch init` makes. It
starts as soon as `centre.key` is there, and at boot.

## Files

| file | |
|---|---|
| `/var/lib/orch-master/master.toml` | settings |
| `/var/lib/orch-master/centre.key` | the keys of the centre |
| `/var/lib/orch-master/policy` | the policies of the estate |
"""

_HOST = """\
## Services

`orch-executor.service`, `orch-agent.service` and `orch-fetcher.socket` start when the host is enrolled, and at boot.
What happens is in the journal, with fields: `journalctl -t orch-executor ORCH_EVENT=problem`.

## Files

| file | |
|---|---|
| `/var/lib/orch` | the keys of the host, what it must be, and what it has done |
| `/var/lib/orch/host.toml` | its name, its users and its proxy, as they were settled at enrolment |
"""

PROGRAMS = (
    Program(name="orch", section=1, about="keep far-away sites in the state that you signed off", command=root),
    Program(name="orch-master", section=8, about="the centre of an estate", command=master, more=_CENTRE),
    Program(name="orch-minion", section=8, about="the software on a host of an estate", command=minion, more=_HOST),
)
COMPLETIONS = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}


def manual(program: Program) -> str:
    """A program's page, in the language of man(7)."""
    context = reference.context_of(program.command, program.name)
    if program.command is root:
        body = reference.page().split("\n\n", 2)[2]  # without its title, and how it is made
    else:
        about = program.command.help or ""
        own = reference.options(program.command.params, context)
        body = "\n".join([about, "", "## Options", "", *own, "", *reference.commands(program.command, context)])
        body += "\n" + program.more
    names = [one.name for one in PROGRAMS if one is not program]
    others = ", ".join(f"\\fB{_plain(one.name)}\\fR({one.section})" for one in PROGRAMS if one.name in names)
    date = datetime.fromtimestamp(_when(), tz=UTC).strftime("%Y-%m-%d")
    head = [
        f'.TH "{_plain(program.name)}" "{program.section}" "{date}" "orch {_plain(orch.__version__)}" "orch"',
        '.SH "NAME"',
        f"{_plain(program.name)} \\- {_plain(program.about)}",
        '.SH "SYNOPSIS"',
        f"\\fB{_plain(program.name)}\\fR [\\fIOPTION\\fR]... [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...]",
        '.SH "DESCRIPTION"',
    ]
    return "\n".join([*head, *_roff(body.splitlines(), program.name), '.SH "SEE ALSO"', others, ""])


def completion(program: Program, shell: str) -> str:
    """What makes a shell complete a program's commands and options."""
    kind = get_completion_class(shell)
    if kind is None:
        raise SystemExit(f"pages.py: click knows no {shell}")
    variable = f"_{program.name}_COMPLETE".replace("-", "_").upper()
    return kind(program.command, {}, program.name, variable).source()


def _when() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given else SystemClock().wall()


def _roff(lines: Iterable[str], name: str) -> Iterator[str]:
    """The markdown of the reference as man(7); what it does not use is not understood."""
    is_block, was_command = False, False
    for line in lines:
        if line.startswith("```"):
            is_block = not is_block
            yield ".nf" if is_block else ".fi"
        elif is_block:
            yield _shielded(_plain(line))
        elif line.startswith("## "):
            title = line[3:]
            is_command = title.startswith(f"{name} ")
            if is_command and not was_command:
                yield '.SH "COMMANDS"'
            yield f'.{"SS" if is_command else "SH"} "{_plain(title if is_command else title.upper())}"'
            was_command = is_command
        elif line.startswith("|"):
            yield from _row(line)
        else:
            yield _shielded(_marked(line)) if line else ".PP"


def _row(line: str) -> Iterator[str]:
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if set(cells[0]) == {"-"} or not cells[1] or cells[1] == "means" or cells[0] in ("what", "file"):
        return
    yield from (".TP", _shielded(_marked(cells[0])), _shielded(_marked(cells[1])))


def _marked(text: str) -> str:
    """Text with its `words` in bold."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(f"\\fB{_plain(part)}\\fR" if at % 2 else _plain(part) for at, part in enumerate(parts))


def _plain(text: str) -> str:
    """Text in which roff sees nothing to do: ASCII hyphens stay what a person can copy."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def _shielded(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line


def main(folder: Path) -> None:
    """Write everything."""
    for program in PROGRAMS:
        (folder / "man").mkdir(parents=True, exist_ok=True)
        page = folder / "man" / f"{program.name}.{program.section}"
        page.write_text(manual(program), encoding="utf-8")
        for shell, name in COMPLETIONS.items():
            target = folder / shell / name.format(program.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(completion(program, shell), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
