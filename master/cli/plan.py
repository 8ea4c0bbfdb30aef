"""`orch plan`: what the hosts would do with your files. They say it themselves; nothing is changed anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from orch.common import authoring, trust
from orch.common.authoring import Question
from orch.common.crypto import SigningKey, sha256
from orch.common.errors import Malformed, Refused
from orch.common.operations import AskPlan, PlanItem, PlanState
from orch.common.report import PlanAnswer
from orch.master.cli import completing, fleet, plans, saved, upload, work
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import HOSTS, quoted
from orch.master.cli.saved import Saved
from orch.master.cli.work import Work
from orch.master.estate.compiler import Compiled

GOOD_FOR = 600
"""Seconds after which hosts do not answer a plan request any more."""


@click.command(cls=ReadingCommand)
@click.argument("target", required=False, type=completing.TARGET)
@click.option(
    "--timeout",
    metavar="TIME",
    default="60s",
    show_default=True,
    callback=seconds,
    help="How long to wait for answers.",
)
@click.option(
    "--save",
    "-o",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the plan in FILE, for orch apply FILE; -o library.plan.",
)
@click.pass_context
def plan(context: click.Context, target: str | None, *, timeout: float, save: Path | None) -> None:
    """What the hosts that TARGET means (all, where nothing is said) would do with your files as they are now.

    Hosts that are offline are named and not waited for. Ends 0 where nothing would change, 3 where something would,
    4 where somebody did not answer or is not admitted yet, 1 where a host says that it cannot be done.

    A saved plan is applied as it was shown: orch apply FILE refuses it where your files, the newest release of a host,
    or what a host says it would do are different by then.
    """
    desk = desk_of(context)
    estate = work.valid(desk)
    with desk.line() as centre:
        begun = work.begin(desk, centre, target, estate=estate)
        compiled = begun.compiled()
        found = ask(begun, centre, compiled, timeout=timeout)
        made = None
        if save is not None:
            made = saved.made(compiled, found, estate=estate.name, releases=newest(centre, desk))
    if desk.output.structured:
        desk.output.data("orch/plan/1", plans.data(found, estate=estate.name), each=HOSTS)
    else:
        desk.output.lines(plans.screen(desk.output, found, estate=estate.name))
    code = _exit_code(found)
    if save is not None and made is not None:
        _save(desk, save, made, failed=code is Exit.FAILED)
    desk.output.next(_next(found, code, target, save))
    context.exit(code)


def _next(found: plans.Found, code: Exit, target: str | None, save: Path | None) -> str:
    if code is Exit.FAILED:
        return f"mend what is named above, then: orch plan {quoted(target)}".rstrip()
    if plans.changes(found.answers.values()):
        return f"orch apply {quoted(target if save is None else str(save))}".rstrip()
    return "orch key list" if found.left_out else "orch status"


def newest(centre: Centre, desk: Desk) -> dict[str, bytes]:
    """The newest release of each host that the centre knows, by its hash."""
    return {row.host: row.wanted_release for row in fleet.fetch(centre, desk.surroundings.clock).rows.values()}


def _save(desk: Desk, path: Path, made: Saved, *, failed: bool) -> None:
    """Keep a plan that can be done."""
    if failed:
        desk.output.warn(f"not saved in {path}: a host says that it cannot be done")
        return
    saved.write(path, made)
    desk.output.note(desk.output.sign(f"✓ saved in {path}") + ", good while your files and the hosts stay as they are")


def _exit_code(found: plans.Found) -> Exit:
    if found.doubtful or any(answer.reason for answer in found.answers.values()):
        return Exit.FAILED
    if plans.changes(found.answers.values()):
        return Exit.DIFFERENT
    return Exit.UNCONFIRMED if found.offline or found.late or found.left_out else Exit.DONE


def ask(begun: Work, centre: Centre, compiled: Sequence[Compiled], *, timeout: float) -> plans.Found:
    """Ask every host that is connected what it would do with its document.

    Raises:
        KeyFileError: there is no usable login key.
    """
    blobs = {digest: content for item in compiled for digest, content in item.blobs.items()}
    upload.contents(centre, blobs, output=begun.desk.output)
    round_ = _Round(begun, timeout)
    for scope in sorted({item.document.scope for item in compiled}):
        round_.ask(centre, [item for item in compiled if item.document.scope == scope], scope)
    asked = {item.place for item in compiled}
    return round_.found(left_out=tuple(str(place) for place in begun.places if place not in asked))


@dataclass(slots=True)
class _Round:
    """One question to many hosts, and what came back."""

    begun: Work
    timeout: float
    answers: dict[str, PlanAnswer] = field(default_factory=dict)
    offline: dict[str, int] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    doubtful: dict[str, str] = field(default_factory=dict)

    def ask(self, centre: Centre, compiled: list[Compiled], scope: str) -> None:
        desk = self.begun.desk
        now, identifier = desk.surroundings.clock.wall(), desk.surroundings.chance.token(16)
        authored = authoring.sign_plan_request(
            Question(estate=self.begun.estate.name, scope=scope, id=identifier, issued=now, expires=now + GOOD_FOR),
            [item.data for item in compiled],
            keys=(SigningKey.from_seed(desk.login().sign),),
        )
        upload.documents(centre, authored.documents)
        question = AskPlan(request=authored.envelope, documents=tuple(sha256(item) for item in authored.documents))
        waiting = {str(item.place) for item in compiled}
        end = desk.surroundings.clock.boottime() + self.timeout
        for item in centre.stream("plan.ask", question, PlanItem):
            if item is not None:
                self._take(item, waiting, identifier)
            if not waiting or desk.surroundings.clock.boottime() >= end:
                break
        self.late |= waiting

    def _take(self, item: PlanItem, waiting: set[str], identifier: bytes) -> None:
        if item.state is PlanState.ASKED or item.host not in waiting:
            return
        waiting.discard(item.host)
        if item.state is PlanState.OFFLINE:
            self.offline[item.host] = item.seen
            return
        me = self.begun.admission(item.host)
        try:
            self.answers[item.host] = trust.judge_plan_answer(me, item.envelope, request=identifier)
        except (Malformed, Refused) as err:
            # What was not said by the host's own key is not shown as the host's plan.
            self.doubtful[item.host] = err.text

    def found(self, *, left_out: tuple[str, ...]) -> plans.Found:
        return plans.Found(
            answers=self.answers,
            offline=self.offline,
            late=tuple(sorted(self.late)),
            doubtful=self.doubtful,
            left_out=left_out,
            now=self.begun.desk.surroundings.clock.wall(),
        )
