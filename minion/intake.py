"""What the centre sends, one thing at a time: judged, kept or refused, and what follows from it.

Refuses to do: begin anything. It says what may begin; the desk queues it.

Invariants:
- whatever the inbox refuses ends as a report, once per thing and reason and boot: a centre that repeats itself cannot
  fill the disk;
- a plan request never touches inbox or floor;
- an order is done once;
- what a stick brings goes the same way, but for one thing: it cannot prove what is newest (decision 0017). Why it is
  refused, the person is told who brought it, not the centre.

Called by the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from orch.common import codec, events, messages, policy, trust
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.errors import Malformed, OrchError, OutOfScope, Refused, StoreError
from orch.common.events import Log
from orch.common.order import Kind
from orch.common.policy import Policy
from orch.common.release import Parcel
from orch.common.report import Reason
from orch.common.stick import Stick
from orch.minion.inbox import Inbox, Taken
from orch.minion.journal import Journal
from orch.minion.refusals import Refusals
from orch.minion.worker import PlanJob

Said: TypeAlias = (
    messages.PolicySent
    | messages.Admitted
    | messages.Delivered
    | messages.WentOn
    | messages.PlanAsked
    | messages.Ordered
    | messages.ResetSent
)
Sent: TypeAlias = Said | Stick


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What follows from what came."""

    begins: bytes = b""  # hash of a release that is in force from now on
    look: bool = False  # look at everything now
    reported: bool = False  # there is a report to send
    ask: bool = False  # ask the centre at once what is newest
    lacks: bytes = b""  # hash of a document that was left out and is not here: ask for it
    plan: PlanJob | None = None


class Intake:
    """Takes what the session passes on."""

    def __init__(self, inbox: Inbox, journal: Journal, refusals: Refusals, log: Log) -> None:
        """Judge and keep with this inbox."""
        self._inbox = inbox
        self._journal = journal
        self._refusals = refusals
        self._log = log
        self._declined: tuple[Parcel, int] | None = None  # the newest release that was refused, and the time by then

    def take(self, message: Sent) -> Came:
        """Judge it, keep it, and say what follows.

        Raises:
            StoreError: this host's disk refuses; nothing was accepted, and a report says so if it can be written.
            Refused, Malformed: what a stick brought is not accepted.
        """
        try:
            return self._stick(message) if isinstance(message, Stick) else self._take(message)
        except StoreError as err:
            self._refusals.not_kept(message.TAG, err, self._inbox.newest)
            raise

    def again(self) -> Came:
        """Time was proved. Where it is earlier than a refused release had been told, that one is judged once more.

        A clock that was far ahead, here or at the centre, may have been the reason, and the centre sends it again only
        after long.

        Raises:
            StoreError: this host's disk refuses; nothing was accepted.
        """
        if self._declined is None or self._inbox.now() >= self._declined[1]:
            return Came()
        try:
            return self._release(self._declined[0])
        except StoreError as err:
            self._refusals.not_kept(messages.Delivered.TAG, err, self._inbox.newest)
            raise

    def _take(self, message: Said) -> Came:
        match message:
            case messages.Delivered():
                return self._delivered(message)
            case messages.PlanAsked():
                return self._plan(message)
            case messages.PolicySent(envelope=envelope):
                return self._policy(envelope)
            case messages.Admitted(envelope=envelope):
                return self._admission(envelope)
            case messages.WentOn(envelope=envelope):
                return self._go(envelope)
            case messages.Ordered(envelope=envelope):
                return self._order(envelope)
            case messages.ResetSent(envelope=envelope):
                return self._reset(envelope)

    def _stick(self, stick: Stick) -> Came:
        try:
            for envelope in stick.policies:
                self._carried_policy(envelope)
            if stick.revocation:
                self._revoked(stick.revocation)
            if stick.admission:
                self._take_admission(stick.admission)
            parcel = stick.parcel
            taken = self._inbox.take_release(parcel, carried=True) if parcel else None
        except (Refused, Malformed) as err:
            self._log.write(events.REFUSED, what=stick.TAG, code=err.code, text=err.text)
            raise
        if taken is None:
            return Came()
        return Came(look=taken.begins) if taken.again else self._taken(taken)

    def _carried_policy(self, envelope: bytes) -> None:
        body = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT).body
        # Not verified yet: it only says which of them this host has already.
        version = codec.decode(Policy, body, limit=policy.LIMIT).version
        if version >= self._inbox.policy.version:
            self._take_policy(envelope)

    def _revoked(self, envelope: bytes) -> None:
        inbox = self._inbox
        ended = trust.take_revocation(inbox.policy, envelope, admission=inbox.admission, now=inbox.now())
        why = f": {ended.reason}" if ended.reason else ""
        hint = "ask the operator: a host whose key was revoked is enrolled anew, or retired"
        raise OutOfScope(f"the key of {ended.host} was revoked{why}", hint=hint)

    def _delivered(self, message: messages.Delivered) -> Came:
        document = message.document
        if message.known:
            document = self._inbox.shelf.document(message.known)
            if not document:
                return Came(lacks=message.known)
        return self._release(Parcel(message.release, document, message.proof))

    def _release(self, parcel: Parcel) -> Came:
        try:
            taken = self._inbox.take_release(parcel)
        except (Refused, Malformed) as err:
            self._declined = (parcel, self._inbox.now())
            return Came(reported=self._refusals.release(parcel, err))
        self._declined = None
        return Came() if taken.again else self._taken(taken)

    def _taken(self, taken: Taken) -> Came:
        what = taken.what
        self._log.write(
            events.RELEASE_TAKEN,
            epoch=what.release.epoch,
            number=what.release.number,
            release=what.release_hash,
            document=what.document_hash,
        )
        if taken.begins:
            return Came(begins=what.release_hash)
        reason = Reason(
            code="needs-go", text="this release waits for its go", hint="it begins when its ring is promoted"
        )
        return Came(reported=self._refusals.waiting(what, reason))

    def _policy(self, envelope: bytes) -> Came:
        try:
            self._take_policy(envelope)
        except (Refused, Malformed) as err:
            return self._refused("policy", envelope, err)
        return Came()

    def _take_policy(self, envelope: bytes) -> None:
        taken = self._inbox.take_policy(envelope)
        self._log.write(events.POLICY_TAKEN, version=taken.version)

    def _admission(self, envelope: bytes) -> Came:
        try:
            self._take_admission(envelope)
        except (Refused, Malformed) as err:
            return self._refused("admission", envelope, err)
        return Came()

    def _take_admission(self, envelope: bytes) -> None:
        me = self._inbox.take_admission(envelope)
        self._log.write(events.ADMITTED, host=me.host, scope=me.scope, ring=me.ring, serial=me.serial)

    def _go(self, envelope: bytes) -> Came:
        try:
            begun = self._inbox.take_go(envelope)
        except (Refused, Malformed) as err:
            return self._refused("go", envelope, err)
        return Came(begins=begun.release_hash if begun else b"")

    def _order(self, envelope: bytes) -> Came:
        try:
            order = self._inbox.judge_order(envelope)
        except (Refused, Malformed) as err:
            return self._refused("order", envelope, err)
        if order.kind is not Kind.RECONCILE:
            unknown = Refused(f"an order to {order.kind.value} is not supported by this version")
            return self._refused("order", envelope, unknown)
        return Came(look=self._journal.first_time(order.id, expires=order.expires, now=self._inbox.now()))

    def _reset(self, envelope: bytes) -> Came:
        try:
            reset = self._inbox.take_reset(envelope)
        except (Refused, Malformed) as err:
            return self._refused("reset", envelope, err)
        self._log.write(events.RESET_TAKEN, epoch=reset.epoch, number=reset.number)
        text = f"its record of what it had accepted was reset to {reset.epoch}:{reset.number}"
        hint = "it takes that release or a newer one next, by itself"
        self._refusals.over(Reason(code="reset", text=text, hint=hint), self._inbox.newest)
        return Came(reported=True, ask=True)

    def _plan(self, asked: messages.PlanAsked) -> Came:
        try:
            request, document = self._inbox.judge_plan(asked.request, asked.document, asked.proof)
        except (Refused, Malformed) as err:
            self._log.write(events.REFUSED, what="plan", code=err.code, text=err.text)
            return Came()
        document_hash = sha256(asked.document)
        self._log.write(events.PLAN_ASKED, request=request.id, document=document_hash)
        return Came(plan=PlanJob(request=request.id, document=document, document_hash=document_hash))

    def _refused(self, what: str, envelope: bytes, err: OrchError) -> Came:
        return Came(reported=self._refusals.other(what, envelope, err, self._inbox.newest))
