"""`orch undo`: have hosts told again what they were told before, as a new release with a higher number.

Nothing goes back: numbers only rise, and a host takes an older document only because an operator has signed it anew.
The estate's files stay as they are, so the next apply says again what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from orch.common.errors import OrchError, Unreachable, UsageError
from orch.common.names import Place
from orch.common.operations import Hashes
from orch.master.cli import completing, follow, passphrase, past, preview, publishing, removals, work
from orch.master.cli.asking import confirm
from orch.master.cli.context import desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import quoted
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.past import Held
from orch.master.cli.preview import Difference
from orch.master.cli.work import Work
from orch.master.estate.compiler import Compiled


@click.command(cls=ReadingCommand)
@click.argument("target", type=completing.TARGET)
@click.option(
    "--to",
    default="~1",
    show_default=True,
    metavar="RELEASE",
    help="Which release's words: ~1 for the one before the newest, or a number such as 6 or 1:6.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask; no word for removals beyond a ceiling.")
@removals.OPTION
@click.option("--detach", is_flag=True, help="Do not follow; hosts go on by themselves.")
@click.option(
    "--timeout", metavar="TIME", default="15m", show_default=True, callback=seconds, help="How long to follow."
)
@click.option("--note", default="", help="A word for those who read the history; else it says what was taken back.")
@passphrase.OPTION
@click.pass_context
def undo(context: click.Context, /, target: str, **options: object) -> None:
    """Have the hosts that TARGET means told again what they were told before ('*' for all).

    It is a new release with what was signed then, so your files are not asked and not changed: put them right as well
    (git revert), or the next apply brings back what they say. To undo an undo, undo once more. Ends as apply does.
    """
    desk = desk_of(context)
    estate = work.valid(desk)
    removing = removals.named(options["yes_remove"], estate)
    with desk.line() as centre:
        begun = work.begin(desk, centre, target, estate=estate)
        held = _all(begun, centre, str(options["to"]))
        _check_contents(centre, held)
        compiled = _compiled(centre, held)
        different = [item for item in preview.against_centre(centre, compiled) if item.lines]
        if not different:
            desk.output.note("nothing is different: these hosts are told the same as then")
            follow.nothing(desk)
            desk.output.next(f"orch doc history {quoted(target)}")
            context.exit(Exit.DONE)
        signing = _signing(begun, different, options, removing=removing, note=_note(held))
        told = {item.host for item in different}
        again = [item for item in compiled if str(item.place) in told]
        published = publishing.publish(begun, centre, again, signing=signing)
        desk.output.note("your files still say what was taken back: put them right too, e.g. with git revert")
        if options["detach"]:
            context.exit(follow.detached(desk, published))
        timeout = options["timeout"]
        context.exit(follow.until_done(desk, centre, published, timeout=timeout if isinstance(timeout, float) else 900))


def _signing(
    begun: Work,
    different: Sequence[Difference],
    options: Mapping[str, object],
    *,
    removing: frozenset[str],
    note: str,
) -> publishing.Signing:
    """Show what is about to be signed, and ask; the key, and what was allowed."""
    desk, yes = begun.desk, bool(options["yes"])
    say = desk.output.note if yes else desk.output.asked
    for line in preview.screen(desk.output, different):
        say(line)
    removing = removals.allowed(removals.beyond(different), removing, yes=yes, surroundings=desk.surroundings)
    question = f"Sign as {desk.login().operator} for {begun.estate.name} and publish?"
    confirm(question, yes=yes, surroundings=desk.surroundings)
    file = options["passphrase_file"]
    asked = Passphrase(file=file if isinstance(file, Path) else None, interactive=desk.surroundings.interactive())
    return publishing.Signing(key=desk.keyring.signing(asked), removing=removing, note=str(options["note"]) or note)


def _all(begun: Work, centre: Centre, wanted: str) -> tuple[Held, ...]:
    """What the hosts were told then; says of which hosts it cannot be had."""
    policies = past.chain(begun.desk)
    found: list[Held] = []
    refused: list[tuple[Place, OrchError]] = []
    for place in begun.places:
        if place not in begun.admissions:
            begun.desk.output.warn(f"not admitted, left out: {place}")
            continue
        try:
            found.append(_one(begun, centre, policies=policies, place=place, wanted=wanted))
        except Unreachable:
            raise
        except OrchError as err:
            refused.append((place, err))
    for place, why in refused:
        begun.desk.output.warn(f"left out: {place}: {why.text}")
    if not found:
        hint = refused[0][1].hint if refused else "orch key list --pending"
        raise UsageError("nothing can be taken back for any host that is meant here", hint=hint)
    return tuple(found)


def _one(begun: Work, centre: Centre, *, policies: past.Chain, place: Place, wanted: str) -> Held:
    host = str(place)
    known = past.releases(policies, centre, host, most=200)
    then = past.document(policies, centre, host, release=past.choose(known, wanted, host=host))
    admission, release = begun.admission(host), then.signed.release
    if release.epoch != begun.policy.epoch(release.scope):
        hint = "write what you want into your files and apply it"
        raise UsageError(f"release {past.named(then.signed)} is of an epoch that a policy has closed", hint=hint)
    if (then.document.curve, then.document.scope) != (admission.curve, admission.scope):
        raise UsageError("it had another key or was in another scope then", hint="apply your files instead")
    return then


def _check_contents(centre: Centre, found: Iterable[Held]) -> None:
    """Contents that the centre has dropped could not be fetched by any host.

    Raises:
        UsageError: some are gone; nothing was published.
    """
    wanted: dict[bytes, str] = {}
    for held in found:
        document = held.document
        wanted |= {item.sha256: f"list {item.name}" for item in document.lists}
        wanted |= {item.sha256: f"file {item.path}" for item in document.files if item.content is None}
    lacking = centre.ask("blob.missing", Hashes(tuple(sorted(wanted))), Hashes).hashes
    if lacking:
        names = ", ".join(sorted(wanted[item] for item in lacking))
        raise UsageError(
            f"the centre no longer has the contents, as of then, of: {names}",
            hint="take your files out of git as they were then, and: orch apply",
        )


def _compiled(centre: Centre, found: Iterable[Held]) -> tuple[Compiled, ...]:
    """As if they had just been compiled, with the lists of then."""
    kept = preview.Kept(centre)
    return tuple(
        Compiled(
            place=Place.parse(held.document.host),
            document=held.document,
            data=held.parcel.document,
            blobs={item.sha256: content for item in held.document.lists if (content := kept(item)) is not None},
        )
        for held in found
    )


def _note(found: Iterable[Held]) -> str:
    back = sorted({past.named(held.signed) for held in found})
    return f"undo: as in release {', '.join(back[:4])}{' ...' if len(back) > 4 else ''}"
