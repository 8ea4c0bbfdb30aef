"""`orch explain`: why a host is as it is, the evidence, and what helps."""

from __future__ import annotations

import click

from orch.common.operations import Detail, HostAsked
from orch.master.cli import completing, explanation, fleet, screens, story, watching
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre


@click.command(cls=ReadingCommand)
@click.argument("host", type=completing.HOST)
@click.option("--watch", "-w", is_flag=True, help="Stay, and show it anew when something changes; Ctrl-C ends it.")
@click.pass_context
def explain(context: click.Context, host: str, *, watch: bool) -> None:
    """Why HOST is as it is: what it wants, what it did last, what stands in the way, who can act, what helps.

    HOST is site/host, or the name of a site or host that is unique. -v also shows where each part of its document
    was written, and earlier turns.
    """
    desk = desk_of(context)
    with desk.line() as centre:
        row = fleet.one(host, fleet.fetch(centre, desk.surroundings.clock).rows.values())
        if not watch:
            _show(desk, _detail(centre, row.host))
            return
    _watch(desk, row.host)


def _watch(desk: Desk, host: str) -> None:
    desk.output.note(watching.LIVE)
    with screens.live(desk.output) as screen:
        # The first part of a watch holds every row, so the first screen comes with it.
        for found in watching.views(desk):
            if isinstance(found, watching.Silent):
                screen.draw([desk.output.sign(f"? {found}")] if not desk.output.structured else [])
            elif found.view is not None and any(item.host == host for item in found.view.rows):
                _draw(desk, screen, _detail(found.centre, host))


def _detail(centre: Centre, host: str) -> Detail:
    return centre.ask("host.explain", HostAsked(host), Detail)


def _draw(desk: Desk, screen: screens.Screen, detail: Detail) -> None:
    told = story.read(desk, detail)
    if desk.output.structured:
        desk.output.data("orch/explain/1", story.data(told), one_of_many=True)
    else:
        screen.draw([*([""] if screen.drawn and not screen.redraws else []), *explanation.screen(desk.output, told)])


def _show(desk: Desk, detail: Detail) -> None:
    told = story.read(desk, detail)
    if desk.output.structured:
        desk.output.data("orch/explain/1", story.data(told))
        return
    desk.output.lines(explanation.screen(desk.output, told))
    desk.output.next(story.helps(told))
