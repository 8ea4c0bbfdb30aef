"""Takes reports in: in order, once, acknowledged after the commit and never before.

Invariants:
- of each host only the report after the last one is taken. What comes too early is left alone: it is not acknowledged,
  so the host sends it again in its place;
- the first report on a connection is the oldest that the host still has (session.py sends in order). If that is further
  on, what lies between was acknowledged by a centre whose database was lost: it is the new base, and the gap is kept
  with it. So a centre that comes back from an old backup does not block its hosts for ever;
- when a batch fails, nothing after it can pass it by: the store checks that each host's reports go on where its last
  one ended (store_jobs.put_reports);
- a report that cannot be read is kept as bytes: a host must be able to get rid of it;
- that a host refuses the release that it is to have, or waits with it, is known until it says something else of that
  release: turns of the one that it still holds do not hide it;
- a host that sends more than its share in an hour waits.

Signatures of what a host sends are not checked here but in an audit: the connection's key is the identity (design
section 3). What an operator hands over (`carry`) comes on his connection, so there the host's signature is the
identity; and it must go on where the last one ended, as nobody knows what a carrier may have left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from orch.common import trust
from orch.common.clock import Clock
from orch.common.errors import Malformed, Mislabelled, OrchError, ProtocolError, Refused
from orch.common.identity import Admission
from orch.common.report import LIMIT, Outcome, Report
from orch.master.adapters.mailbox import Fail, Then
from orch.master.publisher import HostLine
from orch.master.records import NewReport, Summary
from orch.master.roster import Roster

HOUR = 3600.0
OVERHEAD = 4096
LEAST = 4096
"""Bytes that a report counts for at least: many small ones cost as much as few large ones."""
_NOT_BEGUN = frozenset({Outcome.REFUSED.value, Outcome.WAITING.value})
"""Answers to a release that the host does not act on, or not yet: it still acts on the one that it holds."""
LOST = "its record of what it had accepted is lost: it takes no release until it is reset"


class Keeper(Protocol):
    """What is used of the store."""

    def put_reports(self, reports: Sequence[NewReport], keep: int, then: Then[None], fail: Fail) -> None:
        """Commit them all or none; refuse those that do not follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many bytes of reports a host may send in an hour, and how many reports of it are kept."""

    size: int
    keep: int


@dataclass(slots=True)
class _Window:
    """How far a host's reports are taken (some still on their way to the disk), and what it used of its share."""

    upto: int
    since: float
    summary: Summary | None
    used: int = 0


class Collector:
    """Reports on their way to the store."""

    def __init__(self, roster: Roster, store: Keeper, clock: Clock, share: Share) -> None:
        """Nothing is under way."""
        self._roster = roster
        self._store = store
        self._clock = clock
        self._share = share
        self._windows: dict[bytes, _Window] = {}
        self._turn: list[NewReport] = []
        self._carriers: list[tuple[Callable[[], None], Fail]] = []

    def take(self, line: HostLine, sequence: int, envelope: bytes) -> bool:
        """A report came; whether it is taken. `flush` hands it to the store.

        Raises:
            ProtocolError: it speaks for another host, or is larger than reports are.
        """
        if len(envelope) > LIMIT + OVERHEAD:
            raise ProtocolError(f"a report of {len(envelope)} bytes")
        first, line.reported = not line.reported, True
        window = self._window(line.key)
        expected = window.upto + 1
        if sequence < expected or (sequence > expected and not first):
            return False
        if not self._has_share(window, max(LEAST, len(envelope))):
            # It was refused here, not lost before: the host has it, and what follows it has to wait.
            return False
        self._add(line.key, window, envelope, made=_summary(line.key, sequence, envelope, now=self._clock.wall()))
        return True

    def carry(self, me: Admission, envelopes: Sequence[bytes], then: Callable[[int, int], None], fail: Fail) -> None:
        """Reports of this host that somebody hands over, in their order.

        A report whose number is here already is not compared with it: what is here stays.

        Args:
            me: the host.
            envelopes: what it signed.
            then: told how many were new, and up to which number all are here, when that is committed.
            fail: told why it is not.

        Raises:
            Malformed: one of them is no report, or larger than reports are. None was taken, as with all that follow.
            BadSignature: one of them is not signed by this host.
            Mislabelled: one of them is of another host.
            Refused: reports before them are missing here.
        """
        window = self._window(me.curve)
        found = [(trust.judge_report(me, envelope), envelope) for envelope in envelopes]
        new = [(report, envelope) for report, envelope in found if report.sequence > window.upto]
        for expected, (report, _envelope) in enumerate(new, start=window.upto + 1):
            if report.sequence != expected:
                hint = "have the host export its results anew, or wait for its line: it sends what is missing"
                raise Refused(f"{me.host}: report {expected} is missing before {report.sequence}", hint=hint)
        now = self._clock.wall()
        for report, envelope in new:
            self._add(me.curve, window, envelope, made=_summarised(report, now))
        upto = window.upto
        if new:
            self._carriers.append((lambda: then(len(new), upto), fail))
        else:
            then(0, self._roster.committed(me.curve))

    def _add(self, curve: bytes, window: _Window, envelope: bytes, *, made: Summary) -> None:
        if self._is_about_its_state(curve, made):
            summary = self._with_open_answer(curve, window.summary, made)
        else:
            summary = _warned(window.summary, made)
        if summary.question:
            summary = replace(summary, warning=LOST, warned=summary.warned or made.received)
        gap = made.sequence - window.upto - 1
        self._turn.append(NewReport(curve=curve, sequence=made.sequence, gap=gap, envelope=envelope, summary=summary))
        window.upto, window.summary = made.sequence, summary

    def flush(self, then: Callable[[bytes, int], None], fail: Callable[[OrchError, frozenset[bytes]], None]) -> int:
        """Hand this turn's reports to the store; how many.

        Args:
            then: called with key and sequence for each host after the commit.
            fail: called with the error and the keys whose connections must begin anew, as a base was lost with it.
        """
        if not self._turn:
            return 0
        reports, self._turn = tuple(self._turn), []
        carriers, self._carriers = self._carriers, []
        newest = {item.curve: item for item in reports}

        def committed(_nothing: None) -> None:
            for curve, item in newest.items():
                self._roster.reported(curve, item.summary)
                then(curve, item.sequence)
            for done, _fail in carriers:
                done()

        def failed(err: OrchError) -> None:
            for curve in newest:
                # Start again from what is committed; the hosts repeat the rest.
                self._windows.pop(curve, None)
            fail(err, frozenset(item.curve for item in reports if item.gap))
            for _done, told in carriers:
                told(err)

        self._store.put_reports(reports, self._share.keep, committed, failed)
        return len(reports)

    def forget(self, curve: bytes) -> None:
        """A key is revoked."""
        self._windows.pop(curve, None)

    def _window(self, curve: bytes) -> _Window:
        window = self._windows.get(curve)
        if window is None:
            host = self._roster.hosts.get(curve)
            window = _Window(self._roster.committed(curve), self._clock.boottime(), host.summary if host else None)
            self._windows[curve] = window
        return window

    def _is_about_its_state(self, curve: bytes, made: Summary) -> bool:
        """Whether a report says how the host is; a refusal does so only if it is of the release that it is to have."""
        if made.outcome != Outcome.REFUSED.value:
            return True
        return not made.warning and self._is_wanted(curve, made)

    def _is_wanted(self, curve: bytes, summary: Summary) -> bool:
        head = self._roster.head(curve)
        return head is not None and (summary.epoch, summary.number, summary.release) == (
            head.epoch,
            head.number,
            head.release,
        )

    def _with_open_answer(self, curve: bytes, before: Summary | None, made: Summary) -> Summary:
        """A report that says how the host is, with the host's word on the release that it is to have.

        A host that has refused that one, or waits with it, goes on with the one that it holds, and reports its turns.
        """
        if before is None or not made.outcome or before.outcome not in _NOT_BEGUN:
            return made
        if not self._is_wanted(curve, before) or self._is_wanted(curve, made):
            return made
        return replace(
            made,
            epoch=before.epoch,
            number=before.number,
            release=before.release,
            outcome=before.outcome,
            code=before.code,
            text=before.text,
        )

    def _has_share(self, window: _Window, size: int) -> bool:
        now = self._clock.boottime()
        if now - window.since >= HOUR:
            window.since, window.used = now, 0
        if window.used + size > self._share.size:
            return False
        window.used += size
        return True


def _summary(curve: bytes, sequence: int, envelope: bytes, *, now: int) -> Summary:
    try:
        report = trust.read_report(envelope)
    except (Malformed, Mislabelled) as err:
        return Summary(
            sequence=sequence, received=now, epoch=0, number=0, release=b"", outcome="", code=err.code, text=err.text
        )
    if (report.curve, report.sequence) != (curve, sequence):
        raise ProtocolError("a report that speaks for another host or another turn")
    return _summarised(report, now)


def _warned(before: Summary | None, made: Summary) -> Summary:
    """How the host was before, and that it has refused something since."""
    base = before or Summary(sequence=0, received=0, epoch=0, number=0, release=b"", outcome="")
    warning = made.warning or f"refused release {made.epoch}:{made.number}: {made.text}"
    return replace(base, sequence=made.sequence, warning=warning[:300], warned=made.received, question=made.question)


def _summarised(report: Report, now: int) -> Summary:
    failed = next((step for step in report.steps if step.problem), None)
    return Summary(
        sequence=report.sequence,
        received=now,
        epoch=report.epoch,
        number=report.number,
        release=report.release,
        outcome=report.outcome.value,
        code=report.reason.code if report.reason else "",
        text=report.reason.text if report.reason else failed.problem if failed else "",
        changes=sum(len(step.changes) for step in report.steps),
        drift=report.drift,
        listeners=report.listeners,
        warning=f"refused {report.reason.text}"[:300]
        if report.reason and report.refused not in ("", "release")
        else "",
        question=report.question,
    )
