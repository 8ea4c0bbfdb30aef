"""`orch policy address add|remove`: where hosts find the centre."""

from __future__ import annotations

import click

from orch.master.cli import amendments, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import desk_of
from orch.master.cli.group import Entry, LazyGroup
from orch.master.cli.intent import checked


@click.command(cls=AmendingCommand)
@click.argument("where", metavar="tcp://HOST:PORT")
@click.pass_context
def add(context: click.Context, /, where: str) -> None:
    """Tell hosts one more address of the centre. They try them in turn."""
    [address] = checked((where,))
    proposing.amend(desk_of(context), how_of(context), lambda policy: amendments.with_address(policy, address))


@click.command(cls=AmendingCommand)
@click.argument("where", metavar="tcp://HOST:PORT")
@click.pass_context
def remove(context: click.Context, /, where: str) -> None:
    """Take an address of the centre out of the policy, once every host has heard of another."""
    proposing.amend(desk_of(context), how_of(context), lambda policy: amendments.without_address(policy, where))


TABLE = {
    "add": Entry(help="One more address.", load=lambda: add),
    "remove": Entry(help="One address fewer.", load=lambda: remove),
}

address = LazyGroup("address", TABLE, about="Where hosts find the centre.")
