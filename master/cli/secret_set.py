"""`orch secret set`: a new secret, sealed to whoever may read it."""

from __future__ import annotations

import click

from orch.common import names
from orch.common.errors import UsageError
from orch.master.cli import readers, sealing, secret_desk, secret_value
from orch.master.cli.context import desk_of
from orch.master.cli.output import Output
from orch.master.cli.readers import Standing
from orch.master.cli.sealing import New
from orch.master.cli.secret_desk import Secrets
from orch.master.cli.secret_value import ValueCommand


@click.command("set", cls=ValueCommand)
@click.argument("name")
@click.pass_context
def set_(context: click.Context, /, name: str) -> None:
    """Make the secret NAME: its value is asked for and not shown, and is never an argument.

    It goes to secrets/NAME.sealed, for git, where only operators who are granted `secret` at a host that uses it can
    open it, and the root key of an estate in which one alone signs policies. A host gets its own copy. Needs no
    passphrase and no centre: hosts take it with the next apply.
    """
    desk = desk_of(context)
    found = secret_desk.begin(desk)
    if not names.is_name(name):
        raise UsageError(f"{name!r} cannot be a secret's name", hint="a-z, 0-9, dot, dash and underscore, at most 63")
    if name in found.estate.secrets:
        raise UsageError(f"there is a secret {name} already", hint=f"to give it a new value: orch secret rotate {name}")
    standing = put(found, name, secret_value.value_of(context, name, desk.surroundings))
    desk.output.lines([desk.output.sign(f"✓ {name} is set") + f", value {standing.secret.value.hex()[:8]}"])
    tell(desk.output, standing)
    if standing.uses:
        desk.output.next(f"git add secrets/{name}.sealed", "orch apply")
    else:
        desk.output.note(f"no host uses it yet: write `secret: {name}` in place of a file's content")
        desk.output.next("orch lint")


def put(found: Secrets, name: str, value: bytes) -> Standing:
    """Seal a value to whoever may read it, and keep it.

    Raises:
        NotAllowed: this person may not.
        UsageError: the value is of no use.
    """
    desk = found.desk
    new = New(estate=found.estate.name, name=name, value=value, by=found.me(name).name)
    made = sealing.make(new, found.uses(name), found.known, chance=desk.surroundings.chance)
    sealing.write(desk, made)
    if value.endswith(b"\n") and value.count(b"\n") == 1:
        desk.output.warn("the value is one line and its line end, which is kept; printf %s leaves it out")
    return readers.standing(made, found.uses(name), found.known)


def tell(output: Output, standing: Standing) -> None:
    """Who can read it now, and which hosts get it."""
    roots = f" and {standing.roots} root key{'' if standing.roots == 1 else 's'}" if standing.roots else ""
    output.note(f"  can be read by {', '.join(standing.readers)}{roots}")
    for use in standing.sealed:
        output.note(f"  at the next apply: {use.place} {use.path}")
    for use in standing.unknown:
        output.note(f"  not before it is admitted: {use.place} {use.path}")
    if len(standing.readers) == 1 and not standing.roots:
        output.warn(f"only {standing.readers[0]} can read it: with those keys it is lost; grant somebody else `secret`")
