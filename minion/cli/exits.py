"""Exit codes: the same numbers as `orch` uses, and errors as people see them."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Final

from orch.common import printable
from orch.common.errors import NotAllowed, OrchError, Refused, SettingsError, Unreachable, UsageError


class Exit(IntEnum):
    """What a command's end means to a script."""

    DONE = 0  # nothing is different
    FAILED = 1
    USAGE = 2
    DIFFERENT = 3  # `plan` found something to do
    REFUSED = 5
    UNREACHABLE = 6
    INTERRUPTED = 130


_CODES: Final[tuple[tuple[type[OrchError], Exit], ...]] = (
    (UsageError, Exit.USAGE),
    (SettingsError, Exit.USAGE),
    (NotAllowed, Exit.REFUSED),
    (Refused, Exit.REFUSED),
    (Unreachable, Exit.UNREACHABLE),
    (OrchError, Exit.FAILED),
)


def code_of(err: OrchError) -> Exit:
    """The code with which a command ends for an error."""
    return next(code for cls, code in _CODES if isinstance(err, cls))


def tell(err: OrchError) -> None:
    """Say on stderr what happened and what to do."""
    print(f"orch-minion: {printable.harmless(err.text)}", file=sys.stderr)
    if err.hint:
        print(f"  {printable.harmless(err.hint)}", file=sys.stderr)
