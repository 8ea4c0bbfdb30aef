"""`orch key reject`: turn a host away that asks."""

from __future__ import annotations

import click

from orch.common.operations import KeyAsked
from orch.common.rows import Nothing
from orch.master.cli import catchup, completing, knocking
from orch.master.cli.asking import confirm
from orch.master.cli.context import desk_of
from orch.master.cli.group import OrchCommand


@click.command(cls=OrchCommand)
@click.argument("who", type=completing.HOST)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def reject(context: click.Context, who: str, *, yes: bool) -> None:
    """Turn the host WHO away: its name, check words or fingerprint. It can still be accepted later."""
    desk = desk_of(context)
    with desk.line() as centre:
        estate = desk.folder.newest_policy().estate
        knocks = [knocking.read(row, estate=estate) for row in catchup.key_rows(centre).values()]
        knock = knocking.meant(who, knocks, verb="reject", states=("pending",))
        confirm(f"Turn {knock.host} ({knock.fingerprint[:12]}) away?", yes=yes, surroundings=desk.surroundings)
        centre.ask("key.reject", KeyAsked(knock.row.curve), Nothing)
    desk.output.lines([desk.output.sign(f"✓ {knock.host}") + f" ({knock.fingerprint[:12]}) was turned away"])
    desk.output.next("orch key list")
