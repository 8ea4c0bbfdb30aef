"""`orch secret list`: the secrets, who uses them, who can read them, and what is not as it should be."""

from __future__ import annotations

import click

from orch.common.clock import ago, rfc3339
from orch.master.cli import finding, secret_desk
from orch.master.cli.context import desk_of
from orch.master.cli.group import NamingCommand
from orch.master.cli.output import Data, Each, table
from orch.master.cli.readers import Standing


@click.command("list", cls=NamingCommand)
@click.pass_context
def list_(context: click.Context, /) -> None:
    """The secrets of the estate: the name of their value, its age, hosts, readers, and what needs somebody.

    By your files and the newest policy, every policy's signatures checked. Nothing is opened: needs neither a
    passphrase nor the centre.
    """
    desk = desk_of(context)
    found = secret_desk.begin(desk).all()
    now = desk.surroundings.clock.wall()
    if desk.output.structured:
        desk.output.data("orch/secrets/1", {"secrets": [data(item) for item in found]}, each=Each("secrets", "name"))
        return
    if not found:
        desk.output.note("there are no secrets")
        desk.output.next("orch secret set NAME")
        return
    head = ("SECRET", "VALUE", "AGE", "BY", "HOSTS", "READERS", "")
    desk.output.lines(table([head, *(_row(item, now) for item in found)]))
    troubled = [item for item in found if item.former]
    if troubled:
        desk.output.next("orch secret rotate --revoked", f"orch secret who-can-read {troubled[0].secret.name}")
    elif any(item.lacking for item in found):
        desk.output.next("orch secret reseal")
    else:
        desk.output.next(f"orch secret who-can-read {found[0].secret.name}")


def _row(item: Standing, now: int) -> tuple[str, ...]:
    secret = item.secret
    hosts = len(item.uses and {use.place for use in item.uses})
    return (
        secret.name,
        secret.value.hex()[:8],
        ago(now - secret.at),
        secret.by,
        f"{len(item.hosts)} of {hosts}" if hosts else "unused",
        ", ".join(item.readers) or "nobody",
        "; ".join(_notes(item)),
    )


def _notes(item: Standing) -> list[str]:
    notes = []
    if item.former:
        notes.append(f"! could be read by {finding.some(former.who for former in item.former)}")
    if item.lacking:
        notes.append(f"! not sealed yet to {finding.some(item.lacking)}")
    if item.unsealed:
        notes.append(f"sealed to {finding.many(len(item.unsealed), 'place')} more by the next apply")
    if item.unknown:
        notes.append(f"not admitted: {finding.some(dict.fromkeys(str(use.place) for use in item.unknown))}")
    return notes


def data(item: Standing) -> dict[str, Data]:
    """For scripts."""
    return {
        "name": item.secret.name,
        "value": item.secret.value.hex(),
        "set": rfc3339(item.secret.at),
        "by": item.secret.by,
        "uses": [
            {
                "host": str(use.place),
                "path": use.path,
                "where": str(use.mark),
                "state": "sealed" if use in item.sealed else "unsealed" if use in item.unsealed else "not-admitted",
            }
            for use in item.uses
        ],
        "readers": list(item.readers),
        "roots": item.roots,
        "lacking": list(item.lacking),
        "former": [{"who": former.who, "why": former.why} for former in item.former],
    }
