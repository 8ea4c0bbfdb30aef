"""`orch apply`: sign the files as they are now, publish, and follow until every connected host has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from orch.common.errors import UsageError
from orch.master.cli import admitting, completing, follow, passphrase, preview, publishing, sealing, upload, work
from orch.master.cli.asking import confirm
from orch.master.cli.context import desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.group import OrchCommand, did_you_mean
from orch.master.cli.line import Centre
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.publishing import Published
from orch.master.cli.work import Work
from orch.master.estate.compiler import Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the command line said."""

    yes: bool
    again: bool
    detach: bool
    timeout: float
    removing: frozenset[str]
    note: str
    accepting: int
    passphrase: Passphrase


@click.command(cls=OrchCommand)
@click.argument("target", required=False, type=completing.TARGET)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--yes-remove",
    multiple=True,
    metavar="SITE",
    help="The hosts of SITE may remove more packages than their ceiling allows; may be given more than once.",
)
@click.option("--again", is_flag=True, help="Publish although no document is different.")
@click.option("--detach", is_flag=True, help="Do not follow; hosts go on by themselves.")
@click.option(
    "--timeout", metavar="TIME", default="15m", show_default=True, callback=seconds, help="How long to follow."
)
@click.option("--note", default="", help="A word for those who read the history.")
@click.option(
    "--accept-number",
    type=int,
    default=0,
    metavar="NUMBER",
    help="Sign releases up to NUMBER, however far that is above the last that you signed.",
)
@passphrase.OPTION
@click.pass_context
def apply(context: click.Context, /, target: str | None, **options: object) -> None:
    """Have the hosts that TARGET means (all, where nothing is said) become what your files say.

    Hosts that are offline take it when they are back. Ctrl-C only stops the following. Ends 0 when every host has
    applied it, 1 when one failed or refused, 4 when some have not confirmed it yet.
    """
    desk = desk_of(context)
    choices = _choices(options, interactive=desk.surroundings.interactive())
    estate = work.valid(desk)
    unknown = choices.removing - set(estate.sites)
    for site in sorted(unknown):
        raise UsageError(f"--yes-remove: there is no site {site!r}{did_you_mean(site, estate.sites)}")
    with desk.line() as centre:
        begun = work.begin(desk, centre, target, estate=estate)
        published = _publish(begun, centre, choices)
        if published is None:
            context.exit(Exit.DONE)
        if choices.detach:
            desk.output.next("orch status --watch")
            context.exit(Exit.UNCONFIRMED)
        context.exit(follow.until_done(desk, centre, published, timeout=choices.timeout))


def _choices(options: dict[str, object], *, interactive: bool) -> Choices:
    file, sites, timeout = options["passphrase_file"], options["yes_remove"], options["timeout"]
    number = options["accept_number"]
    return Choices(
        yes=bool(options["yes"]),
        again=bool(options["again"]),
        detach=bool(options["detach"]),
        timeout=timeout if isinstance(timeout, float) else 900.0,
        removing=frozenset(str(site) for site in sites) if isinstance(sites, tuple) else frozenset(),
        note=str(options["note"]),
        accepting=number if isinstance(number, int) else 0,
        passphrase=Passphrase(file=file if isinstance(file, Path) else None, interactive=interactive),
    )


def _publish(begun: Work, centre: Centre, choices: Choices) -> Published | None:
    """Ask, sign and publish; None where nothing was different, or there is no host."""
    desk = begun.desk
    begun, moves = admitting.moved(begun)
    compiled = begun.compiled()
    if not compiled:
        raise UsageError("no host that is meant here is admitted yet", hint="orch key list --pending")
    different = preview.against_centre(centre, compiled)
    behind = publishing.behind(begun, centre, compiled)
    if not (choices.again or choices.removing or moves or behind or any(item.lines for item in different)):
        _nothing(begun, centre, compiled)
        return None
    names = [str(item.place) for item in compiled]
    shown = ", ".join(names if desk.output.verbose else names[:8]) + ("" if len(names) <= 8 else " ...")
    desk.output.note(f"{begun.estate.name}: {_hosts(len(names))}: {shown}")
    for line in preview.screen(desk.output, different):
        desk.output.note(line)
    for text in behind:
        desk.output.warn(text)
    for move in moves:
        desk.output.note(f"  {move.host} moves to scope {move.scope}, ring {move.ring}")
    for site in sorted(choices.removing):
        desk.output.note(f"  {site} may remove more packages than its ceiling allows")
    sealing.check_able(begun, compiled)
    confirm(f"Sign as {desk.login().operator} and publish?", yes=choices.yes, surroundings=desk.surroundings)
    key = desk.keyring.signing(choices.passphrase)
    compiled = sealing.seal_rest(begun, compiled, key=key)
    admitting.give(begun, centre, moves, key=key)
    signing = publishing.Signing(key=key, removing=choices.removing, accepting=choices.accepting, note=choices.note)
    return publishing.publish(begun, centre, compiled, signing=signing)


def _nothing(begun: Work, centre: Centre, compiled: Sequence[Compiled]) -> None:
    """Nothing is to be signed. Contents that the centre lost, or that were damaged there, are uploaded all the same."""
    output = begun.desk.output
    upload.contents(centre, {key: data for item in compiled for key, data in item.blobs.items()}, output=output)
    output.note(f"nothing changed: the newest release says the same for {_hosts(len(compiled))}")
    output.note("newer versions of packages need no release: hosts take them at their next full look, once a day")
    output.next("orch status", "have them look now: orch apply --again")


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"
