"""The story of one host: its row, its signed reports, the release that it is to have, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orch.common import codec, trust
from orch.common.clock import rfc3339
from orch.common.document import LIMIT, Document
from orch.common.errors import Malformed, OrchError, Refused
from orch.common.operations import Detail
from orch.common.policy import Verb
from orch.common.release import Release
from orch.common.report import Report
from orch.common.rows import Row
from orch.master.cli import plans
from orch.master.cli.condition import Condition, Now, condition
from orch.master.cli.context import Desk
from orch.master.cli.output import Data
from orch.master.cli.status import host_data

_WAITS = "nobody has to: the host tries again by itself"
_HELPS = {
    Condition.OFFLINE: "orch explain {host} --watch",
    Condition.FAILED: "orch plan {host}",
    Condition.REFUSED: "orch apply {host}",
    Condition.AHEAD: "orch apply",
    Condition.WAITING: "orch explain {host} --watch",
    Condition.CHANGING: "orch explain {host} --watch",
    Condition.NEW: "orch apply {host}",
    Condition.DEGRADED: "orch plan {host}",
    Condition.CONVERGED: "orch plan {host}",
    Condition.REVOKED: "orch key list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A report, and whether it was signed by the host's own key (None where the files hold no admission)."""

    report: Report
    signed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is known of a host."""

    row: Row
    now: Now
    reports: tuple[Told, ...]  # newest first
    release: Release | None
    signers: tuple[str, ...]
    document: Document | None
    publishers: tuple[str, ...]  # who may publish for it
    contact: str


def read(desk: Desk, detail: Detail) -> Story:
    """Open what the centre sent; what was altered on the way is said, not believed."""
    policy = desk.verified()
    release: Release | None = None
    signers: tuple[str, ...] = ()
    if detail.revocation:
        try:
            trust.take_revocation(policy, detail.revocation, admission=None, now=detail.time)
        except (Malformed, Refused) as err:
            desk.output.warn(f"the revocation at the centre is not in order: {err.text}")
    elif detail.row.revoked:
        desk.output.warn("the centre says that it was revoked and has no signed revocation to show")
    if detail.release:
        try:
            found = trust.endorsed(policy, detail.release)
            release, signers = found.release, tuple(person.name for person in found.people)
        except (Malformed, Refused) as err:
            desk.output.warn(f"the release at the centre is not in order: {err.text}")
    row, now = detail.row, detail.time
    return Story(
        row=row,
        now=Now(now),
        reports=_reports(desk, detail),
        release=release,
        signers=signers,
        document=codec.decode(Document, detail.document, limit=LIMIT) if detail.document else None,
        publishers=tuple(
            person.name
            for person in policy.operators
            if person.may(Verb.PUBLISH, scope=row.scope, ring=row.ring, now=now)
        ),
        contact=_contact(desk, row.host),
    )


def _reports(desk: Desk, detail: Detail) -> tuple[Told, ...]:
    kept = desk.folder.admissions().get(detail.row.host)
    found: list[Told] = []
    for envelope in detail.reports:
        signed: bool | None = None
        if kept is not None and kept.admission.curve == detail.row.curve:
            try:
                trust.judge_report(kept.admission, envelope)
                signed = True
            except Refused:
                signed = False
        found.append(Told(report=trust.read_report(envelope), signed=signed))
    return tuple(found)


def _contact(desk: Desk, host: str) -> str:
    from orch.master.estate import loader

    try:
        site = loader.load(desk.folder.path).sites.get(host.partition("/")[0])
    except OrchError:
        return ""  # files that are being worked on are no reason to explain nothing
    if site is None:
        return ""
    parts = (site.contact.name, site.contact.mail, site.contact.phone)
    return ", ".join(part for part in parts if part)


_WHO = {
    Condition.WAITING: _WAITS,
    Condition.CHANGING: _WAITS,
    Condition.CONVERGED: "nobody has to",
    Condition.REVOKED: "to let it in again: root on the host (orch-minion enrol), then {operators} (orch key accept)",
    Condition.FAILED: "{operators} by changing your files; root on the host: orch-minion explain",
    Condition.DEGRADED: "{operators}: allow it under listen:, or take the package off its lists",
    Condition.AHEAD: "{operators}: the centre came back from an older backup; sign your files anew",
}


def who(story: Story) -> str:
    """Who can act now, and how."""
    operators = " or ".join(story.publishers) or "nobody: no operator may publish for it"
    how = condition(story.row)
    if how is Condition.OFFLINE:
        site = story.contact or "whoever is on site"
        return f"{site}: power and line; it goes on by itself when it is back"
    return _WHO.get(how, "{operators}").format(operators=operators)


def helps(story: Story) -> str:
    """The command that helps, or shows more."""
    if story.reports and story.reports[0].report.question:
        return f"orch key reset {story.row.host}"
    return _HELPS[condition(story.row)].format(host=story.row.host)


def data(story: Story) -> dict[str, Data]:
    """For scripts."""
    release, document = story.release, story.document
    return {
        **host_data(story.row),
        "time": rfc3339(story.now.time),
        "who": who(story),
        "helps": helps(story),
        "release": {
            "epoch": release.epoch,
            "number": release.number,
            "signers": list(story.signers),
            "created": rfc3339(release.created),
            "expires": rfc3339(release.expires),
            "note": release.note or None,
        }
        if release
        else None,
        "commit": document.commit or None if document else None,
        "origins": {item.resource: item.where for item in document.origins} if document else {},
        "reports": [_report_data(told) for told in story.reports],
    }


def _report_data(told: Told) -> dict[str, Data]:
    report = told.report
    steps: Sequence[Data] = [plans.step_data(step) for step in report.steps]
    return {
        "sequence": report.sequence,
        "time": rfc3339(report.time),
        "trigger": report.trigger.value,
        "epoch": report.epoch,
        "number": report.number,
        "outcome": report.outcome.value,
        "reason": {"code": report.reason.code, "text": report.reason.text, "hint": report.reason.hint}
        if report.reason
        else None,
        "steps": steps,
        "drift": report.drift,
        "listeners": list(report.listeners),
        "unlisted": list(report.unlisted),
        "truncated": report.truncated,
        "dropped": report.dropped,
        "signed": told.signed,
    }
