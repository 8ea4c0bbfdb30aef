"""The one place that turns an error into text, hint and exit code.

Every class of `orch.common.errors` says who must act; here that becomes what a person reads and what a script gets.
"""

from __future__ import annotations

from orch.common import errors
from orch.master.cli.exits import Exit
from orch.master.cli.output import Output

_CODES: tuple[tuple[type[errors.OrchError], Exit], ...] = (
    (errors.UsageError, Exit.USAGE),
    (errors.EstateError, Exit.USAGE),
    (errors.NotAllowed, Exit.REFUSED),
    (errors.Refused, Exit.REFUSED),
    (errors.KeyFileError, Exit.REFUSED),
    (errors.StalePlan, Exit.REFUSED),
    (errors.Unreachable, Exit.UNREACHABLE),
)


def exit_code(error: errors.OrchError) -> Exit:
    """The exit code that an error ends the command with."""
    return next((code for cls, code in _CODES if isinstance(error, cls)), Exit.FAILED)


def show(error: errors.OrchError, output: Output) -> Exit:
    """Say on stderr what happened and what to do; return the exit code."""
    # An estate's error is laid out already, with file, line and column; a word in front would break its shape.
    output.problem(error.text, laid_out=isinstance(error, errors.EstateError))
    if error.hint:
        output.hint(error.hint)
    return exit_code(error)


def from_answer(code: str, text: str, hint: str) -> errors.OrchError:
    """The error that the centre answered with, as the class that its code names."""
    return errors.named(code)(text or f"the centre answered {code!r}", hint=hint)
