"""`orch key accept`: sign that this key is that host, after a person has compared the words."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import click

from orch.common import authoring, trust
from orch.common.errors import NotAllowed, UsageError
from orch.common.identity import Admission
from orch.common.names import Place
from orch.common.operations import KeyRow, Signed
from orch.common.rows import Nothing
from orch.master.cli import catchup, completing, knocking, passphrase, sticks, work
from orch.master.cli.asking import confirm
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import OrchCommand
from orch.master.cli.knocking import Knock
from orch.master.cli.passphrase import Passphrase
from orch.master.estate.diagnostics import suggest
from orch.master.estate.model import Estate


@click.command(cls=OrchCommand)
@click.argument("who", type=completing.HOST)
@click.option("--words", metavar="WORDS", help="The words that the host shows, in place of the question.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask. Without --words, nobody has compared anything.")
@click.option(
    "--request",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What the host asks with, for one without a line: orch-minion export-results FILE.",
)
@passphrase.OPTION
@click.pass_context
def accept(context: click.Context, /, who: str, words: str | None, *, yes: bool, **files: Path | None) -> None:
    """Let the host WHO in: its name, its check words, or the beginning of its key's fingerprint.

    The person at the host reads six words from its screen (orch-minion words); they must be the ones shown here.
    Site, scope and ring come from your files, never from the host.
    """
    desk = desk_of(context)
    estate = work.valid(desk)
    with desk.line() as centre:
        known = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output)
        desk.me(known.policy)
        rows = [*known.keys.values(), *_carried(files["request"], known.keys)]
        knocks = [knocking.read(row, estate=estate.name) for row in rows]
        waiting = [item for item in knocks if item.row.state in ("pending", "rejected")]
        admitted = {item.host for item in knocks if item.row.state == "admitted"}
        if not any(item.host == who for item in waiting) and who in admitted:
            desk.output.note(f"{who} is admitted already")
            desk.output.next(f"orch status {who}", f"to end its key: orch key revoke {who}")
            return
        knock = knocking.meant(who, knocks, verb="accept", states=("pending", "rejected"))
        admission = _admission(desk, estate, knock)
        _compare(desk, knock, words, yes=yes)
        key = desk.keyring.signing(
            Passphrase(file=files["passphrase_file"], interactive=desk.surroundings.interactive())
        )
        envelope = authoring.sign_admission(admission, keys=(key,))
        centre.ask("key.admit", Signed(envelope), Nothing)
        desk.folder.put_admission(envelope)
    output = desk.output
    output.lines([output.sign(f"✓ {admission.host}") + f" joined: scope {admission.scope}, ring {admission.ring}"])
    output.note("commit hosts/ to git: a lost centre is rebuilt from it")
    others = sum(item.row.state == "pending" and item is not knock for item in knocks)
    output.next(*(["orch key list --pending"] if others else []), f"orch apply {admission.host}")


def _carried(file: Path | None, known: Container[bytes]) -> list[KeyRow]:
    """The key of a host that could not ask by itself, if the centre does not know it; its words are compared as ever.

    Raises:
        UsageError: it is not such a file.
        Malformed, Refused: what is in it is no host's request.
    """
    if file is None:
        return []
    envelope = sticks.read_results(file)[0].request
    asked = trust.check_identity_request(envelope)
    return [] if asked.curve in known else [KeyRow(curve=asked.curve, state="pending", request=envelope)]


def _admission(desk: Desk, estate: Estate, knock: Knock) -> Admission:
    request = knock.request
    if request is None:
        raise UsageError("this key has not said yet which host it is", hint="wait until the host asks again")
    place = Place.parse(request.host)
    site = estate.sites.get(place.site)
    if site is None or place.host not in site.hosts:
        near = suggest(str(place), [str(item) for item in estate.places], otherwise="the estate has no hosts yet")
        raise UsageError(
            f"a machine asks as {place}, which is not in your files; {near}",
            hint=f"write it into sites/{place.site}.yaml, or have the machine enrolled under its right name",
        )
    kept = desk.folder.admissions().get(request.host)
    if kept is not None and kept.admission.curve != request.curve:
        raise NotAllowed(
            f"{place} is admitted with another key",
            hint=f"if the machine was replaced, end its old key first: orch key revoke {place}",
        )
    return Admission(
        estate=estate.name,
        host=request.host,
        curve=request.curve,
        sign=request.sign,
        seal=request.seal,
        scope=site.scope,
        ring=site.ring,
        serial=kept.admission.serial + 1 if kept else 1,
        issued=desk.surroundings.clock.wall(),
    )


def _compare(desk: Desk, knock: Knock, words: str | None, *, yes: bool) -> None:
    if words is not None:
        if " ".join(words.lower().split()) != knock.words:
            raise NotAllowed(
                f"these are not the words of the key that asks as {knock.host}: it has {knock.words}",
                hint="somebody else may be asking under this name; do not accept it, look at the machine",
            )
        return
    if yes:
        desk.output.warn(f"nobody has compared the words of {knock.host}: {knock.words}")
        return
    desk.output.note("The host shows these words (orch-minion words). Ask the person there to read them:")
    desk.output.note(f"    {knock.words}")
    confirm("Do they match?", yes=False, surroundings=desk.surroundings)
