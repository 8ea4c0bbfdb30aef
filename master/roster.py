"""What the centre knows of its hosts, in memory: `session.View`, so that no answer to a host waits for a disk.

Filled from the store at start; afterwards the parts that have committed something tell it so. It decides nothing about
trust (intake.py does) and forgets nothing that the store keeps.

Invariants:
- a host is known by the key that CURVE proved; its name, scope and ring come from its signed admission;
- what a host says of itself is shown and never believed, with one exception in `scope_head`, which is bounded there;
- whoever watches is told which hosts changed, not what: it looks itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orch.common import attest, codec, policy
from orch.common.clock import Clock
from orch.common.crypto import SigningKey, sha256
from orch.common.envelope import open_envelope
from orch.common.identity import ADMISSION_TYPE, LIMIT, Admission
from orch.common.merkle import Tree
from orch.common.policy import Operator, Policy
from orch.common.release import Fresh, Parcel
from orch.common.report import Outcome
from orch.common.session import SILENT, Head, Known
from orch.master.ended import Ended, EndedHosts
from orch.master.records import KeyRecord, Loaded, ScopeRecord, Sighting, Summary
from orch.master.waiting import WaitingRoom

HEARD_JUMP = 10_000
"""How far beyond the newest release that the centre knows a host may claim to be and still be listened to: enough for
what a restored backup lacks, too little for a compromised host to use up the numbers (`release.MAX_JUMP`). Where the
centre knows none of the epoch it counts from 0: an epoch that was just opened is where a claim would burn the most."""
NOT_HELD = frozenset({"", Outcome.REFUSED.value})
"""Outcomes of reports about a release that the host does not hold."""


@dataclass(slots=True, kw_only=True)
class Host:
    """One admitted host and what is known of it."""

    admission: Admission
    record: KeyRecord
    head: Head | None = None
    document: bytes = b""  # SHA-256 of the head's document
    committed: int = 0
    summary: Summary | None = None
    heard: int = 0  # wall clock; 0: never
    heard_at: float = 0.0  # boottime of this run
    policy: int = 0
    running: tuple[int, int, bytes] = (0, 0, b"")
    scope: str = ""  # of that release; empty: not heard since this centre started
    peer: bytes = b""  # its open connection
    progress: str = ""
    reset: tuple[bytes, bytes] = (b"", b"")  # the question that it answers, and the envelope; lost at the centre's end


class Roster:
    """Everybody at the centre."""

    def __init__(self, clock: Clock, *, fresh: SigningKey, pending: int) -> None:
        """An empty one; `fresh` signs proofs of freshness, `pending` is how many may wait."""
        self._clock = clock
        self._fresh = fresh
        self.waiting = WaitingRoom(pending)
        self.policies: list[tuple[int, bytes]] = []
        self._policy: Policy | None = None
        self.policy_hash = b""
        self.hosts: dict[bytes, Host] = {}
        self.decided: dict[bytes, KeyRecord] = {}  # rejected and revoked keys
        self._ended = EndedHosts()
        self._names: dict[str, bytes] = {}
        self._scopes: dict[str, ScopeRecord] = {}
        self._claims: dict[str, ScopeRecord] = {}
        self._watchers: list[set[bytes]] = []

    def restore(self, loaded: Loaded) -> None:
        """Take over what the store holds; policies were taken before, by the intake's chain."""
        for record in loaded.keys:
            self._restore_key(record)
        self._scopes = {item.scope: item for item in loaded.scopes}
        trees = {item.hash: Tree(item.leaves) for item in loaded.releases}
        releases = {item.hash: item for item in loaded.releases}
        for head in loaded.heads:
            host, release = self.hosts.get(head.curve), releases[head.release]
            if host is None:
                continue
            parcel = Parcel(release.envelope, head.document, trees[head.release].proof(head.index))
            host.document = sha256(head.document)
            host.head = Head(release.scope, release.epoch, release.number, release.hash, parcel, host.document)
        for curve, summary in loaded.latest:
            if host := self.hosts.get(curve):
                host.committed, host.summary = summary.sequence, summary
        self._ended.seen(loaded.sightings)
        for sighting in loaded.sightings:
            if host := self.hosts.get(sighting.curve):
                host.heard, host.policy = sighting.heard, sighting.policy
                host.running = (sighting.epoch, sighting.number, sighting.release)

    def _restore_key(self, record: KeyRecord) -> None:
        if record.state != Known.ADMITTED.value:
            self.decide(record)
            return
        # Not verified again: the store holds what the intake let in, and a host checks its own admission itself.
        body = open_envelope(record.admission, type=ADMISSION_TYPE, limit=LIMIT).body
        self.admit(codec.decode(Admission, body, limit=LIMIT), record)

    # --- policy and people -----------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The policy in force; a centre does not start without one."""
        if self._policy is None:
            raise LookupError("no policy was taken yet")
        return self._policy

    @property
    def maybe_policy(self) -> Policy | None:
        """The policy in force, or None before the first."""
        return self._policy

    def take_policy(self, made: Policy, envelope: bytes) -> None:
        """A policy came into force."""
        self._policy = made
        self.policy_hash = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT).hash
        self.policies.append((made.version, envelope))

    def operator(self, curve: bytes) -> Operator | None:
        """The operator with this login key, if the policy in force names one whose time has not ended."""
        now = self._clock.wall()
        for person in self.policy.operators:
            if person.login_curve == curve and not (person.not_after and now > person.not_after):
                return person
        return None

    # --- session.View ------------------------------------------------------------------------------------

    def known(self, curve: bytes) -> Known:
        """How a key stands."""
        if curve in self.hosts:
            return Known.ADMITTED
        if record := self.decided.get(curve):
            return Known(record.state)
        return Known.PENDING if self.waiting.find(curve) else Known.STRANGER

    def policies_after(self, version: int) -> Sequence[tuple[int, bytes]]:
        """Policy versions above `version`, ascending."""
        return [item for item in self.policies if item[0] > version]

    def admission(self, curve: bytes) -> tuple[int, bytes]:
        """Serial and envelope of a host's admission."""
        host = self.hosts.get(curve)
        return (host.admission.serial, host.record.admission) if host else (0, b"")

    def head(self, curve: bytes) -> Head | None:
        """The newest release for a host. One of a scope that it has left is none: it would refuse it."""
        host = self.hosts.get(curve)
        return host.head if host and host.head and host.head.scope == host.admission.scope else None

    def reset(self, curve: bytes) -> bytes:
        """The reset that a host has asked for and not taken yet."""
        host = self.hosts.get(curve)
        return host.reset[1] if host else b""

    def committed(self, curve: bytes) -> int:
        """Up to where a host's reports are committed."""
        host = self.hosts.get(curve)
        return host.committed if host else 0

    def prove(self, curve: bytes, nonce: bytes) -> bytes:
        """A signed proof of what is newest for this host."""
        head = self.head(curve)
        return attest.sign_fresh(
            Fresh(
                estate=self.policy.estate,
                curve=curve,
                nonce=nonce,
                policy=self.policy.version,
                epoch=head.epoch if head else 0,
                number=head.number if head else 0,
                release=head.release if head else b"",
                time=self._clock.wall(),
            ),
            self._fresh,
        )

    # --- keys ----------------------------------------------------------------------------------------------

    def named(self, name: str) -> Host | None:
        """The host of that name."""
        curve = self._names.get(name)
        return self.hosts.get(curve) if curve else None

    def find_admission(self, new: Admission) -> tuple[Admission | None, Admission | None]:
        """What is in force for this key, and for this host's name."""
        mine, namesake = self.hosts.get(new.curve), self.named(new.host)
        return (mine.admission if mine else None, namesake.admission if namesake else None)

    def admit(self, admission: Admission, record: KeyRecord) -> None:
        """A key was admitted, or admitted anew (another scope or ring)."""
        self.waiting.remove(admission.curve)
        self.decided.pop(admission.curve, None)
        host = self.hosts.get(admission.curve)
        if host is None:
            self.hosts[admission.curve] = Host(admission=admission, record=record)
        else:
            self._names.pop(host.admission.host, None)
            host.admission, host.record = admission, record
        self._names[admission.host] = admission.curve
        self.mark(admission.curve)

    def decide(self, record: KeyRecord) -> None:
        """A key was rejected or revoked."""
        self.waiting.remove(record.curve)
        self.decided[record.curve] = record
        host = self.hosts.pop(record.curve, None)
        if record.state == Known.REVOKED.value:
            self._ended.add(record, self.policy, _sighting(record.curve, host) if host else None)
        if host is not None and self._names.get(host.admission.host) == record.curve:
            del self._names[host.admission.host]
        self.mark(record.curve)

    def ended(self) -> tuple[Ended, ...]:
        """Hosts whose key was revoked and whose name no other key has."""
        return tuple(self._ended.shown(self._names))

    def revoked(self) -> frozenset[bytes]:
        """Keys that get no connection any more."""
        return frozenset(key for key, record in self.decided.items() if record.state == Known.REVOKED.value)

    # --- releases ------------------------------------------------------------------------------------------

    def stored_head(self, scope: str) -> ScopeRecord:
        """The newest release of a scope that was taken in here."""
        return self._scopes.get(scope) or ScopeRecord(scope=scope, epoch=0, number=0, release=b"")

    def claimed_head(self, scope: str) -> ScopeRecord:
        """The newest release of a scope that hosts say they hold, if it is newer than what was taken in here."""
        stored = self.stored_head(scope)
        claim = self._claims.get(scope)
        return claim if claim and (claim.epoch, claim.number) > (stored.epoch, stored.number) else stored

    def published(self, scope: ScopeRecord, heads: Sequence[tuple[bytes, Head]]) -> None:
        """A release was committed; `heads` are its hosts and what each gets."""
        self._scopes[scope.scope] = scope
        for curve, head in heads:
            if host := self.hosts.get(curve):
                host.head, host.document = head, head.document
                self.mark(curve)

    # --- what hosts say --------------------------------------------------------------------------------------

    def heard(self, curve: bytes, *, policy_: int, scope: str, running: tuple[int, int, bytes]) -> bool:
        """A host gave a sign of life; whether it claims a release that this centre should know and does not.

        Args:
            curve: the host's key.
            policy_: the newest policy that it holds.
            scope: of the release that it holds. One that has just been moved holds a release of the scope that it
                left, and its number says nothing about the scope that it is in.
            running: epoch, number and hash of that release.
        """
        host = self.hosts.get(curve)
        if host is None:
            return False
        host.heard, host.heard_at = self._clock.wall(), self._clock.boottime()
        if running != host.running:
            host.progress = ""
        host.policy, host.running, host.scope = policy_, running, scope
        self.mark(curve)
        return scope == host.admission.scope and self._claim(scope, running)

    def _claim(self, scope: str, running: tuple[int, int, bytes]) -> bool:
        epoch, number, release = running
        stored, known = self.stored_head(scope), self.claimed_head(scope)
        if (epoch, number) <= (known.epoch, known.number) or epoch != self.policy.epoch(scope):
            return False
        if number > (stored.number if stored.epoch == epoch else 0) + HEARD_JUMP:
            return False
        self._claims[scope] = ScopeRecord(scope=scope, epoch=epoch, number=number, release=release)
        return True

    def reported(self, curve: bytes, summary: Summary) -> None:
        """A host's newest report was committed."""
        if host := self.hosts.get(curve):
            host.committed, host.summary, host.progress = summary.sequence, summary, ""
            if summary.question != host.reset[0]:
                host.reset = (b"", b"")  # it has taken it, or asks something else by now
            # A report does not say its scope, and numbers of two scopes do not compare: the one release that the host
            # is to have is told by its hash. What else a host holds it says itself within a beat.
            said = (summary.epoch, summary.number, summary.release)
            head = self.head(curve)
            if summary.outcome not in NOT_HELD and head and said == (head.epoch, head.number, head.release):
                host.running = said
            self.mark(curve)

    def progress(self, curve: bytes, text: str) -> None:
        """How far a host says it is."""
        if host := self.hosts.get(curve):
            host.progress = text
            self.mark(curve)

    def connected(self, curve: bytes, peer: bytes) -> bytes:
        """A host has a connection; the one that it had before, or nothing."""
        host = self.hosts.get(curve)
        if host is None:
            return b""
        before, host.peer = host.peer, peer
        host.heard, host.heard_at = self._clock.wall(), self._clock.boottime()
        self.mark(curve)
        return before if before != peer else b""

    def disconnected(self, curve: bytes, peer: bytes) -> None:
        """A connection is gone."""
        host = self.hosts.get(curve)
        if host is not None and host.peer == peer:
            host.peer, host.progress = b"", ""
            self.mark(curve)

    def is_connected(self, host: Host) -> bool:
        """Whether a host has a connection on which it was heard lately."""
        return bool(host.peer) and self._clock.boottime() - host.heard_at <= SILENT

    def sightings(self) -> Iterator[Sighting]:
        """When each host was heard, for the store."""
        for curve, host in self.hosts.items():
            if host.heard:
                yield _sighting(curve, host)
        yield from self._ended.sightings()

    # --- watchers ----------------------------------------------------------------------------------------------

    def watch(self) -> set[bytes]:
        """A set to which the key of every host that changes is added until `unwatch`; its owner empties it."""
        curves: set[bytes] = set()
        self._watchers.append(curves)
        return curves

    def unwatch(self, curves: set[bytes]) -> None:
        """Stop adding to a set of `watch`."""
        self._watchers = [item for item in self._watchers if item is not curves]

    def mark(self, curve: bytes) -> None:
        """A host changed."""
        for watched in self._watchers:
            watched.add(curve)


def _sighting(curve: bytes, host: Host) -> Sighting:
    epoch, number, release = host.running
    return Sighting(curve=curve, heard=host.heard, policy=host.policy, epoch=epoch, number=number, release=release)
