"""`orch policy epoch raise`: begin the numbers of a scope anew, after a signing key was in wrong hands."""

from __future__ import annotations

import click

from orch.common.errors import UsageError
from orch.master.cli import amendments, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import desk_of
from orch.master.cli.group import Entry, LazyGroup, did_you_mean


@click.command("raise", cls=AmendingCommand)
@click.argument("scope")
@click.pass_context
def raise_(context: click.Context, /, scope: str) -> None:
    """Begin the numbers of SCOPE anew: nothing that was signed there before counts on a host that has this policy.

    Hosts go on as they are, and change nothing until the next release: orch apply --again. An epoch is never lowered.
    """
    desk = desk_of(context)
    known = {*proposing.scopes(desk), *(item.scope for item in desk.folder.newest_policy().epochs)}
    if scope not in known:
        raise UsageError(f"no host is in the scope {scope!r}{did_you_mean(scope, known)}", hint="see: orch target")
    proposing.amend(desk, how_of(context), lambda policy: amendments.with_epochs_raised(policy, (scope,)))


TABLE = {"raise": Entry(help="Nothing signed before counts any more.", load=lambda: raise_)}

epoch = LazyGroup("epoch", TABLE, about="Begin the numbers of a scope anew.")
