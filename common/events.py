"""What happens in a daemon, as words that do not change: an event is a constant with named fields, never prose.

One line an event: `2026-11-22T21:04:05Z release-taken epoch=1 number=4 release=9f3c1e2a8b7d`. Whoever greps, counts or
alarms can rely on names and fields; sentences for people are made elsewhere (reports, screens).

Refuses to do: carry secrets (no field here is one), log in several levels, or keep anything.

Invariants:
- a field that the event does not declare is a bug and raises;
- a value never breaks the line: blanks, quotes and control characters are written as a JSON text;
- bytes are shown as the first twelve hex digits, as everywhere in orch.

Written by minion and master through a `Log` that their `__main__` hands them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol, TextIO, TypeAlias

from orch.common.clock import Clock, rfc3339

Value: TypeAlias = "str | int | bytes"

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+,*~%()\[\]-]+")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of thing that happens: its name, and the fields that tell one from the other."""

    name: str
    fields: tuple[str, ...] = ()


class Log(Protocol):
    """Where a daemon says what happened."""

    def write(self, event: Event, **values: Value) -> None:
        """Say that it happened now.

        Raises:
            ValueError: a field that the event does not declare: a mistake in the program.
        """


class LineLog:
    """One line an event to a stream, flushed: a service manager or a file keeps it."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        """Write to the stream, with this clock's time."""
        self._stream = stream
        self._clock = clock

    def write(self, event: Event, **values: Value) -> None:
        """Say that it happened now."""
        self._stream.write(f"{rfc3339(self._clock.wall())} {line(event, values)}\n")
        self._stream.flush()


def line(event: Event, values: dict[str, Value]) -> str:
    """The event as text without its time.

    Raises:
        ValueError: a field that the event does not declare.
    """
    if unknown := [name for name in values if name not in event.fields]:
        raise ValueError(f"{event.name} has no field {', '.join(unknown)}")
    shown = [f"{name}={_shown(values[name])}" for name in event.fields if name in values]
    return " ".join([event.name, *shown])


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return value[:6].hex() or "-"
    if isinstance(value, int):
        return str(value)
    text = value if len(value) <= _LONGEST else value[: _LONGEST - 3] + "..."
    return (
        text if _PLAIN.fullmatch(text) else json.dumps(text).replace("\x7f", "\\u007f")
    )  # the one control character that JSON leaves


# --- every daemon -----------------------------------------------------------------------------------

STARTED = Event("started", ("daemon", "version", "pid"))
STOPPED = Event("stopped", ("daemon",))
PROBLEM = Event("problem", ("code", "text", "hint"))
"""An error that did not end the daemon."""

# --- a host: the line ---------------------------------------------------------------------------------

DIALLING = Event("dialling", ("address",))
CONNECTED = Event("connected", ("address",))
DISCONNECTED = Event("disconnected", ("reason", "retry"))
CENTRE_SAYS = Event("centre-says", ("word",))
"""How this host stands there: pending, admitted, or the reason of a denial."""

# --- a host: what it is told --------------------------------------------------------------------------

POLICY_TAKEN = Event("policy-taken", ("version",))
ADMITTED = Event("admitted", ("host", "scope", "ring", "serial"))
RELEASE_TAKEN = Event("release-taken", ("epoch", "number", "release", "document"))
REFUSED = Event("refused", ("what", "code", "text", "epoch", "number", "release"))
"""A signed thing was checked and is not accepted; `what` is its kind, `code` the error's."""
FRESH = Event("fresh", ("epoch", "number", "time"))
PLAN_ASKED = Event("plan-asked", ("request", "document"))
PLAN_ANSWERED = Event("plan-answered", ("request", "steps", "code"))
RESET_TAKEN = Event("reset-taken", ("epoch", "number"))
FLOOR_SLOT_BAD = Event("floor-slot-bad", ("slot", "reason"))

# --- a host: what it does -----------------------------------------------------------------------------

TURN_STARTED = Event("turn-started", ("trigger", "epoch", "number", "permission"))
TURN_ENDED = Event("turn-ended", ("trigger", "outcome", "steps", "code", "text"))
TURN_UNCHANGED = Event("turn-unchanged", ("trigger",))
STEP_STARTED = Event("step-started", ("index", "of", "resource"))
STEP_ENDED = Event("step-ended", ("index", "of", "resource", "outcome", "changes", "milliseconds", "problem"))
FETCH_STARTED = Event("fetch-started", ("document", "lacking", "size"))
FETCH_ENDED = Event("fetch-ended", ("document", "got", "code", "text"))
RUN_INTERRUPTED = Event("run-interrupted", ("run", "trigger", "steps"))
REPORT_KEPT = Event("report-kept", ("sequence", "outcome"))
REPORTS_SENT = Event("reports-sent", ("first", "last"))
REPORTS_COMMITTED = Event("reports-committed", ("sequence",))
