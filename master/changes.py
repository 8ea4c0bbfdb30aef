"""What operators change at the centre: policies, keys, contents, releases. Every change carries its own signatures.

The way of a change: judged by the intake, committed by the store, then known to the roster, then pushed to hosts, then
answered. Nothing is answered before it is committed; nothing is known before either, so what was answered survives.

Invariants:
- changes are made one after the other (`Desk.in_turn`), so each is judged by what the one before left;
- a release is published wholly or not at all, and only when every content that it names is here;
- a report that somebody carried here is the host's by its signature, and is taken once, by host and number;
- whoever a new policy or a revocation shuts out loses the connection at once, hosts' second ones for rsync too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from orch.common import codec, trust
from orch.common import events as ev
from orch.common import operations as op
from orch.common.clock import Clock
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.errors import Equivocation, Mislabelled, OrchError, Refused, UsageError
from orch.common.identity import LIMIT, RESET_TYPE, REVOCATION_TYPE, Admission, Reset, Revocation
from orch.common.policy import LIMIT as POLICY_LIMIT
from orch.common.policy import TYPE as POLICY_TYPE
from orch.common.policy import Policy
from orch.common.session import Head, Known
from orch.master import intake
from orch.master.centre import Centre
from orch.master.collector import Collector
from orch.master.desk import Asked, Desk, DeskLine, Handler
from orch.master.intake import Heads, Snapshot, Taken
from orch.master.publisher import HostLine
from orch.master.records import KeyRecord, ScopeRecord
from orch.master.roster import Roster

POLICY_PUT = ev.Event("policy-taken-in", ("version", "operator"))
KEY_ADMITTED = ev.Event("key-admitted", ("host", "scope", "ring", "serial", "key", "operator"))
KEY_REJECTED = ev.Event("key-rejected", ("key", "operator"))
KEY_REVOKED = ev.Event("key-revoked", ("host", "key", "operator"))
RESET_PUT = ev.Event("reset-taken-in", ("host", "epoch", "number", "operator"))
REPORTS_PUT = ev.Event("reports-carried-in", ("host", "new", "upto", "operator"))
RELEASE_PUT = ev.Event("release-published", ("scope", "epoch", "number", "release", "hosts", "sent", "operator"))


def snapshot(roster: Roster, clock: Clock) -> Snapshot:
    """What is in force now, as the intake needs it; safe to hand to another thread."""
    return Snapshot(
        policy=roster.policy,
        policy_hash=roster.policy_hash,
        admissions={curve: host.admission for curve, host in roster.hosts.items()},
        now=clock.wall(),
    )


def need_contents(centre: Centre, names: frozenset[bytes], now: int) -> None:
    """Refuse unless all contents are here; on the disk's worker thread, where they are also cleared away.

    Raises:
        Refused: one is missing.
    """
    lacking = centre.blobs.missing(names, now=now)
    if lacking:
        raise Refused(f"{len(lacking)} contents were not uploaded, the first {lacking[0].hex()[:12]}")


class Changes:
    """The handlers of the operations that change something."""

    def __init__(
        self, centre: Centre, desk: Desk, collector: Collector, shut_out: Callable[[bytes, str], None]
    ) -> None:
        """`shut_out(key, reason)` ends all connections of a key and keeps it from making new ones if it is revoked."""
        self._collector = collector
        self._centre = centre
        self._desk = desk
        self._shut_out = shut_out

    def handlers(self) -> Mapping[str, Handler]:
        """Operation to handler."""
        return {
            "policy.put": lambda asked: self._desk.in_turn(asked, lambda: self._policy_put(asked)),
            "key.admit": lambda asked: self._desk.in_turn(asked, lambda: self._key_admit(asked)),
            "key.reject": lambda asked: self._desk.in_turn(asked, lambda: self._key_reject(asked)),
            "key.revoke": lambda asked: self._desk.in_turn(asked, lambda: self._key_revoke(asked)),
            "key.reset": lambda asked: self._desk.in_turn(asked, lambda: self._key_reset(asked)),
            "release.put": lambda asked: self._desk.in_turn(asked, lambda: self._release_put(asked)),
            "report.put": lambda asked: self._desk.in_turn(asked, lambda: self._report_put(asked)),
            "blob.put": self._blob_put,
            "document.hold": self._document_hold,
        }

    def _failed(self, asked: Asked) -> Callable[[OrchError], None]:
        return lambda err: self._desk.failed(asked, err)

    # --- policy ----------------------------------------------------------------------------------------------

    def _policy_put(self, asked: Asked) -> None:
        envelope = asked.read(op.Signed).envelope
        roster = self._centre.roster
        if self._has_policy(envelope):
            self._desk.done(asked, op.Nothing())
            return
        made = trust.take_policy(roster.policy, envelope)

        def kept(_nothing: None) -> None:
            roster.take_policy(made, envelope)
            self._centre.log.write(POLICY_PUT, version=made.version, operator=asked.person.name)
            self._centre.publisher.push_all()
            self._desk.done(asked, op.Nothing())
            self._end_former_operators(made)

        self._centre.store.put_policy(made.version, envelope, self._desk.step(asked, kept), self._failed(asked))

    def _has_policy(self, envelope: bytes) -> bool:
        """Whether this very version is here already: a repeated upload is no error."""
        body = open_envelope(envelope, type=POLICY_TYPE, limit=POLICY_LIMIT).body
        # Not verified: it is only compared with bodies that were.
        version = codec.decode(Policy, body, limit=POLICY_LIMIT).version
        for known, held in self._centre.roster.policies:
            if known == version:
                if open_envelope(held, type=POLICY_TYPE, limit=POLICY_LIMIT).body == body:
                    return True
                raise Equivocation(f"policy version {version} is here with other content")
        return False

    def _end_former_operators(self, made: Policy) -> None:
        logins = {person.login_curve for person in made.operators}
        for line in self._centre.lines.of_kind(DeskLine):
            if line.key not in logins:
                self._shut_out(line.key, "no operator of this estate any more")

    # --- keys ------------------------------------------------------------------------------------------------

    def _key_admit(self, asked: Asked) -> None:
        envelope = asked.read(op.Signed).envelope
        roster, now = self._centre.roster, self._centre.clock.wall()
        state = snapshot(roster, self._centre.clock)
        admission = intake.take_admission(state, envelope, roster.find_admission)
        if (decided := roster.decided.get(admission.curve)) and decided.state == Known.REVOKED.value:
            hint = "a revoked key stays revoked: have the host make new ones (orch-minion enrol)"
            raise Mislabelled(f"the key of {admission.host} was revoked", hint=hint)
        waiting, before = roster.waiting.find(admission.curve), roster.hosts.get(admission.curve)
        request = waiting.request if waiting else before.record.request if before else b""
        if waiting is not None:
            _check_asked(waiting.request, admission)
        record = KeyRecord(
            curve=admission.curve,
            state=Known.ADMITTED.value,
            request=request,
            admission=envelope,
            first=waiting.first if waiting else before.record.first if before else now,
            last=now,
        )

        def kept(_nothing: None) -> None:
            roster.admit(admission, record)
            self._centre.log.write(
                KEY_ADMITTED,
                host=admission.host,
                scope=admission.scope,
                ring=admission.ring,
                serial=admission.serial,
                key=admission.curve,
                operator=asked.person.name,
            )
            self._let_in(admission.curve)
            self._desk.done(asked, op.Nothing())

        self._centre.store.put_key(record, admission.serial, self._desk.step(asked, kept), self._failed(asked))

    def _let_in(self, curve: bytes) -> None:
        """Its connection, if it waits on one, is a host's from now on."""
        for line in self._centre.lines.of_key(curve):
            if isinstance(line, HostLine):
                self._centre.roster.connected(curve, line.peer)
                self._centre.publisher.push_line(line)

    def _key_reject(self, asked: Asked) -> None:
        curve = asked.read(op.KeyAsked).curve
        roster, now = self._centre.roster, self._centre.clock.wall()
        standing = roster.known(curve)
        if standing in {Known.ADMITTED, Known.REVOKED}:
            raise Refused("this key was decided on already", hint="an admitted key is revoked: orch key revoke HOST")
        waiting = roster.waiting.find(curve)
        if waiting is None and standing is not Known.REJECTED:
            raise Refused("no such key waits", hint="see: orch key list")
        record = KeyRecord(
            curve=curve,
            state=Known.REJECTED.value,
            request=waiting.request if waiting else b"",
            first=waiting.first if waiting else now,
            last=now,
        )

        def kept(_nothing: None) -> None:
            roster.decide(record)
            self._centre.log.write(KEY_REJECTED, key=curve, operator=asked.person.name)
            self._desk.done(asked, op.Nothing())

        self._centre.store.put_key(record, 0, self._desk.step(asked, kept), self._failed(asked))

    def _key_revoke(self, asked: Asked) -> None:
        envelope = asked.read(op.Signed).envelope
        roster = self._centre.roster
        # Decoded before it is verified, to find the admission that says in which scope the signer must be allowed to.
        opened = open_envelope(envelope, type=REVOCATION_TYPE, limit=LIMIT)
        curve = codec.decode(Revocation, opened.body, limit=LIMIT).curve
        host, now = roster.hosts.get(curve), self._centre.clock.wall()
        admission = host.admission if host else None
        revocation = trust.take_revocation(roster.policy, envelope, admission=admission, now=now)
        known = host.record if host else roster.decided.get(curve) or KeyRecord(curve=curve, state="", first=now)
        record = replace(known, state=Known.REVOKED.value, revocation=envelope, last=now)

        def kept(_nothing: None) -> None:
            roster.decide(record)
            self._centre.log.write(KEY_REVOKED, host=revocation.host, key=curve, operator=asked.person.name)
            self._shut_out(curve, "revoked")
            self._desk.done(asked, op.Nothing())

        self._centre.store.put_key(record, 0, self._desk.step(asked, kept), self._failed(asked))

    def _key_reset(self, asked: Asked) -> None:
        """Kept in memory only: one that is lost with the centre does no harm, and the operator makes another."""
        envelope = asked.read(op.Signed).envelope
        roster, now = self._centre.roster, self._centre.clock.wall()
        # Decoded before it is verified, as with a revocation.
        opened = open_envelope(envelope, type=RESET_TYPE, limit=LIMIT)
        named = codec.decode(Reset, opened.body, limit=LIMIT)
        host = roster.hosts.get(named.curve)
        if host is None:
            raise Mislabelled("no admitted host has the key that this reset names", hint="see: orch key list")
        reset = trust.take_reset(roster.policy, envelope, me=host.admission, nonce=named.nonce, now=now)
        if reset.issued > now + trust.MAX_AHEAD:
            hint = "set the clock of the machine that signs, or of the centre"
            raise Mislabelled(f"the reset was signed {reset.issued - now} s in the future", hint=hint)
        if host.summary is None or host.summary.question != reset.nonce:
            hint = f"see how it is: orch explain {host.admission.host}"
            raise Mislabelled(f"this is not what {host.admission.host} asks", hint=hint)
        host.reset = (reset.nonce, envelope)
        self._centre.log.write(
            RESET_PUT,
            host=host.admission.host,
            epoch=reset.epoch,
            number=reset.number,
            operator=asked.person.name,
        )
        self._centre.publisher.push([reset.curve])
        self._desk.done(asked, op.Nothing())

    # --- reports -----------------------------------------------------------------------------------------------

    def _report_put(self, asked: Asked) -> None:
        carried = asked.read(op.Carried)
        host = self._centre.roster.hosts.get(carried.curve)
        if host is None or host.admission.host != carried.host:
            hint = "see: orch status, orch key list; a key that was revoked has nothing to say any more"
            raise UsageError(f"the centre knows no {carried.host} with this key", hint=hint)

        def kept(new: int, upto: int) -> None:
            self._centre.log.write(REPORTS_PUT, host=carried.host, new=new, upto=upto, operator=asked.person.name)
            self._desk.done(asked, op.Received(new=new, upto=upto))

        self._collector.carry(host.admission, carried.reports, kept, self._failed(asked))

    # --- contents ----------------------------------------------------------------------------------------------

    def _blob_put(self, asked: Asked) -> None:
        piece = asked.read(op.Piece)
        self._centre.disk.ask(
            lambda: self._centre.blobs.put(asked.line.peer, piece),
            lambda _nothing: self._desk.reply(asked, op.Nothing()),
            lambda err: self._desk.refuse(asked, err),
        )

    def _document_hold(self, asked: Asked) -> None:
        asked.line.hold(asked.read(op.Documents).documents, self._centre.lines.of_kind(DeskLine))
        self._desk.reply(asked, op.Nothing())

    # --- releases ------------------------------------------------------------------------------------------------

    def _release_put(self, asked: Asked) -> None:
        wanted = asked.read(op.Publish)
        roster = self._centre.roster
        scope = intake.scope_of(roster.policy, wanted.release)
        heads = Heads(stored=roster.stored_head(scope), claimed=roster.claimed_head(scope))
        state = snapshot(roster, self._centre.clock)
        documents = asked.line.documents(wanted.documents)
        back_documents = asked.line.documents(wanted.back_documents)

        def judge() -> tuple[Taken, ...]:
            taken = intake.take_release(state, wanted.release, documents, heads=heads)
            both: tuple[Taken, ...] = (taken,)
            if wanted.back:
                step = Heads(stored=_scope_record(taken), claimed=_scope_record(taken))
                both = (taken, intake.take_release(state, wanted.back, back_documents, heads=step, held=True))
            return both

        def judged(taken: tuple[Taken, ...]) -> None:
            if taken[0].again:
                self._published(asked, taken[0])
                return
            bodies = {sha256(content): content for content in (*documents, *back_documents)}
            named = frozenset[bytes]().union(*(item.publication.contents for item in taken))
            self._centre.disk.ask(
                lambda: need_contents(self._centre, named, state.now),
                self._desk.step(asked, lambda _nothing: self._keep(asked, taken, bodies)),
                self._failed(asked),
            )

        self._centre.bench.ask(judge, self._desk.step(asked, judged), self._failed(asked))

    def _keep(self, asked: Asked, taken: Sequence[Taken], bodies: Mapping[bytes, bytes]) -> None:
        self._centre.store.put_releases(
            [item.publication for item in taken],
            bodies,
            self._desk.step(asked, lambda _nothing: self._published(asked, taken[0])),
            self._failed(asked),
        )

    def _published(self, asked: Asked, taken: Taken) -> None:
        release, publication = taken.release, taken.publication
        curves = [item.curve for item in publication.placed]
        heads = [
            (item.curve, Head(release.scope, release.epoch, release.number, publication.hash, parcel, item.document))
            for item, parcel in zip(publication.placed, taken.parcels, strict=True)
        ]
        self._centre.roster.published(_scope_record(taken), heads)
        sent = self._centre.publisher.push(curves)
        self._centre.log.write(
            RELEASE_PUT,
            scope=release.scope,
            epoch=release.epoch,
            number=release.number,
            release=publication.hash,
            hosts=len(curves),
            sent=sent,
            operator=asked.person.name,
        )
        self._desk.done(asked, op.Published(hosts=len(curves), sent=sent))


def _scope_record(taken: Taken) -> ScopeRecord:
    made = taken.publication
    return ScopeRecord(scope=made.scope, epoch=made.epoch, number=made.number, release=made.hash)


def _check_asked(request: bytes, admission: Admission) -> None:
    asked = trust.check_identity_request(request)
    if (asked.host, asked.sign, asked.seal) != (admission.host, admission.sign, admission.seal):
        hint = "compare the words again: orch key list, orch key accept"
        raise Mislabelled(f"the admission of {admission.host} names other keys than the host asked with", hint=hint)
