"""`orch policy renew`: sign anew what no longer counts since a policy dropped its signer."""

from __future__ import annotations

from pathlib import Path

import click

from orch.master.cli import admitting, catchup, passphrase, proposing
from orch.master.cli.changing import How
from orch.master.cli.context import desk_of
from orch.master.cli.group import OrchCommand
from orch.master.cli.passphrase import Passphrase


@click.command(cls=OrchCommand)
@passphrase.OPTION
@click.pass_context
def renew(context: click.Context, /, *, passphrase_file: Path | None) -> None:
    """Sign the admissions and revocations anew that do not count by the policy in force, where you may enrol.

    Publishing a policy does this by itself. It is for somebody else who may, and for a publishing that was cut short.
    """
    desk = desk_of(context)
    unlock = Passphrase(file=passphrase_file, interactive=desk.surroundings.interactive())
    with desk.line() as centre:
        policy = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output).policy
        desk.me(policy)
        if not admitting.lapsed(desk.folder, policy, now=desk.surroundings.clock.wall()):
            desk.output.note(f"every admission and revocation counts by policy {policy.version}")
            return
        proposing.renew(desk, centre, policy, How(unlock=unlock))
