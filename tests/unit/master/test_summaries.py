"""Summaries of reports: what was written is read at the next start, whatever a host reports."""

from __future__ import annotations

from orch.common import codec
from orch.common.report import LIMIT, Outcome, Reason, Report, Trigger
from orch.master.collector import _summarised
from orch.master.records import Summary
from orch.master.store_jobs import SUMMARY_LIMIT


def test_the_largest_summary_is_read_back() -> None:
    wide = "\U0001f600"
    made = Report(
        host="library/dom0",
        curve=bytes(32),
        boot=bytes(16),
        sequence=1,
        previous=b"",
        time=0,
        trigger=Trigger.TIMER,
        epoch=1,
        number=2,
        release=b"",
        document=b"",
        outcome=Outcome.WAITING,
        reason=Reason(code=wide * 300, text=wide * 8000, hint=wide * 300),
        listeners=(wide * 300,) * 256,
        refused="policy",
    )
    report = codec.decode(Report, codec.encode(made), limit=LIMIT)
    kept = codec.encode(_summarised(report, 1))
    assert codec.decode(Summary, kept, limit=SUMMARY_LIMIT).listeners == report.listeners
