"""`orch policy threshold`: how many different people must sign a verb."""

from __future__ import annotations

import click

from orch.common import names
from orch.common.errors import UsageError
from orch.common.policy import Threshold
from orch.master.cli import amendments, grants, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import desk_of

MOST = 16


@click.command(cls=AmendingCommand)
@click.argument("verb")
@click.argument("count", type=click.IntRange(1, MOST))
@click.option("--scope", default="*", show_default=True, help="Where; the strictest rule that fits counts.")
@click.pass_context
def threshold(context: click.Context, /, verb: str, *, count: int, scope: str) -> None:
    """Have COUNT different people sign VERB (publish, remove, enrol, run, reboot, secret)."""
    if scope != "*" and not names.is_name(scope):
        raise UsageError(f"{scope!r} cannot be a scope's name", hint="write a scope, or * for every one")
    rule = Threshold(grants.verb(verb), scope, count)
    proposing.amend(desk_of(context), how_of(context), lambda policy: amendments.with_threshold(policy, rule))
