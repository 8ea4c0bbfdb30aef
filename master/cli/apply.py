"""`orch apply`: sign the files as they are now, publish, and follow until every connected host has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from orch.common.errors import UsageError
from orch.master.cli import (
    admitting,
    completing,
    follow,
    passphrase,
    preview,
    publishing,
    removals,
    saved,
    sealing,
    upload,
    work,
)
from orch.master.cli.asking import confirm
from orch.master.cli.context import desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.plan import ask, newest
from orch.master.cli.preview import Difference
from orch.master.cli.publishing import Published
from orch.master.cli.saved import Saved
from orch.master.cli.work import Work
from orch.master.estate.compiler import Compiled
from orch.master.estate.model import Estate

PATIENCE = 60.0
"""Seconds for which the hosts of a saved plan are waited for when they are asked again."""


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


@click.command(cls=ReadingCommand)
@click.argument("what", metavar="[FILE|TARGET]", required=False, type=completing.TARGET_OR_FILE)
@click.option("--yes", "-y", is_flag=True, help="Do not ask; no word for removals beyond a ceiling.")
@removals.OPTION
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
def apply(context: click.Context, /, what: str | None, **options: object) -> None:
    """Have the hosts that TARGET means (all, where nothing is said) become what your files say.

    FILE is a plan that orch plan -o FILE saved: it is refused where it does not hold any more. Where more packages
    would go than a host's ceiling allows, you are asked for the site's name, or give --yes-remove SITE.

    Hosts that are offline take it when they are back. Ctrl-C only stops the following. Ends 0 when every host has
    applied it, 1 when one failed or refused, 4 when some have not confirmed it yet, 5 where a plan does not hold.
    """
    desk = desk_of(context)
    kept = saved.read(Path(what)) if what is not None and saved.is_plan(what) else None
    estate = work.valid(desk)
    choices = _choices(options, estate, interactive=desk.surroundings.interactive())
    with desk.line() as centre:
        begun = work.begin(desk, centre, kept.target if kept is not None else what, estate=estate)
        published = _publish(begun, centre, choices, kept)
        if published is None:
            follow.nothing(desk)
            context.exit(Exit.DONE)
        if choices.detach:
            context.exit(follow.detached(desk, published))
        context.exit(follow.until_done(desk, centre, published, timeout=choices.timeout))


def _choices(options: dict[str, object], estate: Estate, *, interactive: bool) -> Choices:
    file, timeout = options["passphrase_file"], options["timeout"]
    number = options["accept_number"]
    return Choices(
        yes=bool(options["yes"]),
        again=bool(options["again"]),
        detach=bool(options["detach"]),
        timeout=timeout if isinstance(timeout, float) else 900.0,
        removing=removals.named(options["yes_remove"], estate),
        note=str(options["note"]),
        accepting=number if isinstance(number, int) else 0,
        passphrase=Passphrase(file=file if isinstance(file, Path) else None, interactive=interactive),
    )


def _publish(begun: Work, centre: Centre, choices: Choices, kept: Saved | None) -> Published | None:
    """Ask, sign and publish; None where nothing was different, or there is no host."""
    desk = begun.desk
    begun, moves = admitting.moved(begun)
    compiled = begun.compiled()
    if not compiled:
        raise UsageError("no host that is meant here is admitted yet", hint="orch key list --pending")
    if kept is not None:
        _check(begun, centre, compiled, kept)
    different = preview.against_centre(centre, compiled)
    behind = publishing.behind(begun, centre, compiled)
    if not (choices.again or choices.removing or moves or behind or any(item.lines for item in different)):
        _nothing(begun, centre, compiled)
        return None
    _show(
        begun,
        choices,
        different,
        notes=[f"  {move.host} moves to scope {move.scope}, ring {move.ring}" for move in moves],
    )
    for text in behind:
        desk.output.warn(text)
    counted = different if kept is None else tuple(_as_planned(item, kept) for item in different)
    removing = removals.allowed(
        removals.beyond(counted), choices.removing, yes=choices.yes, surroundings=desk.surroundings
    )
    sealing.check_able(begun, compiled)
    question = f"Sign as {desk.login().operator} for {begun.estate.name} and publish?"
    confirm(question, yes=choices.yes, surroundings=desk.surroundings)
    key = desk.keyring.signing(choices.passphrase)
    compiled = sealing.seal_rest(begun, compiled, key=key)
    admitting.give(begun, centre, moves, key=key)
    signing = publishing.Signing(key=key, removing=removing, accepting=choices.accepting, note=choices.note)
    return publishing.publish(begun, centre, compiled, signing=signing)


def _check(begun: Work, centre: Centre, compiled: Sequence[Compiled], kept: Saved) -> None:
    """Make the plan once more, and refuse where it is another.

    Raises:
        StalePlan: it is.
    """
    found = ask(begun, centre, compiled, timeout=PATIENCE)
    now = saved.made(compiled, found, estate=begun.estate.name, releases=newest(centre, begun.desk))
    saved.check(kept, now)
    same = sum(item.steps is not None and kept.hosts[host].steps is not None for host, item in now.hosts.items())
    begun.desk.output.note(f"the plan holds: {same} of {len(kept.hosts)} hosts were asked again and say the same")


def _as_planned(item: Difference, kept: Saved) -> Difference:
    """With what the host itself said it removes, where it said so."""
    planned = kept.hosts[item.host]
    return item if planned.steps is None else replace(item, removed=planned.removals)


def _show(begun: Work, choices: Choices, different: Sequence[Difference], *, notes: Sequence[str]) -> None:
    """What is about to be signed; with -q too where somebody is asked."""
    output = begun.desk.output
    say = output.note if choices.yes else output.asked
    names = [item.host for item in different]
    shown = ", ".join(names if output.verbose else names[:8]) + ("" if len(names) <= 8 else " ...")
    say(f"{begun.estate.name}: {_hosts(len(names))}: {shown}")
    for line in (*preview.screen(output, different), *notes):
        say(line)
    for site in sorted(choices.removing):
        say(f"  {site} may remove more packages than its ceiling allows")


def _nothing(begun: Work, centre: Centre, compiled: Sequence[Compiled]) -> None:
    """Nothing is to be signed. Contents that the centre lost, or that were damaged there, are uploaded all the same."""
    output = begun.desk.output
    upload.contents(centre, {key: data for item in compiled for key, data in item.blobs.items()}, output=output)
    output.note(f"nothing changed: the newest release says the same for {_hosts(len(compiled))}")
    output.note("newer versions of packages need no release: hosts take them at their next full look, once a day")
    output.next("orch status", "have them look now: orch apply --again")


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"
