"""What this host was told and believes: policy, admission, floor, and the release in force. Verified, then kept.

Refuses to do: act on any of it, or believe anything that trust.py did not return.

Invariants:
- a release is on disk before the floor names it, and the floor names it before anything of it begins; after a kill or
  a power cut between the two, the next `load` finishes the step or forgets it, by the floor's word; so with a policy;
- a release that demands a `go` lies beside the one in force until the go is there;
- what is in force is judged again at `load` and whenever policy or admission change: what would not be taken by them is
  healed and removes nothing more, and what waits for a go does not begin;
- with a lost floor every release is refused, and what is in force is healed, until a reset (`take_reset`);
- called from one thread. The worker is handed frozen values.

Called by the executor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orch.common import codec, identity, policy, trust
from orch.common.clock import Clock
from orch.common.codec import Bytes16
from orch.common.document import Document
from orch.common.envelope import open_envelope
from orch.common.errors import FloorLost, Malformed, Mislabelled, NotFresh, OrchError, OutOfScope, StoreError
from orch.common.events import PROBLEM, Log
from orch.common.identity import Admission, IdentityRequest, Reset
from orch.common.order import Order, PlanRequest
from orch.common.policy import Policy
from orch.common.release import Fresh, Parcel, Proof
from orch.common.trust import Accepted, Contact, Floor, Permission, Standing
from orch.minion.adapters import files
from orch.minion.failpoint import AFTER_FLOOR, AFTER_PARCEL, Failpoints
from orch.minion.floor import FloorFile
from orch.minion.grounds import Grounds
from orch.minion.question import QuestionFile
from orch.minion.rules import PolicyFile
from orch.minion.settings import Layout
from orch.minion.shelf import CURRENT, NEXT, InForce, Kept, Shelf

HOUR: Final = 3600
_TEN_MINUTES: Final = 600
_NO_BOOT: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a release that was accepted."""

    what: InForce
    begins: bool  # False: it waits for its go
    again: bool  # it was here already


@dataclass(frozen=True, slots=True)
class Parts:
    """What an inbox is made of."""

    layout: Layout
    floor: FloorFile
    question: QuestionFile
    clock: Clock
    log: Log
    failpoints: Failpoints


class Inbox:
    """All that this host durably knows of what it shall be."""

    def __init__(self, parts: Parts, mine: IdentityRequest, boot: Bytes16) -> None:
        """Know nothing until `load`."""
        self._parts = parts
        self._state = parts.layout.state
        self._disk = parts.layout.disk
        self._mine = mine
        self._boot = boot
        self._contact: Contact | None = None
        self._contact_kept: Contact | None = None
        self._floor: Floor | None = None
        self._policy: Policy
        self._policy_hash = b""
        self.question = b""  # what a reset must answer; empty while the floor is whole
        self.admission: Admission | None = None
        self.in_force: InForce | None = None
        self.waiting: InForce | None = None
        self._doubt: OrchError | None = None  # why what is in force would not be taken any more
        self.shelf = Shelf(parts.layout)
        self._rules = PolicyFile(parts.layout, parts.log)

    # --- reading it in ------------------------------------------------------------------------------

    def load(self) -> None:
        """Read everything, and finish what a power cut left between a release and its floor.

        Raises:
            StoreError: the policy is missing or damaged.
        """
        try:
            self._floor = self._parts.floor.load()
            self._parts.question.forget()  # a power cut may have left it: asked again, its reset would count again
        except FloorLost as err:
            self._parts.log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
            self.question = self._parts.question.ask()
        self._rules.settle(self._floor.policy_hash if self._floor else b"-")
        self._policy, self._policy_hash = self._rules.read()
        self._load_admission()
        self._load_parcels()
        self._load_contact()
        self._judge_again()

    def _load_admission(self) -> None:
        envelope = files.read(self._state / "admission", limit=identity.LIMIT + 4096, disk=self._disk)
        if envelope is None:
            return
        try:
            opened = open_envelope(envelope, type=identity.ADMISSION_TYPE, limit=identity.LIMIT)
            self.admission = codec.decode(Admission, opened.body, limit=identity.LIMIT)
        except OrchError as err:  # it is sent again: a hello says that there is none
            self._parts.log.write(PROBLEM, code=err.code, text=f"the admission on disk: {err.text}")

    def _load_parcels(self) -> None:
        coming, current = self._kept(NEXT), self._kept(CURRENT)
        self.in_force = current.what if current else None
        if coming is None:
            return
        if self._floor is None or coming.what.release_hash != self._floor.release:
            self.shelf.drop()  # the floor was never raised: it comes again
        elif coming.gone:
            self._promote(coming.what)
        else:
            self.waiting = coming.what

    def _kept(self, name: str) -> Kept | None:
        try:
            return self.shelf.read(name)
        except OrchError as err:  # it is sent again: `held` does not name it
            self._parts.log.write(PROBLEM, code=err.code, text=f"the release on disk ({name}): {err.text}")
            return None

    def _load_contact(self) -> None:
        data = files.read(self._parts.layout.run / "contact", limit=256, disk=self._disk)
        try:
            self._contact = codec.decode(Contact, data, limit=256) if data else None
        except Malformed:
            self._contact = None
        if self._contact is not None and self._contact.boot == self._boot:
            return
        proved = self._floor.trusted_time if self._floor else 0
        self._contact = Contact(boot=_NO_BOOT, boottime=0, time=proved) if proved else None

    # --- what it says -------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    @property
    def newest(self) -> InForce | None:
        """The newest release that is on disk whole, in force or waiting for its go."""
        return self.waiting or self.in_force

    @property
    def held(self) -> InForce | None:
        """What the centre is told: the newest release; after a reset nothing, so that it is sent and judged anew."""
        return self.newest if self._floor is None or self._floor.release else None

    @property
    def lost(self) -> FloorLost | None:
        """Why this host takes no release until it is reset; None while the floor is whole."""
        return self._loss() if self._floor is None else None

    def standing(self) -> Standing:
        """What verdicts need.

        Raises:
            OutOfScope: nobody has admitted this host.
            FloorLost: it takes nothing.
        """
        if self.admission is None:
            raise OutOfScope("this host is not admitted", hint="orch key accept")
        if self._floor is None:
            raise self._loss()
        return Standing(policy=self._policy, policy_hash=self._policy_hash, me=self.admission, floor=self._floor)

    def grounds(self) -> Grounds:
        """What is known now, frozen: what may be done follows from it at any later moment, in any thread."""
        return Grounds(
            clock=self._parts.clock,
            boot=self._boot,
            floor=self._floor or Floor(),
            contact=self._contact,
            release=self.in_force.release if self.in_force else None,
            doubt=self._loss() if self._floor is None else self._doubt,
        )

    def now(self) -> int:
        """Trusted time, in seconds since 1970."""
        return self.grounds().now()

    def permission(self) -> tuple[Permission, OrchError | None]:
        """What may be done with the release in force, and why it is not everything."""
        return self.grounds().permission()

    # --- what comes in ------------------------------------------------------------------------------

    def take_policy(self, envelope: bytes) -> Policy:
        """The next policy, kept if it is in order.

        Raises:
            Refused: it is not.
            Malformed: it is none.
            StoreError: the disk refuses; the old one stays.
        """
        taken = trust.take_policy(self._policy, envelope)
        if taken is self._policy:
            return taken
        taken_hash = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT).hash
        self._rules.put(envelope)
        if self._floor is not None:
            self._raise(self._floor.with_policy(taken, taken_hash))
        self._rules.promote()
        self._policy, self._policy_hash = taken, taken_hash
        self._judge_again()
        return taken

    def take_admission(self, envelope: bytes) -> Admission:
        """This host's admission, kept if it is in order.

        Raises:
            Refused: it is not.
            Malformed: it is none.
            StoreError: the disk refuses.
        """
        current = self.admission
        taken = trust.take_admission(self._policy, envelope, mine=self._mine, current=current, now=self.now())
        if taken is not current:
            files.write(self._state / "admission", envelope, disk=self._disk)
            self.admission = taken
            self._judge_again()
        return taken

    def take_reset(self, envelope: bytes) -> Reset:
        """The way back from a lost floor: nothing below the number that it names, and that one once.

        Raises:
            Refused: it does not count, or this host has asked for none.
            Malformed: it is none at all.
            StoreError: the disk refuses; the question stays open.
        """
        me = self.admission
        if me is None:
            raise OutOfScope("this host is not admitted", hint="orch key accept")
        if not self.question:
            raise Mislabelled("this host's record of what it had accepted is whole: it asks for no reset")
        reset = trust.take_reset(self._policy, envelope, me=me, nonce=self.question, now=self.now())
        floor = trust.floor_after(reset, me=me, policy_=self._policy, policy_hash=self._policy_hash)
        self._parts.floor.lay(floor)
        self._floor, self.question = floor, b""
        self._parts.question.forget()
        return reset

    def take_fresh(self, envelope: bytes, nonce: bytes) -> Fresh:
        """A proof of what is newest: from now on the time is the centre's.

        Raises:
            Refused: it is no proof for this host and nonce.
            Malformed: it is none at all.
        """
        fresh = trust.judge_fresh(self.standing(), envelope, nonce=nonce)
        moment = self.grounds().moment()
        proved = trust.proved_time(fresh.time, moment=moment, floor=self.standing().floor, contact=self._contact)
        self._contact = Contact(boot=self._boot, boottime=moment.boottime, time=proved)
        try:
            self._keep_contact(self._contact)
        except StoreError as err:  # it holds until the next boot: a full disk must not make a host stale
            self._parts.log.write(PROBLEM, code=err.code, text=err.text)
        return fresh

    def _keep_contact(self, contact: Contact) -> None:
        passed = contact.boottime - kept.boottime if (kept := self._contact_kept) else 0
        if kept is None or passed > _TEN_MINUTES or abs(contact.time - kept.time - passed) > HOUR:
            files.write(self._parts.layout.run / "contact", codec.encode(contact), disk=self._disk)
            self._contact_kept = contact
        if self._floor is not None and abs(contact.time - self._floor.trusted_time) > HOUR:
            self._raise(self._floor.with_time(contact.time))

    def take_release(self, parcel: Parcel, *, carried: bool = False) -> Taken:
        """A release: verified, on disk, and the floor raised. Only then may anything of it begin.

        One that a person `carried` here needs no proof of freshness to be taken; without one it removes nothing.

        Raises:
            Refused, Malformed, StoreError: it is not accepted; what was in force stays.
        """
        standing = self.standing()
        if not carried and ((age := self.grounds().unproven()) is None or age > trust.STALE_AFTER):
            raise NotFresh("no recent proof of what is newest for this host came before this release")
        accepted = trust.judge_release(standing, parcel, now=self.now())
        newest = self.newest
        if accepted.again and newest is not None and newest.release_hash == accepted.release_hash:
            return Taken(newest, self.waiting is None, again=True)
        return self._keep(accepted, parcel)

    def _keep(self, accepted: Accepted, parcel: Parcel) -> Taken:
        begins = not accepted.release.needs_go
        self.shelf.put(parcel, gone=begins)
        self._parts.failpoints.reached(AFTER_PARCEL)
        if not accepted.again:
            self._raise(accepted.floor)
        self._parts.failpoints.reached(AFTER_FLOOR)
        found = InForce(
            release=accepted.release,
            document=accepted.document,
            release_hash=accepted.release_hash,
            document_hash=accepted.document_hash,
        )
        if begins:
            self._promote(found)
        else:
            self.waiting = found
        return Taken(found, begins, again=accepted.again)

    def take_go(self, envelope: bytes) -> InForce | None:
        """The word that the waiting release may begin; None if none waits.

        Raises:
            Refused: it is not for what this host holds.
            Malformed: it is none.
            StoreError: the disk refuses.
        """
        go = trust.judge_go(self.standing(), envelope, now=self.now())
        waiting = self.waiting
        if waiting is None or go.release != waiting.release_hash:
            return None
        parcel = self._judge_kept(NEXT)  # who signed it may have been dropped while it waited
        self.shelf.put(parcel, gone=True)
        self._promote(waiting)
        return waiting

    def judge_plan(self, request: bytes, document: bytes, proof: Proof) -> tuple[PlanRequest, Document]:
        """A request to plan: judged, never kept.

        Raises:
            Refused: the asker may not.
            Malformed: it is none.
        """
        standing = self.standing()
        return trust.judge_plan_request(standing, request, document=document, proof=proof, now=self.now())

    def judge_order(self, envelope: bytes) -> Order:
        """An order: judged; that it is done once is the journal's business.

        Raises:
            Refused: the signer may not.
            Malformed: it is none.
        """
        return trust.judge_order(self.standing(), envelope, now=self.now())

    def _promote(self, found: InForce) -> None:
        self.shelf.promote()
        self.in_force, self.waiting, self._doubt = found, None, None

    def _judge_again(self) -> None:
        self._doubt = None
        if self.in_force is None:
            return
        try:
            self._judge_kept(CURRENT)
        except OrchError as err:  # not lost: `permission` hands it out, and with it each report of what had to wait
            self._doubt = err
            self._parts.log.write(PROBLEM, code=err.code, text=f"the release in force: {err.text}", hint=err.hint)

    def _judge_kept(self, name: str) -> Parcel:
        """A parcel on disk, if policy and admission would let it in today.

        Whether it had expired is not asked again, nor whether the signer's time has ended since: he had it when he
        signed, and a host must not change its mind by being started anew. `permission` sees to the expiry.
        """
        kept = self.shelf.read(name)
        if kept is None:
            raise StoreError(f"the release on disk ({name}) is gone")
        if self.admission is None:
            raise OutOfScope("this host is not admitted", hint="orch key accept")
        found = trust.endorsed(self._policy, kept.parcel.release)
        signed = min(self.now(), found.release.created)
        trust.judge_host(self._policy, found, self.admission, parcel=kept.parcel, now=signed)
        return kept.parcel

    def _loss(self) -> FloorLost:
        hint = f"compare what this host runs with what it should, then: orch key reset {self._mine.host}"
        return FloorLost("both records of what this host had accepted are gone or damaged", hint=hint)

    def _raise(self, floor: Floor) -> None:
        self._parts.floor.write(floor)
        self._floor = floor
