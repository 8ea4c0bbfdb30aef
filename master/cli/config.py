"""`orch config`: what is in force, and who said so."""

from __future__ import annotations

import os
import sys

import click

from orch.common.errors import OrchError
from orch.master.cli import meant
from orch.master.cli.context import desk_of, said_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import table


@click.command(cls=ReadingCommand)
@click.pass_context
def config(context: click.Context) -> None:
    """What is in force here, and from where: the estate, your keys, the centre, the passphrase, colours.

    The file `config` beside your keys may name the estate for when you stand in none (`estate = "/path"`), and those
    that --estate knows by their last part (`estates = ["/path/netgate"]`). Nobody is called.
    """
    desk, said = desk_of(context), said_of(context)
    found, policy, own = meant.find(said), desk.folder.newest_policy(), meant.config(said.home)
    try:
        operator = desk.login().operator
    except OrchError as err:
        operator = f"nobody: {err.text}"
    file = os.environ.get("ORCH_PASSPHRASE_FILE")
    rows = [
        ("estate", policy.estate, f"in {found.path}, by {found.why}"),
        ("operator", operator, f"by the keys in {desk.keyring.folder}"),
        ("keys", str(desk.keyring.folder), "ORCH_HOME" if os.environ.get("ORCH_HOME") else "by default"),
        *(("centre", address, f"policy {policy.version}") for address in policy.centre.addresses),
        (
            "passphrase",
            "from a file" if file else "asked for",
            f"ORCH_PASSPHRASE_FILE={file}" if file else "by default",
        ),
        ("colour", "on" if desk.output.colour else "off", _colours(context)),
        ("signs", "ASCII" if desk.output.ascii else "Unicode", f"stdout is {sys.stdout.encoding}"),
        ("config", str(said.home / meant.FILE), "read" if (said.home / meant.FILE).exists() else "not there"),
        *(("estates", path, "--estate " + path.rstrip("/").rpartition("/")[2]) for path in own.estates),
    ]
    if desk.output.structured:
        desk.output.data(
            "orch/config/1", {"settings": [dict(zip(("what", "is", "by"), row, strict=True)) for row in rows]}
        )
    else:
        desk.output.lines(table(rows))
        desk.output.next("orch doctor")


def _colours(context: click.Context) -> str:
    if context.get_parameter_source("color") is click.core.ParameterSource.COMMANDLINE:
        return "--color"
    if os.environ.get("NO_COLOR"):
        return "NO_COLOR"
    return "stdout is a terminal" if sys.stdout.isatty() else "stdout is no terminal"
