"""`orch lint`: everything that is wrong in the estate's files, with file, line and column."""

from __future__ import annotations

import click

from orch.master.cli import secret_lint
from orch.master.cli.context import folder_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand, output_of, surroundings_of
from orch.master.cli.output import Each
from orch.master.estate import loader
from orch.master.estate.diagnostics import Diagnostic, Severity, render, summary


@click.command(cls=ReadingCommand)
@click.option("--strict", is_flag=True, help="End 2 for warnings, too.")
@click.pass_context
def lint(context: click.Context, *, strict: bool) -> None:
    """Check all files of the estate; ends 2 where one has an error. Needs neither keys nor the centre."""
    output = output_of(context)
    folder = folder_of(context)
    path = folder.path
    found = loader.examine(path)
    more = secret_lint.look(folder, found.estate, now=surroundings_of(context).clock.wall())
    diagnostics = tuple(sorted((*found.diagnostics, *more), key=lambda item: (item.file, item.line, item.column)))
    wrong = any(item.severity is Severity.ERROR or strict for item in diagnostics)
    if output.structured:
        findings = [_data(item) for item in diagnostics]
        output.data(
            "orch/lint/1",
            {"estate": str(path), "files": found.files, "findings": findings, "ok": not wrong},
            each=Each("findings"),
        )
    else:
        if diagnostics:
            output.lines([render(diagnostics), ""])
        output.lines([summary(diagnostics, files=found.files)])
        output.next("mend the first of them, then: orch lint" if wrong else "orch plan")
    context.exit(Exit.USAGE if wrong else Exit.DONE)


def _data(item: Diagnostic) -> dict[str, str | int]:
    return {
        "severity": item.severity.value,
        "file": item.file,
        "line": item.line,
        "column": item.column,
        "text": item.text,
        "help": item.help,
    }
