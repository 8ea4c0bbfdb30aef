"""What people see: rows of hosts, keys and one host in full, made of the roster's memory.

Read-only. Everything comes in pages that fit in one message, as iterators, so that ten thousand rows are made page by
page while the line takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from orch.common import operations as op
from orch.common.clock import Clock
from orch.common.messages import FRAME_LIMIT
from orch.common.session import Known
from orch.master.ended import Ended
from orch.master.records import KeyRecord
from orch.master.roster import Host, Roster

PAGE = FRAME_LIMIT * 3 // 4
"""Bytes of one page as estimated; the rest is room for what the estimate does not know."""
SHORT = 2000
"""Letters of a text where there is little room."""
T = TypeVar("T")


def row(roster: Roster, host: Host) -> op.Row:
    """One host as the centre knows it now."""
    head = roster.head(host.admission.curve)
    summary = host.summary
    wanted = (head.epoch, head.number, head.release) if head else (0, 0, b"")
    # A report that could not be read is about nothing, and must be seen all the same.
    about = summary is not None and ((summary.epoch, summary.number, summary.release) == wanted or not summary.outcome)
    return op.Row(
        host=host.admission.host,
        curve=host.admission.curve,
        scope=host.admission.scope,
        ring=host.admission.ring,
        connected=roster.is_connected(host),
        heard=host.heard,
        policy=host.policy,
        wanted=wanted[:2],
        wanted_release=wanted[2],
        running=host.running[:2],
        outcome=summary.outcome if summary and about else "",
        code=summary.code if summary and about else "",
        text=summary.text if summary and about else "",
        reported=summary.received if summary else 0,
        sequence=host.committed,
        changes=summary.changes if summary else 0,
        drift=summary.drift if summary else False,
        listeners=summary.listeners if summary else (),
        progress=host.progress,
        warning=summary.warning if summary else "",
        warned=summary.warned if summary else 0,
        # Only numbers of one scope compare: a host that was moved holds one of the scope that it left.
        ahead=host.scope == host.admission.scope and host.running[:2] > wanted[:2],
    )


def ended_row(ended: Ended) -> op.Row:
    """A host whose key was revoked: what was heard last, and what the revocation says."""
    revocation, last = ended.revocation, ended.last
    return op.Row(
        host=revocation.host,
        curve=revocation.curve,
        scope=ended.scope,
        ring=ended.ring,
        connected=False,
        heard=last.heard if last else 0,
        policy=last.policy if last else 0,
        wanted=(0, 0),
        running=(last.epoch, last.number) if last else (0, 0),
        text=revocation.reason,
        revoked=revocation.issued,
        by=ended.by[:300],
    )


def views(roster: Roster, clock: Clock, *, since: int, curves: Collection[bytes] | None = None) -> Iterator[op.View]:
    """Pages of rows: of all hosts by name, then of revoked ones; or of those with the given keys. At least one page."""
    ended = roster.ended()
    if curves is None:
        hosts = sorted(roster.hosts.values(), key=lambda host: host.admission.host)
    else:
        hosts = [host for curve in curves if (host := roster.hosts.get(curve))]
    total = len(roster.hosts) + len(ended)
    told = (ended_row(item) for item in ended if curves is None or item.revocation.curve in curves)
    for rows in pages(chain((row(roster, host) for host in hosts), told), _row_size):
        yield op.View(
            estate=roster.policy.estate,
            policy=roster.policy.version,
            time=clock.wall(),
            since=since,
            total=total,
            rows=rows,
        )


def keys(roster: Roster) -> Iterator[op.KeyRows]:
    """Pages of keys: who waits first, then everybody that was decided on."""
    for rows in pages(_keys(roster), _key_size):
        yield op.KeyRows(rows=rows)


def _keys(roster: Roster) -> Iterator[op.KeyRow]:
    for waiting in roster.waiting.all():
        yield op.KeyRow(
            curve=waiting.curve,
            state=Known.PENDING.value,
            request=waiting.request,
            first=waiting.first,
            last=waiting.last,
            address=waiting.address,
        )
    for host in roster.hosts.values():
        yield _decided(host.record, last=max(host.heard, host.record.last))
    for record in roster.decided.values():
        yield _decided(record, last=record.last)


def _decided(record: KeyRecord, *, last: int) -> op.KeyRow:
    return op.KeyRow(
        curve=record.curve,
        state=record.state,
        request=record.request,
        admission=record.admission,
        first=record.first,
        last=last,
    )


def pages(items: Iterable[T], size: Callable[[T], int]) -> Iterator[tuple[T, ...]]:
    """Cut items into pages that fit in one message; one empty page where there are none."""
    page: list[T] = []
    used, any_page = 0, False
    for item in items:
        needs = size(item)
        if page and (len(page) >= op.ROWS or used + needs > PAGE):
            yield tuple(page)
            page, used, any_page = [], 0, True
        page.append(item)
        used += needs
    if page or not any_page:
        yield tuple(page)


def audit(signed: Iterable[tuple[str, bytes]]) -> Iterator[op.AuditRows]:
    """Pages of what operators signed."""
    made = (op.AuditRow(kind=kind, envelope=envelope) for kind, envelope in signed)
    for rows in pages(made, lambda item: 50 + len(item.envelope)):
        yield op.AuditRows(rows=rows)


def within(item: op.Row, most: int) -> op.Row:
    """The same row in about so many bytes: with fewer of its listeners, and the beginning of its text."""
    while item.listeners and _row_size(item) > most:
        item = replace(item, listeners=item.listeners[: len(item.listeners) // 2])
    return item if _row_size(item) <= most else replace(item, text=item.text[:SHORT])


def _row_size(item: op.Row) -> int:
    texts = (item.text, item.progress, *item.listeners)
    return 1000 + sum(4 * len(text) + 4 for text in texts)


def _key_size(item: op.KeyRow) -> int:
    return 600 + len(item.request) + len(item.admission)
