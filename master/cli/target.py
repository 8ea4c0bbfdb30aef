"""`orch target`: which hosts an expression means."""

from __future__ import annotations

import click

from orch.common.names import Place
from orch.master.cli import completing, fleet, selection
from orch.master.cli.context import desk_of, folder_of
from orch.master.cli.fleet import Fleet
from orch.master.cli.group import NamingCommand, output_of
from orch.master.cli.output import HOSTS, quoted, table
from orch.master.estate import loader


@click.command(cls=NamingCommand)
@click.argument("expression", default="*", type=completing.TARGET)
@click.pass_context
def target(context: click.Context, expression: str) -> None:
    """Which hosts EXPRESSION means; all of them where nothing is said.

    A site, site/host, @group, ring:NAME, LABEL=VALUE, link.down<4Mbit or state:offline, joined with and, or, not and
    parentheses; a comma is or, * is all.
    """
    output = output_of(context)
    estate = loader.load(folder_of(context).path)

    def ask() -> Fleet:
        desk = desk_of(context)  # only here: most targets need neither keys nor the centre
        with desk.line() as centre:
            return fleet.fetch(centre, desk.surroundings.clock)

    places = selection.places(estate, expression, ask)
    if output.structured:
        rows = [_names(place) for place in places]
        output.data("orch/target/1", {"expression": expression, "hosts": rows}, each=HOSTS)
        return
    sites = estate.sites
    rows_shown = [[str(item), sites[item.site].scope, sites[item.site].ring, sites[item.site].title] for item in places]
    output.lines(table([["HOST", "SCOPE", "RING", "SITE"], *rows_shown]) if places else ["  no host"])
    if not places:
        output.next("see which there are: orch target")
    else:
        output.next(f"orch plan {quoted(expression)}" if expression != "*" else "orch plan")


def _names(place: Place) -> dict[str, str]:
    return {"host": str(place), "site": place.site, "name": place.host}
