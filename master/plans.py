"""Plan requests on their way: passed on to the hosts that are there, answers passed back as they come.

Hosts that are not there are named at once and not waited for. Nothing is kept but in memory: a plan is worth nothing
tomorrow. For an hour the contents that the candidate documents name may be fetched by the hosts that were asked.

Invariants:
- a host's answer goes to the request that it names, once, and only if that host was asked by it;
- every request ends: with the last answer, at its deadline, or with the operator's connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orch.common import events as ev
from orch.common import messages as m
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.errors import OrchError, ProtocolError
from orch.common.session import Answer
from orch.master import intake
from orch.master.centre import Centre
from orch.master.changes import need_contents, snapshot
from orch.master.desk import Asked, Desk, Handler
from orch.master.intake import Question
from orch.master.publisher import HostLine

PATIENCE = 600
"""Seconds that a request waits at most, whatever its own expiry says."""
OFFERED = 3600.0
"""Seconds for which the contents of a candidate document may be fetched."""
PLAN_ASKED = ev.Event("plan-asked", ("request", "hosts", "connected", "operator"))


@dataclass(slots=True, kw_only=True)
class _Open:
    """A request that waits for answers."""

    asked: Asked
    hosts: dict[bytes, str]  # who was asked and has not answered: key to name
    until: float


class Plans:
    """All requests under way."""

    def __init__(self, centre: Centre, desk: Desk) -> None:
        """None yet."""
        self._centre = centre
        self._desk = desk
        self._open: dict[bytes, _Open] = {}
        self._offered: dict[tuple[bytes, bytes], tuple[Document, float]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """Operation to handler."""
        return {"plan.ask": self._ask}

    def offered(self, curve: bytes, document: bytes) -> Document | None:
        """The candidate document with that hash, if this host was asked about it lately."""
        found = self._offered.get((curve, document))
        return found[0] if found else None

    def offers(self) -> frozenset[tuple[bytes, bytes]]:
        """Keys and hashes of all candidate documents whose contents may be fetched."""
        return frozenset(self._offered)

    def _ask(self, asked: Asked) -> None:
        wanted = asked.read(op.AskPlan)
        documents = asked.line.documents(wanted.documents)
        state = snapshot(self._centre.roster, self._centre.clock)

        def refuse(err: OrchError) -> None:
            self._desk.refuse(asked, err)

        def judged(question: Question) -> None:
            self._centre.disk.ask(
                lambda: need_contents(self._centre, question.contents, state.now),
                lambda _nothing: self._pass_on(asked, question),
                refuse,
            )

        self._centre.bench.ask(lambda: intake.take_question(state, wanted.request, documents), judged, refuse)

    def _pass_on(self, asked: Asked, question: Question) -> None:
        if question.request.id in self._open:
            self._desk.refuse(asked, ProtocolError("this plan request is under way already"))
            return
        now = self._centre.clock.boottime()
        left = min(PATIENCE, question.request.expires - self._centre.clock.wall())
        opened = _Open(asked=asked, hosts={}, until=now + max(1, left))
        items: list[op.PlanItem] = []
        for item in question.asked:
            curve, name = item.admission.curve, item.admission.host
            self._offered[curve, sha256(item.parcel.document)] = (item.document, now + OFFERED)
            message = m.PlanAsked(proof=item.parcel.proof, request=item.parcel.release, document=item.parcel.document)
            reached = self._tell(curve, message)
            if reached:
                opened.hosts[curve] = name
            items.append(self._item(curve, name, op.PlanState.ASKED if reached else op.PlanState.OFFLINE))
        self._centre.log.write(
            PLAN_ASKED,
            request=question.request.id,
            hosts=len(items),
            connected=len(opened.hosts),
            operator=asked.person.name,
        )
        if opened.hosts:
            self._open[question.request.id] = opened
            asked.line.at_end.append(lambda: self._forget(question.request.id))
        self._desk.stream(asked, iter(items), final=not opened.hosts)

    def _tell(self, curve: bytes, message: m.PlanAsked) -> bool:
        host = self._centre.roster.hosts.get(curve)
        if host is None or not self._centre.roster.is_connected(host):
            return False
        line = self._centre.lines.find(host.peer)
        if not isinstance(line, HostLine):
            return False
        effects = line.session.ask_plan(message)
        return any(self._centre.publisher.say(line, item.message) for item in effects if isinstance(item, Answer))

    def answered(self, curve: bytes, message: m.Planned) -> None:
        """A host answered. Whoever asks checks its signature; here only the connection is known."""
        opened = self._open.get(message.request)
        if opened is None or curve not in opened.hosts:
            return
        self._settle(message.request, opened, curve, state=op.PlanState.ANSWERED, envelope=message.envelope)

    def gone(self, curve: bytes) -> None:
        """A host's connection ended: its answers will not come."""
        for request, opened in list(self._open.items()):
            if curve in opened.hosts:
                self._settle(request, opened, curve, state=op.PlanState.OFFLINE)

    def tick(self) -> None:
        """End what has waited long enough; forget old offers."""
        now = self._centre.clock.boottime()
        for request, opened in list(self._open.items()):
            if now >= opened.until:
                for curve in list(opened.hosts):
                    self._settle(request, opened, curve, state=op.PlanState.ASKED)
        for key in [key for key, (_document, until) in self._offered.items() if until <= now]:
            del self._offered[key]

    def _settle(
        self, request: bytes, opened: _Open, curve: bytes, *, state: op.PlanState, envelope: bytes = b""
    ) -> None:
        item = self._item(curve, opened.hosts.pop(curve), state, envelope)
        if opened.hosts:
            self._desk.also(opened.asked, item)
        else:
            self._forget(request)
            self._desk.reply(opened.asked, item)

    def _forget(self, request: bytes) -> None:
        self._open.pop(request, None)

    def _item(self, curve: bytes, name: str, state: op.PlanState, envelope: bytes = b"") -> op.PlanItem:
        host = self._centre.roster.hosts.get(curve)
        return op.PlanItem(host=name, curve=curve, state=state, seen=host.heard if host else 0, envelope=envelope)
