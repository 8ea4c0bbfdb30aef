"""`orch secret rotate`: a new value for a secret, or for all that somebody could read who must not any more."""

from __future__ import annotations

import click

from orch.common.errors import UsageError
from orch.master.cli import completing, secret_desk, secret_set, secret_value
from orch.master.cli.context import desk_of
from orch.master.cli.secret_desk import Secrets
from orch.master.cli.secret_value import ValueCommand


@click.command(cls=ValueCommand)
@click.argument("name", nargs=-1, type=completing.SECRET)
@click.option("--revoked", is_flag=True, help="All that somebody could read who must not any more.")
@click.pass_context
def rotate(context: click.Context, /, name: tuple[str, ...], *, revoked: bool) -> None:
    """Give secrets a new value: asked for and not shown, taken from a stream or a file, or made by chance.

    It is sealed to who may read it now, so a host that was revoked and an operator who was dropped are left out. Hosts
    take it with the next apply. The old value stays in git's history for who could read it: where it counts elsewhere,
    end it there.
    """
    desk = desk_of(context)
    found = secret_desk.begin(desk)
    wanted = _meant(found, name, revoked=revoked)
    if not wanted:
        desk.output.note("nobody could read a secret who must not: nothing was done")
        return
    if len(wanted) > 1 and not (secret_value.is_generated(context) or desk.surroundings.interactive()):
        raise UsageError(
            "one value cannot be that of several secrets", hint="--generate, or one secret after the other"
        )
    for one in wanted:
        before = found.standing(one)
        value = secret_value.value_of(context, one, desk.surroundings)
        after = secret_set.put(found, one, value)
        told = f", value {after.secret.value.hex()[:8]} in place of {before.secret.value.hex()[:8]}"
        desk.output.lines([desk.output.sign(f"✓ {one} has a new value") + told])
        for former in before.former:
            desk.output.note(f"  no more: {former.who}, {former.why}")
        secret_set.tell(desk.output, after)
    desk.output.next("git add secrets", "orch apply")


def _meant(found: Secrets, names: tuple[str, ...], *, revoked: bool) -> list[str]:
    if bool(names) == revoked:
        raise UsageError("say which secrets, or --revoked", hint="see: orch secret list")
    if names:
        return [found.one(name).name for name in dict.fromkeys(names)]
    return [item.secret.name for item in found.all() if item.former]
