"""`orch policy grant`: what an operator may do from now on."""

from __future__ import annotations

import click

from orch.master.cli import amendments, grants, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import desk_of
from orch.master.cli.policy_operator import END, day


@click.command(cls=AmendingCommand)
@click.argument("name")
@click.argument("given", nargs=-1, required=True, metavar="SCOPE/RING:VERBS...")
@click.option("--until", callback=day, metavar="DAY", help=END)
@click.pass_context
def grant(context: click.Context, /, name: str, *, given: tuple[str, ...], until: int | None) -> None:
    """What the operator NAME may do from now on, in place of all that was granted before.

    A grant is scopes, rings and verbs, such as main/canary:publish,plan or */*:all. Who shall do nothing any more is
    removed: orch policy operator remove NAME.
    """
    made = tuple(grants.parse(text) for text in given)
    proposing.amend(
        desk_of(context),
        how_of(context),
        lambda policy: amendments.with_grants(policy, name, made, not_after=until),
    )
