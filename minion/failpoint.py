"""Places where a test may end the process: `ORCH_FAILPOINT=after-floor=kill`.

Read once, at the start; without the variable nothing happens anywhere. Each durable step of the executor has a place,
so that "killed exactly here" is a test case and not a matter of luck.

Refuses to do: anything but end the process as a power cut would, without clean-up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final, Protocol

from orch.common.errors import SettingsError

AFTER_PARCEL: Final = "after-parcel"
AFTER_FLOOR: Final = "after-floor"
AFTER_RUN: Final = "after-run"
AFTER_STEP_START: Final = "after-step-start"
AFTER_STEP: Final = "after-step"
AFTER_STEP_END: Final = "after-step-end"
BEFORE_REPORT: Final = "before-report"
AFTER_REPORT: Final = "after-report"
AFTER_SEND: Final = "after-send"
BEFORE_FORGET: Final = "before-forget"
PLACES: Final = (
    AFTER_PARCEL,
    AFTER_FLOOR,
    AFTER_RUN,
    AFTER_STEP_START,
    AFTER_STEP,
    AFTER_STEP_END,
    BEFORE_REPORT,
    AFTER_REPORT,
    AFTER_SEND,
    BEFORE_FORGET,
)
VARIABLE: Final = "ORCH_FAILPOINT"


class Failpoints(Protocol):
    """Told when a place is reached."""

    def reached(self, place: str) -> None:
        """Go on, or never come back."""


class NoFailpoints:
    """The one that is used outside tests."""

    def reached(self, place: str) -> None:
        """Go on."""


class KillAt:
    """Ends the process at one place, the n-th time that it is reached."""

    def __init__(self, place: str, *, times: int = 1, end: Callable[[], None] | None = None) -> None:
        """Wait for `place`; `end` is for tests that want to see it happen."""
        self._place = place
        self._left = times
        self._end = end or _kill

    def reached(self, place: str) -> None:
        """End the process, if it is this place's time."""
        if place != self._place:
            return
        self._left -= 1
        if self._left == 0:
            self._end()


def parse(text: str) -> Failpoints:
    """Read `place=kill` or `place=kill:3`; an empty text is no failpoint.

    Raises:
        SettingsError: no such place or action.
    """
    if not text:
        return NoFailpoints()
    place, _, action = text.partition("=")
    word, _, times = action.partition(":")
    if place not in PLACES or word != "kill" or not (times or "1").isdigit():
        raise SettingsError(f"{VARIABLE}={text} is none of: {', '.join(PLACES)}, each with =kill or =kill:N")
    return KillAt(place, times=int(times or "1"))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
