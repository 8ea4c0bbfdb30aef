"""How answers look: for people as text, for programs as JSON. A host has neither rich nor yaml.

What the centre, a document or a package said never moves root's cursor and never begins a line of its own.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from enum import Enum

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.common.report import Change, Outcome, Reason, StepOutcome, StepReport
from orch.minion.channel import REFUSED
from orch.minion.onsite import TURNED_AWAY, HostExplanation, HostPlan, HostStatus

_SIGNS = {
    Outcome.APPLIED.value: "✓",
    Outcome.FAILED.value: "✗",
    Outcome.WAITING.value: "=",
    Outcome.REFUSED.value: "✗",
    Outcome.SUPERSEDED.value: "↻",
}
_TIMES = {"time", "since", "at", "next", "expires"}


def as_json(schema: str, found: object) -> str:
    """One JSON object: `schema`, then the fields. Bytes are hexadecimal, times RFC 3339 (0: null)."""
    return printable.in_json(json.dumps({"schema": schema, **_fields(found)}, indent=2, ensure_ascii=False))


def _fields(value: object) -> dict[str, object]:
    if not dataclasses.is_dataclass(value):
        raise TypeError(value)
    return {field.name: _plain(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(name: str, value: object) -> object:
    if name in _TIMES and isinstance(value, int):
        return rfc3339(value) if value else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain("", item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    return value


def status(found: HostStatus) -> str:
    """One screen."""
    rows = [
        ("release", _release(found)),
        ("outcome", _outcome(found)),
        *([("", found.reason.text)] if found.reason and found.outcome != Outcome.APPLIED.value else []),
        ("doing", found.doing or "nothing"),
        ("centre", _centre(found)),
        ("policy", f"{found.policy}" + (f", scope {found.scope}, ring {found.ring}" if found.scope else "")),
        ("reports", f"{found.reports} made, {found.committed} committed at the centre"),
        ("services", "none in this version"),
        ("listeners", ", ".join(found.listeners) or "none"),
        *([("unlisted", ", ".join(found.unlisted))] if found.unlisted else []),
        *([("refused", f"{found.refused.code}: {found.refused.text}")] if found.refused else []),
        ("next look", f"in {ago(found.next - found.time)}" if found.next > found.time else "now"),
    ]
    lines = [printable.one_line(f"{found.host} of {found.estate}"), ""]
    lines += [f"  {name:<10} {printable.hanging(text, 13)}" for name, text in rows]
    return "\n".join([*lines, "", "next: orch-minion explain"])


def _release(found: HostStatus) -> str:
    if not found.number:
        return "none yet"
    parts = [f"{found.number} (epoch {found.epoch})", found.release[:6].hex()]
    if found.commit:
        parts.append(f"git {found.commit[:12]}")
    if found.waiting:
        parts.append(f"{found.waiting} waits for its go")
    if found.permission != "everything":
        parts.append("heals only: too old, or no proof that it is the newest")
    return ", ".join(parts)


def _outcome(found: HostStatus) -> str:
    if not found.outcome:
        return "none yet"
    sign = _SIGNS.get(found.outcome, "?")
    return f"{sign} {found.outcome}, {ago(found.time - found.at)} ago ({found.trigger})"


def _centre(found: HostStatus) -> str:
    since = ago(found.time - found.since)
    if not found.centre and found.denied:
        return f"✗ turned away for {since}, it said: {found.denied}"
    if not found.centre and found.lost == REFUSED:
        return f"✗ {TURNED_AWAY}, for {since}"
    if not found.centre:
        return f"? not reached for {since}"
    return f"{found.centre}, connected {since}" + (f", {found.standing}" if found.standing else "")


def plan(found: HostPlan) -> str:
    """The changes, one a line."""
    lines = [f"{found.host}, towards release {found.number} (epoch {found.epoch})"]
    for step in found.steps:
        lines += [f"  {_change(change)}" for change in step.changes]
    lines += _reason(found.reason)
    if not found.steps and found.reason is None:
        lines.append("  nothing is different")
    count = sum(len(step.changes) for step in found.steps)
    return "\n".join([*lines, "", f"Plan: {count} changes" if count != 1 else "Plan: 1 change"])


def explanation(found: HostExplanation) -> str:
    """Sentences, the newest steps, and what to do."""
    lines = [printable.one_line(f"{found.status.host} of {found.status.estate}")]
    lines += [f"  {printable.hanging(text, 4)}" for text in found.because]
    if found.steps:
        lines += ["", "newest steps:", *(f"  {line}" for step in found.steps for line in _step(step))]
    if found.do:
        lines += ["", "what to do:", *(f"  {printable.hanging(text, 4)}" for text in found.do)]
    return "\n".join(lines)


def _step(step: StepReport) -> Iterator[str]:
    sign = {StepOutcome.DONE: "✓", StepOutcome.FAILED: "✗", StepOutcome.SKIPPED: "="}[step.outcome]
    yield f"{sign} {printable.one_line(step.resource)}" + (
        f": {printable.hanging(step.problem, 6)}" if step.problem else ""
    )
    for change in step.changes:
        yield f"    {_change(change)}"


def _change(change: Change) -> str:
    versions = " → ".join(part for part in (change.before, change.after) if part)
    words = (change.sign.value, change.kind, change.name, versions, f"({change.why})" if change.why else "")
    return printable.one_line(" ".join(word for word in words if word))


def _reason(reason: Reason | None) -> list[str]:
    if reason is None:
        return []
    return [
        f"  ! {printable.one_line(reason.code)}: {printable.hanging(reason.text, 4)}",
        *([f"    {printable.hanging(reason.hint, 4)}"] if reason.hint else []),
    ]
