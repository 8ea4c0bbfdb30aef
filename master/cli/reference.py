"""Writes docs/reference/cli.md from the commands: `python -m orch.master.cli.reference > docs/reference/cli.md`.

A test compares the page with what this makes, so it cannot fall behind. The manual pages of the packages are made of
the same parts (packaging/pages.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import click

from orch.master.cli.commands import root
from orch.master.cli.exits import Exit
from orch.master.cli.group import HELP, NamingCommand, SharedOption, shared_options

_HEAD = """\
# Commands of `orch`

Made from the commands by `python -m orch.master.cli.reference`; do not edit.

Data goes to stdout, progress and hints to stderr. The last line of a screen is the next useful command. Tables are for
people and may change; `--output json` has a `schema` field and is stable within a major version.
"""

_EXITS = {
    Exit.DONE: "done, or nothing is different",
    Exit.FAILED: "something failed, or a question was answered with no",
    Exit.USAGE: "the command, or a file of the estate, is wrong; nothing was done",
    Exit.DIFFERENT: "there are differences (`plan`, `status --exit-code`)",
    Exit.UNCONFIRMED: "accepted, but not every host has confirmed it: offline, or not within `--timeout`",
    Exit.REFUSED: "refused by signature, policy, key or access; or a saved plan does not hold any more",
    Exit.UNREACHABLE: "the centre does not answer",
    Exit.INTERRUPTED: "interrupted with Ctrl-C; what was published goes on",
    Exit.UNREAD: "whoever read stdout has gone (`| head -1`), as after SIGPIPE",
}

_TARGETS = """\
## Targets

| written | means |
|---|---|
| `library` | every host of the site |
| `library/srv1` | one host |
| `@slow-links` | a group of `estate.yaml` |
| `ring:pilot` | the hosts of a ring |
| `kind=library` | hosts with that label; also `!=`, `~` (contains) |
| `link.down<4Mbit` | hosts with less than that; also `<=`, `>`, `>=` |
| `state:offline` | what the centre knows now: converged, changing, waiting, degraded, offline, failed, refused, \
ahead, no-release, online |
| `A and B`, `A or B`, `not A`, `( )` | together |
| `A, B` | or |
| `*` | all |
"""

_PLACES = """\
## Files and variables

| what | where |
|---|---|
| the estate | `--estate DIRECTORY`, else `ORCH_ESTATE`, else the nearest directory with an `estate.yaml`, \
else `estate` in `config` |
| `config` | beside the folders of your keys; TOML: `estate` is the directory for when you stand in none, `estates` \
are those that `--estate` knows by their last part |
| names and words for completion | `$XDG_CACHE_HOME/orch/`, else `~/.cache/orch/`; may be removed |
| your keys | `$ORCH_HOME/ESTATE/`, else `~/.config/orch/ESTATE/`: `login.key`, `signing.key`, `root.key`, `pin` |
| passphrase | `--passphrase-file FILE`, else the file that `ORCH_PASSPHRASE_FILE` names, else it is asked for |
| written by `orch` into the estate | `policy/`, `hosts/`, `ESTATE.enrol`: commit them to git |
| colour | `--color`, `NO_COLOR`; each of stdout and stderr only if it is a terminal |
| ASCII signs | `--ascii`; by itself where `LC_ALL`, `LC_CTYPE` or `LANG` says `C` or `POSIX`, or stdout is not UTF-8 |
"""


def page() -> str:
    """The whole page."""
    context = context_of(root, "orch")
    exits = [f"| {int(code)} | {text} |" for code, text in _EXITS.items()]
    return "\n".join(
        [
            _HEAD,
            *commands(root, context),
            "## Options that every command takes",
            "",
            *options(shared_options(formats=NamingCommand.formats), context),
            "",
            "They may stand before the command, too, but for `--output`, which commands with a result take.",
            "",
            _TARGETS,
            "## Exit codes",
            "",
            "| code | means |",
            "|---|---|",
            *exits,
            "",
            _PLACES.rstrip(),
            "",
        ]
    )


def context_of(command: click.Command, name: str) -> click.Context:
    """For what is said of a program's outermost command."""
    return click.Context(command, info_name=name, help_option_names=HELP["help_option_names"])


def commands(group: click.Group, above: click.Context) -> Iterator[str]:
    """A chapter for each command of a group and of the groups in it, but for hidden ones."""
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is not None and not command.hidden:
            yield from _command(command, name, above)


def _command(command: click.Command, name: str, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=above)
    if isinstance(command, click.Group):
        yield from commands(command, context)
        return
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield from (f"## {context.command_path}", "", "```text", f"{context.command_path} {usage}", "```", "")
    yield from (*inspect.cleandoc(command.help or "").splitlines(), "")
    own = [item for item in command.params if isinstance(item, click.Option) and not isinstance(item, SharedOption)]
    if own:
        yield from (*options(own, context), "")


def options(given: Sequence[click.Parameter], context: click.Context) -> list[str]:
    """A table of options."""
    records = [item.get_help_record(context) for item in given]
    rows = [f"| `{_cell(record[0])}` | {_cell(record[1])} |" for record in records if record]
    return ["| option | |", "|---|---|", *rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
