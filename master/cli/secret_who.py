"""`orch secret who-can-read`: everybody who can read a secret, could, or could have a host give it away."""

from __future__ import annotations

import click

from orch.common.clock import ago
from orch.common.policy import Verb
from orch.master.cli import completing, secret_desk, secret_list
from orch.master.cli.context import desk_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import table
from orch.master.cli.readers import Standing
from orch.master.cli.secret_desk import Secrets

_OVER = (Verb.PUBLISH, Verb.RUN)
"""Who may do these at a host can have it do anything, and so also show a file that it holds."""


@click.command("who-can-read", cls=ReadingCommand)
@click.argument("name", type=completing.SECRET)
@click.pass_context
def who_can_read(context: click.Context, /, name: str) -> None:
    """Who can read the secret NAME: operators, root keys and hosts.

    Also who could and must not any more, and who commands a host that holds it, and so could have it given away.
    """
    desk = desk_of(context)
    found = secret_desk.begin(desk)
    item = found.standing(name)
    over = commanders(found, item)
    output = desk.output
    if output.structured:
        output.data("orch/secret-readers/1", {**secret_list.data(item), "commanders": list(over)})
        return
    rows = [("operator", who, "") for who in item.readers]
    rows += [("root key", f"{item.roots} of them", "one alone signs policies here")] if item.roots else []
    rows += [("host", str(use.place), use.path) for use in item.sealed]
    rows += [("soon", str(use.place), f"{use.path}, by the next apply") for use in item.unsealed]
    rows += [("soon", who, "may, and cannot yet: orch secret reseal") for who in item.lacking]
    rows += [("COULD", former.who, former.why) for former in item.former]
    rows += [("through", who, "commands a host that holds it") for who in over]
    secret, now = item.secret, desk.surroundings.clock.wall()
    output.lines(
        [f"{name}: value {secret.value.hex()[:8]}, set {ago(now - secret.at)} ago by {secret.by}", "", *table(rows)]
    )
    output.next(f"orch secret rotate {name}" if item.former else "orch secret list")


def commanders(found: Secrets, item: Standing) -> tuple[str, ...]:
    """Operators who cannot read it themselves, and may have a host that holds it do as they say."""
    return tuple(
        person.name
        for person in found.known.policy.operators
        if person.name not in item.readers
        and any(
            person.may(verb, scope=use.scope, ring=use.ring, now=found.known.now)
            for use in item.sealed
            for verb in _OVER
        )
    )
