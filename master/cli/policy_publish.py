"""`orch policy publish`: bring a policy into force that has all its signatures."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common.errors import BadSignature
from orch.master.cli import catchup, proposal, proposing
from orch.master.cli.asking import confirm
from orch.master.cli.changing import SigningCommand, how_of
from orch.master.cli.context import desk_of


@click.command(cls=SigningCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def publish(context: click.Context, /, file: Path) -> None:
    """Bring the policy in FILE into force, once enough holders of root keys have signed it.

    Done again for a policy that is in force already, it only renews what a dropped operator had signed.
    """
    desk, how = desk_of(context), how_of(context)
    before = desk.verified()
    made = proposal.read(file, before)
    with desk.line(also=made.following.centre.addresses) as centre:
        known = catchup.bring_up(centre, desk.folder, before, output=desk.output).policy
        made = proposal.judged(known, made.envelope)
        if made.following == known:
            desk.output.note(f"policy {known.version} is in force already")
            proposing.renew(desk, centre, known, how)
            return
        proposing.show(desk, made)
        if made.lacking:
            hint = f"whoever holds another root key signs it: orch policy sign {file}"
            raise BadSignature(f"{file} has {' and '.join(made.lacking)}", hint=hint)
        proposing.refuse_lockout(desk, made, force=how.force)
        confirm(f"Publish policy {made.following.version}?", yes=how.yes, surroundings=desk.surroundings)
        proposing.publish(desk, centre, made, how)
