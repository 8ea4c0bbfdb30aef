"""`orch doc export`: what hosts are to be, in files, for a stick."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common.errors import OrchError, Unreachable, UsageError
from orch.common.names import Place
from orch.master.cli import files, past, sticks, upload, work
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import OrchCommand
from orch.master.cli.sticks import Made

_LACKS = "packages are not in it: a host installs them from the mirrors that it has, and waits where it reaches none"


@click.command("export", cls=OrchCommand)
@click.argument("target")
@click.argument("where", metavar="FILE-OR-DIR", type=click.Path(path_type=Path))
@click.pass_context
def export(context: click.Context, target: str, where: Path) -> None:
    """Write what each host that TARGET means is to be, for a stick: policies, admission, newest release, contents.

    Into FILE for one host, or one file for each into DIR (SITE+HOST.orch). On the host: orch-minion import FILE. A file
    is checked there like what comes by the line, and is of use to no other host. Nothing in it is secret.
    """
    desk = desk_of(context)
    estate = work.valid(desk)
    with desk.line() as centre:
        begun = work.begin(desk, centre, target, estate=estate)
        paths = _paths(begun.places, where)
        policies = past.chain(desk)
        lines: list[str] = []
        left: list[tuple[Place, OrchError]] = []
        for place, path in paths.items():
            try:
                made = sticks.make(begun, centre, place, policies=policies)
                lines.append(_line(made, path, size=made.write(path)))
            except Unreachable:
                raise
            except OrchError as err:
                left.append((place, err))
    for place, why in left:
        desk.output.warn(f"left out: {place}: {why.text}")
    if not lines:
        raise UsageError("there is nothing to write for any host that is meant here", hint=left[0][1].hint)
    desk.output.lines(lines)
    desk.output.note(_LACKS)
    desk.output.next("orch-minion import FILE")
    if left:
        context.exit(Exit.FAILED)


def _paths(places: tuple[Place, ...], where: Path) -> dict[Place, Path]:
    """Which file for which host; `+` is in no name and in every file system's."""
    files.needs_folder(where)
    if len(places) == 1 and not where.is_dir():
        return {places[0]: where}
    if where.exists() and not where.is_dir():
        raise UsageError(f"{len(places)} hosts are meant, and {where} is one file", hint="name a directory")
    return {place: where / f"{place.site}+{place.host}.orch" for place in places}


def _line(made: Made, path: Path, *, size: int) -> str:
    if made.head.revocation:
        what = "its revocation"
    elif made.release:
        what = f"release {made.release}"
    else:
        what = "its admission, and no release: none names it yet"
    return f"{made.head.host}: {what}, {upload.size(size)}, in {path}"
