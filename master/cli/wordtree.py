"""All commands, their options and what these take, as plain data for completion: quick.py answers from it.

Making it imports every command, which takes most of a second; so it is kept in the user's cache, under a name that
changes with every file of the command line. It may be thrown away at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import click

from orch.master.cli.commands import root
from orch.master.cli.completing import Names
from orch.master.cli.group import HELP, LazyGroup

Taken: TypeAlias = "dict[str, list[str]]"
"""What can stand in a place: {"words": [...]}, {"names": [KIND]}, {"files": ["file" or "dir"]}; empty: anything."""
Node: TypeAlias = "dict[str, dict[str, str] | dict[str, Taken | None] | list[Taken] | bool]"
"""commands: name to help; options: name to what it takes, None for a flag; arguments in their order; many: the last
may be repeated."""


def made() -> dict[str, Node]:
    """Every command by its words, `key accept`; the root is ``."""
    # A command remembers the options by which it was first asked for help; without these it would forget -h.
    context = click.Context(root, info_name="orch", help_option_names=HELP["help_option_names"])
    return dict(_nodes(root, (), context))


def _nodes(command: click.Command, words: tuple[str, ...], context: click.Context) -> Iterable[tuple[str, Node]]:
    options = {
        name: _taken(item.type) if not item.is_flag else None
        for item in command.get_params(context)
        if isinstance(item, click.Option) and not item.hidden
        for name in (*item.opts, *item.secondary_opts)
    }
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    node: Node = {
        "commands": {},
        "options": options,
        "arguments": [_taken(item.type) for item in arguments],
        "many": bool(arguments) and arguments[-1].nargs != 1,
    }
    if isinstance(command, LazyGroup):
        node["commands"] = {name: entry.help for name, entry in command.table.items()}
        for name in command.table:
            inner = command.get_command(context, name)
            if inner is not None:
                below = click.Context(inner, info_name=name, parent=context)
                yield from _nodes(inner, (*words, name), below)
    yield " ".join(words), node


def _taken(kind: object) -> Taken:
    if isinstance(kind, Names):
        return {"names": list(kind.kinds)} | ({"files": ["file"]} if kind.files else {})
    if isinstance(kind, click.Choice):
        return {"words": [str(choice) for choice in kind.choices]}
    if isinstance(kind, click.Path):
        return {"files": ["file" if kind.file_okay else "dir"]}
    return {}
