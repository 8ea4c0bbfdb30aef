"""What the exit code of `orch` says; scripts may rely on it (design section 9)."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """One number for each kind of end."""

    DONE = 0  # done, or nothing is different
    FAILED = 1  # something failed
    USAGE = 2  # the command or a file of the estate is wrong
    DIFFERENT = 3  # there are differences (plan, status --exit-code)
    UNCONFIRMED = 4  # accepted, but not every host has confirmed it in time
    REFUSED = 5  # signature, policy or access refuse it
    UNREACHABLE = 6  # the centre does not answer
    INTERRUPTED = 130  # Ctrl-C
    UNREAD = 141  # whoever read stdout has gone, as after SIGPIPE
