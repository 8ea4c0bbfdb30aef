"""How plans are shown: the lines of a host, identical hosts folded, what could not be asked, totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.common.report import Change, PlanAnswer, Sign, StepReport
from orch.master.cli.output import Data, Output

_KINDS = {"package": "pkg"}
FOLD = 3
"""Hosts with the same plan from which on they fold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came back from a round of questions."""

    answers: Mapping[str, PlanAnswer]
    offline: Mapping[str, int]  # when each was heard last
    late: tuple[str, ...]
    doubtful: Mapping[str, str]
    left_out: tuple[str, ...]  # not admitted, or not as the files say: there is no document for them
    now: int


def changes(answers: Iterable[PlanAnswer]) -> list[Change]:
    """Every change of every host."""
    return [change for answer in answers for step in answer.steps for change in step.changes]


def screen(output: Output, found: Found, *, estate: str) -> list[str]:
    """`orch plan`."""
    head = f"{estate} · {len(found.answers)} of {_all(found)} hosts said what they would do with your files"
    lines = [] if output.quiet else [head, ""]
    same: dict[tuple[StepReport, ...], list[str]] = {}
    for host in sorted(found.answers):
        if not found.answers[host].reason:
            same.setdefault(_content(found.answers[host].steps), []).append(host)
    for steps, hosts in sorted(same.items(), key=lambda item: item[1]):
        lines += _plan(output, steps, hosts)
    lines += _exceptions(output, found)
    lines.append(_total(found))
    return lines


def _all(found: Found) -> int:
    return len(found.answers) + len(found.offline) + len(found.late) + len(found.doubtful) + len(found.left_out)


def _content(steps: tuple[StepReport, ...]) -> tuple[StepReport, ...]:
    """Steps without what differs between hosts that would do the same."""
    return tuple(replace(step, milliseconds=0) for step in steps)


def _plan(output: Output, steps: tuple[StepReport, ...], hosts: list[str]) -> list[str]:
    count = sum(len(step.changes) for step in steps)
    if not count and not any(step.problem for step in steps):
        return [] if output.quiet else [output.sign("✓ ") + f"{names(output, hosts)}: nothing to change", ""]
    shown = heads(output, hosts, f"the same {count} changes")
    return [*shown, *(line for step in steps for line in step_lines(output, step)), ""]


def names(output: Output, hosts: Sequence[str]) -> str:
    """A few hosts by name, many by their number."""
    return ", ".join(hosts) if len(hosts) < FOLD or output.verbose else f"{len(hosts)} hosts"


def heads(output: Output, hosts: Sequence[str], what: str) -> list[str]:
    """The lines above what holds for several hosts alike."""
    if len(hosts) < FOLD:
        return list(hosts)
    sites = len({host.partition("/")[0] for host in hosts})
    told = "" if output.verbose else " (-v names them)"
    return [
        f"{len(hosts)} hosts at {sites} sites: {what}{told}",
        *(f"  {host}" for host in hosts if output.verbose),
    ]


def step_lines(output: Output, step: StepReport) -> list[str]:
    """The changes of a step, as in a plan and in a report."""
    lines = [output.change("  " + change_line(change)) for change in step.changes]
    if step.problem:
        lines.append(output.sign("✗ ").join(["  ", printable.hanging(step.problem, 6)]))
        if step.hint:
            lines.append(f"      do: {printable.hanging(step.hint, 10)}")
    return lines


def change_line(change: Change) -> str:
    """`+ pkg smartmontools 7.3-1`, `~ file /etc/motd`, `- pkg telnet 0.17-44`."""
    kind = _KINDS.get(change.kind, change.kind)
    values = " → ".join(part for part in (change.before, change.after) if part)
    if change.sign is Sign.ADD:
        values = change.after
    elif change.sign is Sign.REMOVE:
        values = change.before
    words = [change.sign.value, kind, change.name, values]
    line = " ".join(word for word in words if word)
    # All of it is the host's own words: what it says in one line stays in one.
    return printable.one_line(f"{line}    {change.why}" if change.why else line)


def _exceptions(output: Output, found: Found) -> list[str]:
    lines: list[str] = []
    for host, answer in sorted(found.answers.items()):
        if answer.reason:
            lines.append(output.sign(f"✗ {host}") + f": {printable.hanging(answer.reason.text, 4)}")
            lines += [f"    do: {printable.hanging(answer.reason.hint, 8)}"] if answer.reason.hint else []
    for host, why in sorted(found.doubtful.items()):
        lines.append(output.sign(f"✗ {host}") + f": its answer cannot be believed: {printable.one_line(why)}")
    for host, seen in sorted(found.offline.items()):
        since = f"for {ago(found.now - seen)}" if seen else "and was not heard since the centre started"
        lines.append(output.sign(f"? {host}") + f": offline {since}; not waited for")
    for host in found.late:
        lines.append(output.sign(f"? {host}") + ": did not answer in time (--timeout)")
    return [*lines, ""] if lines else []


def _total(found: Found) -> str:
    every = changes(found.answers.values())
    if not every:
        if found.left_out and len(found.left_out) == _all(found):
            return "Plan: no host was asked"
        silent = found.offline or found.late or found.doubtful or found.left_out
        return "Plan: nothing to change" + (" where an answer came" if silent else "")
    touched = sum(bool(changes([answer])) for answer in found.answers.values())
    counted = Counter((change.kind, change.sign) for change in every)
    packages = [counted["package", sign] for sign in (Sign.ADD, Sign.CHANGE, Sign.REMOVE)]
    parts = [f"{touched} host{'' if touched == 1 else 's'}"]
    if any(packages):
        parts.append(f"packages: {packages[0]} to add, {packages[1]} to change, {packages[2]} to remove")
    for kind in sorted({change.kind for change in every} - {"package"}):
        total = sum(counted[kind, sign] for sign in Sign)
        parts.append(f"{total} {printable.one_line(kind)}{'' if total == 1 else 's'}")
    return "Plan: " + " · ".join(parts)


def data(found: Found, *, estate: str) -> dict[str, Data]:
    """For scripts."""
    hosts: list[Data] = [
        {
            "host": host,
            "state": "failed" if answer.reason else "answered",
            "reason": {"code": answer.reason.code, "text": answer.reason.text} if answer.reason else None,
            "document": answer.document.hex(),
            "steps": [step_data(step) for step in answer.steps],
        }
        for host, answer in sorted(found.answers.items())
    ]
    hosts += [
        {"host": host, "state": "offline", "heard": rfc3339(seen) if seen else None}
        for host, seen in sorted(found.offline.items())
    ]
    hosts += [{"host": host, "state": "late"} for host in found.late]
    hosts += [{"host": host, "state": "doubtful", "text": why} for host, why in sorted(found.doubtful.items())]
    hosts += [{"host": host, "state": "left-out"} for host in found.left_out]
    return {
        "estate": estate,
        "time": rfc3339(found.now),
        "hosts": hosts,
        "changes": len(changes(found.answers.values())),
    }


def step_data(step: StepReport) -> dict[str, Data]:
    """A step for scripts."""
    return {
        "resource": step.resource,
        "outcome": step.outcome.value,
        "changes": [
            {
                "sign": change.sign.value,
                "kind": change.kind,
                "name": change.name,
                "before": change.before,
                "after": change.after,
                "why": change.why,
            }
            for change in step.changes
        ],
        "problem": step.problem or None,
        "hint": step.hint or None,
        "milliseconds": step.milliseconds,
    }
