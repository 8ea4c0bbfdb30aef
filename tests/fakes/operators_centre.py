"""A centre in memory, as the operator's commands see it (`line.Centre`), with hosts that do as the test says.

It verifies what comes in with the real verdicts where the command line must not get away with less: policies,
admissions, revocations, releases and plan requests. Hosts are real identities with real keys; they "apply" at once when
they are connected, unless the test says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import orch
from orch.common import attest, authority, codec, trust
from orch.common import operations as op
from orch.common.crypto import SigningKey, sha256
from orch.common.document import LIMIT, Document
from orch.common.envelope import open_envelope
from orch.common.errors import Refused, RolledBack, UsageError
from orch.common.identity import RESET_TYPE, REVOCATION_TYPE, Admission, Reset, Revocation
from orch.common.merkle import Tree, leaf
from orch.common.order import PLAN_TYPE, PlanRequest
from orch.common.policy import Policy
from orch.common.release import Parcel
from orch.common.report import (
    Outcome,
    PlanAnswer,
    Report,
    Trigger,
)
from tests.fakes.clock import ManualClock
from tests.fakes.operators_host import MOTD as MOTD  # noqa: PLC0414  whoever has a centre has its hosts
from tests.fakes.operators_host import FakeHost as FakeHost  # noqa: PLC0414

T = TypeVar("T")
ROOM = 1 << 24


class FakeCentre:
    """`line.Centre` without a line."""

    def __init__(self, clock: ManualClock, policies: list[bytes]) -> None:
        self.clock = clock
        self.policies = policies
        self.hosts: dict[bytes, FakeHost] = {}
        self.states: dict[bytes, str] = {}
        self.admissions: dict[bytes, bytes] = {}
        self.ended: dict[bytes, tuple[op.Row, bytes]] = {}  # revoked hosts: how they are shown, and the envelope
        self.blobs: dict[bytes, bytes] = {}
        self.documents: dict[bytes, bytes] = {}
        self.heads: dict[str, op.ScopeHead] = {}
        self.releases: list[bytes] = []
        self.rows: dict[bytes, op.Row] = {}
        self.wanted: dict[bytes, tuple[bytes, bytes]] = {}  # key to release's envelope and document
        self.past: dict[bytes, list[tuple[bytes, Parcel]]] = {}  # key to releases and parcels, newest last
        self.reports: dict[bytes, list[bytes]] = {}
        self.signed: dict[bytes, tuple[bytes, ...]] = {}  # what hosts reported of what they were given
        self.reported_as = ""  # what they say there, where it is not what the centre says
        self.resets: list[Reset] = []
        self.asked: list[str] = []
        self.reachable = True
        self.state: op.CentreState | None = None
        self.closed = 0
        self.on_ask: Callable[[str], None] = lambda _operation: None
        self.lie: Callable[[op.Row], op.Row] = lambda row: row  # what a stolen one says of a host
        self.ticks = 10_000
        """Seconds after which whoever still watches presses Ctrl-C."""

    # --- what a test does

    def knock(self, host: FakeHost) -> FakeHost:
        """A machine asks to be let in."""
        self.hosts[host.curve.public] = host
        self.states.setdefault(host.curve.public, "pending")
        return host

    @property
    def policy(self) -> Policy:
        """The one in force, verified from the first on."""
        pin = open_envelope(self.policies[0], type="orch/policy/1", limit=ROOM).hash
        current = trust.take_policy(None, self.policies[0], pinned=pin)
        for envelope in self.policies[1:]:
            current = trust.take_policy(current, envelope)
        return current

    # --- line.Centre

    def ask(self, operation: str, arguments: object, gives: type[T]) -> T:
        return next(item for item in self.stream(operation, arguments, gives) if item is not None)

    def stream(self, operation: str, arguments: object, gives: type[T]) -> Iterator[T | None]:
        wanted = op.OPERATIONS[operation]
        assert isinstance(arguments, wanted.takes), operation
        assert gives is wanted.gives, operation
        self.asked.append(operation)
        self.on_ask(operation)
        found = getattr(self, "_" + operation.replace(".", "_"))(arguments)
        for item in found if wanted.many else (found,):
            # By way of the codec, as everything on a line.
            yield None if item is None else codec.decode(gives, codec.encode(item), limit=ROOM)

    def close(self) -> None:
        self.closed += 1

    # --- the operations

    def _policy_get(self, after: op.After) -> op.Envelopes:
        first = self.policy.version - len(self.policies) + 1
        numbered = enumerate(self.policies, start=first)
        # Two at a time: the real one cuts its answers too, at another place.
        return op.Envelopes(tuple(item for version, item in numbered if version > after.version)[:2])

    def _policy_put(self, signed: op.Signed) -> op.Nothing:
        if trust.take_policy(self.policy, signed.envelope) != self.policy:
            self.policies.append(signed.envelope)
        return op.Nothing()

    def _scope_head(self, asked: op.ScopeAsked) -> op.ScopeHead:
        return self.heads.get(asked.scope, op.ScopeHead(0, 0, b""))

    def _blob_missing(self, hashes: op.Hashes) -> op.Hashes:
        return op.Hashes(tuple(item for item in hashes.hashes if sha256(self.blobs.get(item, b"?")) != item))

    def _blob_get(self, asked: op.ContentAsked) -> op.Content:
        if asked.sha256 not in self.blobs:
            raise Refused("there is no such content here")
        return op.Content(self.blobs[asked.sha256][asked.offset : asked.offset + 10])

    def _blob_put(self, piece: op.Piece) -> op.Nothing:
        so_far = self.blobs.get(piece.sha256, b"") if piece.offset else b""
        assert piece.offset == len(so_far)
        self.blobs[piece.sha256] = so_far + piece.data
        if len(self.blobs[piece.sha256]) == piece.size:
            assert sha256(self.blobs[piece.sha256]) == piece.sha256
        return op.Nothing()

    def _document_hold(self, held: op.Documents) -> op.Nothing:
        self.documents.update((sha256(item), item) for item in held.documents)
        return op.Nothing()

    def _release_put(self, publish: op.Publish) -> op.Published:
        release = trust.judge_author(self.policy, publish.release, now=self.clock.wall())
        head = self.heads.get(release.scope, op.ScopeHead(0, 0, b""))
        if (release.epoch, release.number) <= (head.epoch, head.number):
            raise RolledBack(f"release {release.number} where {head.number} is the newest")
        name = trust.endorsed(self.policy, publish.release).release_hash
        self.heads[release.scope] = op.ScopeHead(release.epoch, release.number, name)
        self.releases.append(publish.release)
        sent, tree = 0, Tree([leaf(self.documents[wanted]) for wanted in publish.documents])
        for index, wanted in enumerate(publish.documents):
            document = codec.decode(Document, self.documents[wanted], limit=LIMIT)
            assert all(item.sha256 in self.blobs for item in document.lists), "a release before its contents"
            self.wanted[document.curve] = (publish.release, self.documents[wanted])
            parcel = Parcel(release=publish.release, document=self.documents[wanted], proof=tree.proof(index))
            self.past.setdefault(document.curve, []).append((name, parcel))
            self._give(document.curve, (release.epoch, release.number), name)
            sent += self.hosts[document.curve].connected
        return op.Published(hosts=len(publish.documents), sent=sent)

    def _give(self, curve: bytes, number: tuple[int, int], name: bytes) -> None:
        host, before = self.hosts[curve], self._row(curve)
        answers = host.connected and host.outcome
        if answers:
            self.signed[curve] = (self._report(host, number, name),)
        self.rows[curve] = replace(
            before,
            wanted=number,
            wanted_release=name,
            running=number if answers == "applied" else before.running,
            outcome=host.outcome if host.connected else "",
            text=host.text,
            code="step-failed" if answers == "failed" else "",
            changes=1 if answers else 0,
            reported=self.clock.wall() if answers else before.reported,
        )

    def _report(self, host: FakeHost, number: tuple[int, int], name: bytes) -> bytes:
        made = Report(
            host=host.name,
            curve=host.curve.public,
            boot=bytes(16),
            sequence=1,
            previous=b"",
            time=self.clock.wall(),
            trigger=Trigger.RELEASE,
            epoch=number[0],
            number=number[1],
            release=name,
            document=bytes(32),
            outcome=Outcome(self.reported_as or host.outcome),
        )
        return attest.sign_report(made, SigningKey.generate() if host.forges else host.sign)

    def _plan_ask(self, asked: op.AskPlan) -> Iterator[op.PlanItem | None]:
        opened = open_envelope(asked.request, type=PLAN_TYPE, limit=ROOM)
        authority.askers(self.policy, opened)
        request = codec.decode(PlanRequest, opened.body, limit=ROOM)
        for wanted in asked.documents:
            document = codec.decode(Document, self.documents[wanted], limit=LIMIT)
            host = self.hosts[document.curve]
            state = op.PlanState.ASKED if host.connected else op.PlanState.OFFLINE
            yield op.PlanItem(host=host.name, curve=document.curve, state=state, seen=host.heard)
            if host.connected and host.outcome:
                yield op.PlanItem(
                    host=host.name,
                    curve=document.curve,
                    state=op.PlanState.ANSWERED,
                    envelope=self._plan(host, request.id, wanted),
                )
        yield from self._ticks()

    def _plan(self, host: FakeHost, request: bytes, document: bytes) -> bytes:
        answer = PlanAnswer(
            host=host.name,
            curve=host.curve.public,
            request=request,
            time=self.clock.wall(),
            document=document,
            steps=() if host.reason else host.plan,
            reason=host.reason,
        )
        return attest.sign_plan_answer(answer, SigningKey.generate() if host.forges else host.sign)

    def _ticks(self) -> Iterator[None]:
        for _ in range(self.ticks):
            self.clock.advance(1)
            yield None
        raise KeyboardInterrupt

    def _key_list(self, _nothing: op.Nothing) -> Iterator[op.KeyRows]:
        rows = [
            op.KeyRow(
                curve=curve,
                state=state,
                request=self.hosts[curve].request if curve in self.hosts else b"",
                admission=self.admissions.get(curve, b""),
                first=self.clock.wall() - 60,
                last=self.clock.wall(),
                address="192.0.2.1",
            )
            for curve, state in self.states.items()
        ]
        yield op.KeyRows(tuple(rows))

    def _key_admit(self, signed: op.Signed) -> op.Nothing:
        now = self.clock.wall()
        admission = trust.take_admission(self.policy, signed.envelope, mine=None, current=None, now=now)
        self.admissions[admission.curve] = signed.envelope
        self.states[admission.curve] = "admitted"
        return op.Nothing()

    def _key_reject(self, asked: op.KeyAsked) -> op.Nothing:
        self.states[asked.curve] = "rejected"
        return op.Nothing()

    def _key_revoke(self, signed: op.Signed) -> op.Nothing:
        opened = open_envelope(signed.envelope, type=REVOCATION_TYPE, limit=ROOM)
        found = codec.decode(Revocation, opened.body, limit=ROOM)
        trust.take_revocation(self.policy, signed.envelope, admission=None, now=self.clock.wall())
        self.states[found.curve] = "revoked"
        if found.curve in self.admissions:
            row = replace(self._row(found.curve), connected=False, text=found.reason, revoked=found.issued, by="anna")
            self.ended[found.curve] = (row, signed.envelope)
        self.admissions.pop(found.curve, None)
        return op.Nothing()

    def _key_reset(self, signed: op.Signed) -> op.Nothing:
        opened = open_envelope(signed.envelope, type=RESET_TYPE, limit=ROOM)
        found = codec.decode(Reset, opened.body, limit=ROOM)
        opened = open_envelope(self.admissions[found.curve], type="orch/admission/1", limit=ROOM)
        me = codec.decode(Admission, opened.body, limit=ROOM)
        now = self.clock.wall()
        self.resets.append(trust.take_reset(self.policy, signed.envelope, me=me, nonce=found.nonce, now=now))
        return op.Nothing()

    def _row(self, curve: bytes) -> op.Row:
        host, envelope = self.hosts[curve], self.admissions[curve]
        opened = open_envelope(envelope, type="orch/admission/1", limit=ROOM)
        me = codec.decode(Admission, opened.body, limit=ROOM)
        row = self.rows.get(curve) or op.Row(
            host=me.host,
            curve=curve,
            scope=me.scope,
            ring=me.ring,
            connected=host.connected,
            heard=host.heard,
            policy=self.policy.version,
            wanted=(0, 0),
            running=(0, 0),
        )
        return self.lie(replace(row, connected=host.connected, heard=host.heard, scope=me.scope, ring=me.ring))

    def _view(self) -> op.View:
        rows = tuple(self._row(curve) for curve in sorted(self.admissions))
        names = {row.host for row in rows}
        rows += tuple(row for row, _envelope in self.ended.values() if row.host not in names)
        return op.View(
            estate=self.policy.estate,
            policy=self.policy.version,
            time=self.clock.wall(),
            since=self.clock.wall() - 3600,
            total=len(rows),
            rows=rows,
        )

    def _centre_get(self, _nothing: op.Nothing) -> op.CentreState:
        return self.state or op.CentreState(
            version=orch.__version__,
            time=self.clock.wall(),
            free=50 << 30,
            size=100 << 30,
            contents=1 << 20,
            contents_limit=20 << 30,
        )

    def _status_get(self, _nothing: op.Nothing) -> Iterator[op.View]:
        yield self._view()

    def _status_watch(self, _nothing: op.Nothing) -> Iterator[op.View | None]:
        before = self._view()
        yield before
        for _tick in self._ticks():
            self.on_ask("status.tick")
            after = self._view()
            changed = tuple(row for row in after.rows if row not in before.rows)
            yield replace(after, rows=changed) if changed else None
            before = after

    def _past(self, host: str) -> list[tuple[bytes, Parcel]]:
        for curve in self.admissions:
            if self._row(curve).host == host:
                return self.past.get(curve, [])
        raise UsageError(f"the centre knows no host {host}")

    def _host_history(self, asked: op.HistoryAsked) -> op.History:
        found = [op.PastRelease(release=one.release, received=self.clock.wall()) for _, one in self._past(asked.host)]
        return op.History(tuple(reversed(found))[: asked.most])

    def _host_document(self, asked: op.DocumentAsked) -> Parcel:
        for name, parcel in self._past(asked.host):
            if name == asked.release:
                return parcel
        raise UsageError(f"the centre keeps no such release of {asked.host}")

    def _report_put(self, carried: op.Carried) -> op.Received:
        opened = open_envelope(self.admissions[carried.curve], type="orch/admission/1", limit=ROOM)
        me = codec.decode(Admission, opened.body, limit=ROOM)
        kept = self.reports.setdefault(carried.curve, [])  # the newest first
        made = [(trust.judge_report(me, envelope).sequence, envelope) for envelope in carried.reports]
        new = [envelope for sequence, envelope in made if sequence > len(kept)]
        kept[:0] = reversed(new)
        return op.Received(new=len(new), upto=len(kept))

    def _host_reports(self, asked: op.ReportsAsked) -> op.Reports:
        for curve in self.admissions:
            if self._row(curve).host == asked.host:
                kept = self.reports.get(curve, [])[::-1]
                # Two at a time: the real one cuts its answers too, at another place.
                return op.Reports(tuple(kept[asked.after : asked.after + 2]))
        raise UsageError(f"the centre knows no host {asked.host}")

    def _audit_list(self, _nothing: op.Nothing) -> Iterator[op.AuditRows]:
        kinds = {
            "policy": self.policies,
            "admission": list(self.admissions.values()),
            "revocation": [envelope for _row, envelope in self.ended.values()],
            "release": self.releases,
        }
        yield op.AuditRows(
            tuple(op.AuditRow(kind=kind, envelope=item) for kind, kept in kinds.items() for item in kept)
        )

    def _host_explain(self, asked: op.HostAsked) -> op.Detail:
        for curve in self.admissions:
            row = self._row(curve)
            if row.host == asked.host:
                release, document = self.wanted.get(curve, (b"", b""))
                reports = tuple(self.reports.get(curve, self.signed.get(curve, ()))) if asked.reports else ()
                return op.Detail(time=self.clock.wall(), row=row, reports=reports, release=release, document=document)
        for row, envelope in self.ended.values():
            if row.host == asked.host:
                return op.Detail(time=self.clock.wall(), row=row, reports=(), revocation=envelope)
        raise UsageError(f"the centre knows no host {asked.host}")
