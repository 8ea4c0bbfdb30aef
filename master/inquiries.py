"""What operators ask to see: the handlers of the operations that change nothing.

Invariants:
- nothing here reads the disk in the loop: status comes from memory, reports from the store's reader;
- a watcher gets each host's newest row, never a queue of old ones, at most twice a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orch import __version__
from orch.common import operations as op
from orch.common.errors import ProtocolError, UsageError
from orch.common.messages import FRAME_LIMIT
from orch.common.release import Parcel
from orch.master import queries
from orch.master.blobs import Room
from orch.master.centre import Centre
from orch.master.desk import Asked, Desk, Handler
from orch.master.ended import Ended
from orch.master.roster import Host

PACE = 0.5
"""Seconds between two answers to one watcher."""
WATCHES = 4
"""Watches of one connection."""
REPORTS = 20
"""Newest reports in `host.explain`."""
HISTORY = 200
"""Releases in `host.history`."""
ENVELOPES = FRAME_LIMIT - 100_000
"""Bytes of envelopes in one answer, the rest is room for what is beside them."""
BESIDE = 24_000
"""Bytes in `host.explain` for what is no envelope and no document; the largest of those leave as much."""


@dataclass(slots=True)
class _Watch:
    """Somebody who watches: what changed since the last answer, and when the next is due."""

    asked: Asked
    changed: set[bytes]
    due: float


def _idle(watch: _Watch) -> bool:
    """Whether the line has taken all that it was told before."""
    return not watch.asked.line.out and watch.asked.line.stuck is None


class Inquiries:
    """The handlers."""

    def __init__(self, centre: Centre, desk: Desk) -> None:
        """Nobody watches yet."""
        self._centre = centre
        self._desk = desk
        self._watches: list[_Watch] = []

    def handlers(self) -> Mapping[str, Handler]:
        """Operation to handler."""
        return {
            "policy.get": self._policy_get,
            "scope.head": self._scope_head,
            "blob.missing": self._blob_missing,
            "blob.get": self._blob_get,
            "key.list": lambda asked: self._desk.stream(asked, queries.keys(self._centre.roster)),
            "centre.get": self._centre_get,
            "status.get": lambda asked: self._desk.stream(asked, self._views()),
            "status.watch": self._status_watch,
            "host.explain": self._host_explain,
            "host.history": self._host_history,
            "host.document": self._host_document,
            "host.reports": self._host_reports,
            "audit.list": self._audit_list,
        }

    def _policy_get(self, asked: Asked) -> None:
        found = self._centre.roster.policies_after(asked.read(op.After).version)
        envelopes: list[bytes] = []
        room = ENVELOPES
        for _version, envelope in found[:64]:
            room -= len(envelope)
            if room < 0:
                break  # the caller asks again, after the last of these
            envelopes.append(envelope)
        self._desk.reply(asked, op.Envelopes(tuple(envelopes)))

    def _scope_head(self, asked: Asked) -> None:
        scope = asked.read(op.ScopeAsked).scope
        head, stored = self._centre.roster.claimed_head(scope), self._centre.roster.stored_head(scope)
        told = op.ScopeHead(epoch=head.epoch, number=head.number, release=head.release, claimed=head != stored)
        self._desk.reply(asked, told)

    def _blob_missing(self, asked: Asked) -> None:
        hashes = asked.read(op.Hashes).hashes
        now = self._centre.clock.wall()
        self._centre.disk.ask(
            lambda: self._centre.blobs.missing(hashes, now=now),
            lambda lacking: self._desk.reply(asked, op.Hashes(lacking)),
            lambda err: self._desk.refuse(asked, err),
        )

    def _blob_get(self, asked: Asked) -> None:
        wanted = asked.read(op.ContentAsked)
        self._centre.disk.ask(
            lambda: self._centre.blobs.part(wanted.sha256, wanted.offset),
            lambda data: self._desk.reply(asked, op.Content(data)),
            lambda err: self._desk.refuse(asked, err),
        )

    def _centre_get(self, asked: Asked) -> None:
        def told(room: Room) -> None:
            state = op.CentreState(
                version=__version__,
                time=self._centre.clock.wall(),
                free=room.free,
                size=room.size,
                contents=room.used,
                contents_limit=room.quota,
            )
            self._desk.reply(asked, state)

        self._centre.disk.ask(self._centre.blobs.room, told, lambda err: self._desk.refuse(asked, err))

    # --- status ------------------------------------------------------------------------------------------------

    def _views(self, curves: set[bytes] | None = None) -> Iterator[op.View]:
        return queries.views(self._centre.roster, self._centre.clock, since=self._centre.started, curves=curves)

    def _status_watch(self, asked: Asked) -> None:
        if sum(1 for watch in self._watches if watch.asked.line is asked.line) >= WATCHES:
            raise ProtocolError(f"more than {WATCHES} watches on one connection")
        watch = _Watch(asked, self._centre.roster.watch(), self._centre.clock.boottime() + PACE)
        self._watches.append(watch)
        asked.line.at_end.append(lambda: self._unwatch(watch))
        self._desk.stream(asked, self._views(), final=False)

    def _unwatch(self, watch: _Watch) -> None:
        self._watches = [other for other in self._watches if other is not watch]
        self._centre.roster.unwatch(watch.changed)

    def due(self) -> float:
        """When the next watcher is to be told something, on the boot's clock; infinity where nobody is."""
        return min((watch.due for watch in self._watches if watch.changed and _idle(watch)), default=float("inf"))

    def tick(self) -> None:
        """Tell watchers what changed."""
        now = self._centre.clock.boottime()
        for watch in self._watches:
            if watch.changed and now >= watch.due and _idle(watch):
                watch.due = now + PACE
                curves = set(watch.changed)
                watch.changed.clear()
                self._desk.stream(watch.asked, self._views(curves), final=False)

    # --- one host ------------------------------------------------------------------------------------------------

    def _host_explain(self, asked: Asked) -> None:
        wanted = asked.read(op.HostAsked)
        name = wanted.host
        host = self._centre.roster.named(name)
        if host is None:
            self._explain_ended(asked, name)
            return
        head = self._centre.roster.head(host.admission.curve)
        parcel = head.parcel if head else None
        release, document = (parcel.release, parcel.document) if parcel else (b"", b"")
        if not wanted.reports:
            self._desk.reply(asked, self._detail(host, (), parcel))
            return
        room = FRAME_LIMIT - BESIDE - len(release) - len(document)
        self._centre.store.newest_reports(
            host.admission.curve,
            (REPORTS, room),
            lambda reports: self._desk.reply(asked, self._detail(host, reports, parcel)),
            lambda err: self._desk.refuse(asked, err),
        )

    def _explain_ended(self, asked: Asked, name: str) -> None:
        """Of a revoked host the last reports are still here."""
        ended = self._ended(name)

        def told(reports: tuple[bytes, ...]) -> None:
            row, now = queries.ended_row(ended), self._centre.clock.wall()
            self._desk.reply(asked, op.Detail(time=now, row=row, reports=reports, revocation=ended.envelope))

        self._centre.store.newest_reports(
            ended.revocation.curve, (REPORTS, ENVELOPES), told, lambda err: self._desk.refuse(asked, err)
        )

    def _ended(self, name: str) -> Ended:
        ended = next((item for item in self._centre.roster.ended() if item.revocation.host == name), None)
        if ended is None:
            raise UsageError(f"the centre knows no host {name}", hint="see: orch status, orch key list")
        return ended

    def _curve(self, name: str) -> bytes:
        host = self._centre.roster.named(name)
        return host.admission.curve if host else self._ended(name).revocation.curve

    def _host_history(self, asked: Asked) -> None:
        wanted = asked.read(op.HistoryAsked)
        self._centre.store.history(
            self._curve(wanted.host),
            (max(1, min(wanted.most, HISTORY)), ENVELOPES),
            lambda found: self._desk.reply(
                asked, op.History(tuple(op.PastRelease(release=one, received=when) for one, when in found))
            ),
            lambda err: self._desk.refuse(asked, err),
        )

    def _host_document(self, asked: Asked) -> None:
        wanted = asked.read(op.DocumentAsked)
        curve = self._curve(wanted.host)

        def found(parcel: Parcel | None) -> None:
            if parcel is None:
                hint = f"see which it keeps: orch doc history {wanted.host}"
                self._desk.refuse(asked, UsageError(f"the centre keeps no such release of {wanted.host}", hint=hint))
            else:
                self._desk.reply(asked, parcel)

        self._centre.store.parcel(curve, wanted.release, found, lambda err: self._desk.refuse(asked, err))

    def _host_reports(self, asked: Asked) -> None:
        wanted = asked.read(op.ReportsAsked)
        self._centre.store.reports_after(
            self._curve(wanted.host),
            wanted.after,
            (op.ROWS, ENVELOPES),
            lambda found: self._desk.reply(asked, op.Reports(found)),
            lambda err: self._desk.refuse(asked, err),
        )

    def _audit_list(self, asked: Asked) -> None:
        self._centre.store.signed(
            lambda found: self._desk.stream(asked, queries.audit(found)), lambda err: self._desk.refuse(asked, err)
        )

    def _detail(self, host: Host, reports: tuple[bytes, ...], parcel: Parcel | None) -> op.Detail:
        return op.Detail(
            time=self._centre.clock.wall(),
            row=queries.within(queries.row(self._centre.roster, host), BESIDE - 2000),
            reports=reports,
            release=parcel.release if parcel else b"",
            document=parcel.document if parcel else b"",
        )
