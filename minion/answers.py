"""What people on site are told: made from what the desk, the inbox and the journal know.

Refuses to do: change anything. A plan goes through the worker like an operator's, and is answered unsigned.

Called by executor.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common.clock import Clock, ago
from orch.common.errors import Blocked
from orch.common.messages import FRAME_LIMIT
from orch.common.phrase import check_words
from orch.common.report import Outcome, Reason, StepOutcome
from orch.minion.channel import REFUSED
from orch.minion.desk import Desk, View
from orch.minion.inbox import Inbox
from orch.minion.journal import Journal
from orch.minion.last import Last, LastNote
from orch.minion.onsite import TURNED_AWAY, HostExplanation, HostPlan, HostReports, HostStatus
from orch.minion.outbox import Outbox
from orch.minion.settings import HostSettings
from orch.minion.worker import PlanJob, PlanMade

_REPORTS = 200
_ROOM = 100_000
"""Bytes of an answer that are not reports, and more than enough."""
_START = "start it: orch-minion agent; where it was started, its log says why it ended: journalctl -u orch-agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Whom to ask."""

    settings: HostSettings
    desk: Desk
    inbox: Inbox
    outbox: Outbox
    journal: Journal
    clock: Clock


class Answers:
    """The answers of one host."""

    def __init__(self, parts: Parts) -> None:
        """Ask these."""
        self._parts = parts
        self._last = LastNote(parts.journal)

    def status(self) -> HostStatus:
        """How the host is, now."""
        return self._status(self._last.read())

    def _status(self, last: Last | None) -> HostStatus:
        parts = self._parts
        inbox, view, in_force = parts.inbox, parts.desk.view, parts.inbox.in_force
        about = last if last is not None and in_force and last.release == in_force.release_hash else None
        return HostStatus(
            time=parts.clock.wall(),
            host=parts.settings.name,
            estate=parts.settings.estate,
            centre=view.centre,
            since=view.since,
            standing=view.standing,
            lost=view.lost,
            denied=view.denied,
            policy=inbox.policy.version,
            scope=inbox.admission.scope if inbox.admission else "",
            ring=inbox.admission.ring if inbox.admission else "",
            epoch=in_force.release.epoch if in_force else 0,
            number=in_force.release.number if in_force else 0,
            release=in_force.release_hash if in_force else b"",
            commit=in_force.document.commit if in_force else "",
            expires=in_force.release.expires if in_force else 0,
            waiting=inbox.waiting.release.number if inbox.waiting else 0,
            permission=inbox.permission()[0].value,
            outcome=about.outcome.value if about else "",
            trigger=about.trigger.value if about else "",
            at=about.at if about else 0,
            reason=about.reason if about else None,
            refused=parts.desk.refusals.newest,
            doing=view.doing or ("looking" if view.turning else ""),
            next=view.next,
            reports=parts.outbox.newest,
            committed=parts.outbox.committed,
            unlisted=last.unlisted if last else (),
            listeners=last.listeners if last else (),
        )

    def explanation(self) -> HostExplanation:
        """Why the host is as it is, and what to do."""
        last = self._last.read()
        status = self._status(last)
        because: list[str] = []
        do: list[str] = []
        for sentence, hint in self._findings(status):
            because.append(sentence)
            if hint and hint not in do:
                do.append(hint)
        steps = last.steps if last else ()
        for step in steps:
            if step.outcome is StepOutcome.FAILED:
                because.append(f"{step.resource} failed: {step.problem}")
                if step.hint and step.hint not in do:
                    do.append(step.hint)
        return HostExplanation(status=status, steps=steps, because=tuple(because[:32]), do=tuple(do[:32]))

    def _findings(self, status: HostStatus) -> list[tuple[str, str]]:
        trouble = self._parts.desk.view.trouble
        disk = [(f"its own disk stands in the way of everything: {trouble.text}", trouble.hint)] if trouble else []
        return [*disk, *_line(status, self._parts.desk.view), *_release(status, self._parts.inbox), *_turn(status)]

    def reports(self, after: int) -> HostReports:
        """What somebody may carry to the centre: the next reports that it is not known to have."""
        found = self._parts.outbox.settled_ones(after, most=_REPORTS, room=FRAME_LIMIT - _ROOM)
        return HostReports(reports=found)

    def plan_job(self) -> PlanJob:
        """What the worker has to look at.

        Raises:
            Blocked: there is no document yet.
        """
        in_force = self._parts.inbox.in_force
        if in_force is None:
            raise Blocked("this host has no release yet", hint="admit it: orch key accept; then publish: orch apply")
        return PlanJob(request=b"", document=in_force.document, document_hash=in_force.document_hash)

    def plan(self, made: PlanMade) -> HostPlan:
        """What the worker found."""
        in_force = self._parts.inbox.in_force
        return HostPlan(
            host=self._parts.settings.name,
            epoch=in_force.release.epoch if in_force else 0,
            number=in_force.release.number if in_force else 0,
            steps=made.steps[:2000],
            reason=made.reason,
        )


def _line(status: HostStatus, view: View) -> list[tuple[str, str]]:
    for_ = ago(status.time - status.since)
    if view.ails is not None:
        return [(f"the agent cannot work, so the centre is not reached: {view.ails.text}", view.ails.hint)]
    if not view.agent:
        return [(f"the agent does not run, so the centre is not reached, for {for_}", _START)]
    if not status.centre and (status.denied or status.lost == REFUSED):
        said = f"the centre turned this host away, and says: {status.denied}" if status.denied else TURNED_AWAY
        return [(f"{said}; for {for_}", "ask the operator: a host whose key was revoked is enrolled anew, or retired")]
    if not status.centre:
        why = f": {view.lost}" if view.lost else ""
        hint = "look at this host's line; it goes on trying by itself"
        return [(f"the centre is not reached, for {for_}{why}", hint)]
    if status.standing == "pending":
        hint = "ask the operator to compare the words of `orch-minion words` and run: orch key accept"
        return [("the centre does not know this host's key yet", hint)]
    if status.standing not in ("", "admitted"):
        return [(f"the centre turns this host away: {status.standing}", "ask the operator")]
    return []


def _release(status: HostStatus, inbox: Inbox) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if (lost := inbox.lost) is not None:
        text = "the record of what this host had accepted is lost, so it takes no release until it is reset"
        found.append(
            (f"{text}; it asks with the words: {check_words(inbox.question)}", f"the operator must {lost.hint}")
        )
    if not status.number:
        found.append(("this host was never told what to be", "the operator runs: orch apply"))
        return found
    if status.waiting:
        found.append((f"release {status.waiting} waits for its go", "the operator promotes it"))
    _permission, why = inbox.permission()
    if why is not None:
        found.append((f"it only heals, and removes nothing: {why.text}", why.hint))
    if status.refused is not None:
        found.append((f"refused ({status.refused.code}): {status.refused.text}", status.refused.hint))
    return found


def _turn(status: HostStatus) -> list[tuple[str, str]]:
    if status.doing:
        return [(f"it is at work: {status.doing}", "")]
    if not status.number:
        return []
    if not status.outcome:
        return [(f"release {status.number} was not begun yet", "")]
    if status.outcome == Outcome.APPLIED.value:
        return [(f"release {status.number} is applied; nothing is different", "")]
    reason = status.reason or Reason(code="unknown", text="no reason was given")
    text = f"release {status.number} is {status.outcome} ({reason.code}): {reason.text}"
    return [(text, reason.hint)]
