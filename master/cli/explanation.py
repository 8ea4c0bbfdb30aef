"""The text of `orch explain`, from a host's story (story.py) to lines."""

from __future__ import annotations

from orch.common import printable
from orch.common.report import Report, StepOutcome
from orch.master.cli import plans
from orch.master.cli.condition import Condition, condition, note, number, sign_of_life
from orch.master.cli.output import Output
from orch.master.cli.story import Story, who


def screen(output: Output, story: Story) -> list[str]:
    """`orch explain`."""
    row = story.row
    state = condition(row)
    reason = note(row)
    lines = [f"{row.host} is {output.sign(state.value)}{_since(story)}{': ' + reason if reason else ''}"]
    lines += _wanted(story)
    lines += _last(output, story)
    if row.drift and state is Condition.CONVERGED:
        lines.append(_line("drift", "something had been changed on the host since the turn before; it was put right"))
    lines.append(_line("listens", ", ".join(row.listeners) or "nowhere, but where the document allows it"))
    lines.append(_line("who can", who(story)))
    if output.verbose:
        lines += _document(story) + _earlier(output, story)
    return lines


def _line(label: str, text: str) -> str:
    return f"  {label:<10} {printable.one_line_coloured(text)}"


def _since(story: Story) -> str:
    row = story.row
    if condition(row) is Condition.REVOKED:
        return ""
    if condition(row) is Condition.OFFLINE:
        return (
            f", silent for {story.now.ago(sign_of_life(row))}"
            if sign_of_life(row)
            else ", never heard since this centre started"
        )
    same = 0
    for told in story.reports:
        if (told.report.outcome.value, told.report.number) != (row.outcome, row.wanted[1]):
            break
        same = told.report.time
    return f" since {story.now.ago(same)}" if same and row.outcome != "applied" else ""


def _wanted(story: Story) -> list[str]:
    row, release = story.row, story.release
    if row.revoked:
        return [
            _line(
                "revoked", f"{story.now.ago(row.revoked)} ago by {row.by}; it is let in no more, and runs on as it is"
            ),
            _line("had", f"release {number(row.running)}" if any(row.running) else "no release"),
        ]
    if release is None:
        return [_line("is to have", "nothing: no release names it yet")]
    by = " and ".join(story.signers)
    said = f', "{release.note}"' if release.note else ""
    lines = [
        _line(
            "is to have",
            f"release {number(row.wanted)} of {row.scope}, signed by {by} {story.now.ago(release.created)} ago{said}",
        ),
        _line("has", f"release {number(row.running)}" + (f", policy {row.policy}" if row.policy else "")),
    ]
    if story.now.time > release.expires:
        lines.append(
            _line("expired", f"{story.now.ago(release.expires)} ago: it changes nothing more until orch apply")
        )
    elif story.document is not None and story.document.commit:
        lines.append(
            _line("from", f"git {story.document.commit[:12]}{'+' if story.document.commit.endswith('+') else ''}")
        )
    return lines


def _last(output: Output, story: Story) -> list[str]:
    if not story.reports:
        return [_line("reported", "nothing yet")]
    told = story.reports[0]
    report = told.report
    about = f"release {report.epoch}:{report.number}" if report.number else "no release"
    doubt = "" if told.signed is not False else "  " + output.sign("! this report is not signed by the host's key")
    lines = [
        _line(
            "last turn",
            f"{story.now.ago(story.row.reported)} ago ({report.trigger.value}), {about}: {report.outcome.value}{doubt}",
        )
    ]
    if report.reason:
        lines.append(f"{'':13}{printable.hanging(report.reason.text, 13)}")
        lines += [f"{'':13}do: {printable.hanging(report.reason.hint, 17)}"] if report.reason.hint else []
    lines += _steps(output, story, report)
    if dropped := sum(item.report.dropped for item in story.reports):
        lines.append(_line("dropped", f"{dropped} reports never came: the host's outbox was full while it had no line"))
    if report.unlisted:
        shown = ", ".join(report.unlisted[:8]) + (" ..." if len(report.unlisted) > 8 else "")
        lines.append(_line("unlisted", f"{len(report.unlisted)} packages on no list were left: {shown}"))
    return lines


def _steps(output: Output, story: Story, report: Report) -> list[str]:
    origins = {item.resource: item.where for item in story.document.origins} if story.document else {}
    lines: list[str] = []
    for step in report.steps:
        if step.outcome is StepOutcome.SKIPPED:
            lines.append(f"{'':11}= {printable.one_line(step.resource)}: left out, as something that it needs failed")
        lines += [f"{'':9}{line}" for line in plans.step_lines(output, step)]
        if step.resource in origins and (step.changes or step.problem):
            lines.append(f"{'':13}written in {origins[step.resource]}")
    return lines


def _document(story: Story) -> list[str]:
    document = story.document
    if document is None:
        return []
    lines = ["", "its document, and where each part was written"]
    lines += [f"  {item.resource:<30} {item.where}" for item in document.origins]
    lines += [f"  list {item.name:<25} {item.size} bytes" for item in document.lists]
    return lines


def _earlier(output: Output, story: Story) -> list[str]:
    lines = ["", "earlier turns, the newest first"]
    for told in story.reports[1:]:
        report = told.report
        count = sum(len(step.changes) for step in report.steps)
        why = f": {printable.one_line(report.reason.text.partition(chr(10))[0])}" if report.reason else ""
        sign = "" if told.signed is not False else output.sign("  ! not signed by the host's key")
        lines.append(
            f"  {story.now.ago(report.time):>9} ago  {report.epoch}:{report.number}  {report.outcome.value:<10}"
            f" {count} changes{why}{sign}"
        )
    return lines if len(lines) > 2 else []
