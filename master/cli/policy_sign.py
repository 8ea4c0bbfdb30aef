"""`orch policy sign`: look at what somebody proposed, and sign it with a root key."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common.policy import Policy
from orch.master.cli import proposal, proposing, wording
from orch.master.cli.asking import confirm
from orch.master.cli.changing import SigningCommand, how_of
from orch.master.cli.context import Desk, desk_of, unpinned
from orch.master.cli.policy_show import screen


@click.command(cls=SigningCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def sign(context: click.Context, /, file: Path) -> None:
    """Sign the proposal in FILE, after looking at what it changes. Needs the estate's files, and no centre.

    The check words must be the ones that the person who proposed it was shown. FILE then holds your signature, too.
    """
    desk, how = desk_of(context), how_of(context)
    made = proposal.read(file, _before(desk))
    if made.following == made.before:
        desk.output.note(f"policy {made.following.version} is in force already: nothing was done")
        return
    proposing.show(desk, made)
    for key in made.signed:
        desk.output.note(f"  signed already with the root key {wording.mark(key)}")
    if not desk.keyring.there:
        # What it changes is told by files that nobody vouches for here, so all of it is shown.
        desk.output.warn("you have no keyring of this estate, so the policy before is taken from the files as it is")
        for line in ["in full:", *screen(made.following, now=desk.surroundings.clock.wall())]:
            desk.output.note(line)
    proposing.refuse_lockout(desk, made, force=how.force)
    question = "Are these the words that you were told, and is that what you want?"
    confirm(question, yes=how.yes, surroundings=desk.surroundings)
    done = proposing.signed(desk, made, how)
    if done.envelope == made.envelope:
        desk.output.warn("nothing was signed: no root key of this estate is at hand (--root FILE)")
    proposal.write(file, done, new=False)
    proposing.tell(desk, done, file)


def _before(desk: Desk) -> Policy:
    return desk.verified() if desk.keyring.there else unpinned(desk.folder.policies())[1]
