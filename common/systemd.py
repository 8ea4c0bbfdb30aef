"""The only door to systemd: it is told that a daemon is ready and alive, and its journal what happened.

Both are datagrams to a Unix socket that systemd names in the environment (sd_notify(3)) or holds ready (the journal's
native protocol). Nothing is read from either.

Refuses to do: wait for systemd, fail because of it, or need it. Where it is not there, a `Notifier` says nothing and
the log goes to stderr as lines.

Invariants:
- `ready` is said once, by whoever knows that the daemon serves: never because it was merely started;
- a watchdog's beat comes from the loop that it watches, and not more often than four times in its interval;
- what the journal does not take at once goes to stderr: no event is lost for want of a socket;
- a value is a field's value whatever it holds: one with a line end is sent by its length.

Called by the daemons' outermost functions, which hand the parts on.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TextIO

from orch.common.clock import Clock
from orch.common.events import PROBLEM, REFUSED, Event, LineLog, Log, Value, line

JOURNAL: Final = Path("/run/systemd/journal/socket")
_WARNING: Final = frozenset({PROBLEM.name, REFUSED.name})
_BEATS: Final = 4


class Notifier:
    """What systemd is told of a daemon; says nothing where nobody asked for it."""

    def __init__(self, clock: Clock, environment: Mapping[str, str] | None = None) -> None:
        """Where to tell it, and how often, stands in the environment; without one there is nobody to tell."""
        given = environment or {}
        self._clock = clock
        self._address = _address(given.get("NOTIFY_SOCKET", ""))
        self._every = _interval(given) / _BEATS
        self._next = 0.0
        self._was_ready = False
        self._status = ""

    def ready(self) -> None:
        """The daemon serves; the first call counts."""
        if not self._was_ready:
            self._was_ready = True
            self._tell("READY=1")

    def status(self, text: str) -> None:
        """How it is, in a line for `systemctl status`."""
        text = " ".join(text.split())[:200]
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={text}")

    def alive(self) -> None:
        """The loop has turned."""
        now = self._clock.boottime()
        if self._every and now >= self._next:
            self._next = now + self._every
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The daemon ends by itself, in good order, and no watchdog shall look at it any more."""
        self._tell("STOPPING=1")

    def turning(self, stopping: Callable[[], bool]) -> Callable[[], bool]:
        """A loop's own question whether to stop, which tells on the way that the loop has come round again."""

        def asked() -> bool:
            if stopping():
                self.stopping()
                return True
            self.ready()
            self.alive()
            return False

        return asked

    def _tell(self, text: str) -> None:
        if self._address:
            _send(self._address, text.encode())


class JournalLog:
    """Events as entries of the journal, each with its fields: `journalctl ORCH_EVENT=problem`."""

    def __init__(self, name: str, otherwise: Log, path: Path = JOURNAL) -> None:
        """Write as `name`; what the journal does not take is written to `otherwise`."""
        self._name = name
        self._otherwise = otherwise
        self._path = path

    def write(self, event: Event, **values: Value) -> None:
        """Say that it happened now."""
        fields = {
            "MESSAGE": line(event, values),
            "PRIORITY": "4" if event.name in _WARNING else "6",
            "SYSLOG_IDENTIFIER": self._name,
            "ORCH_EVENT": event.name,
            **{f"ORCH_{name.upper()}": _text(value) for name, value in values.items()},
        }
        if not _send(str(self._path), b"".join(_field(name, value) for name, value in fields.items())):
            self._otherwise.write(event, **values)


def log(name: str, stream: TextIO, clock: Clock) -> Log:
    """The journal where systemd has connected the stream to it; lines on the stream everywhere else."""
    lines = LineLog(stream, clock)
    return JournalLog(name, lines) if _is_journal(stream, os.environ.get("JOURNAL_STREAM", "")) else lines


def _is_journal(stream: TextIO, said: str) -> bool:
    """Whether the stream is still the one that systemd has named: a child's may be another (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except OSError:
        return False
    return said == f"{found.st_dev}:{found.st_ino}"


def _address(path: str) -> str:
    """A socket's address; a name that begins with `@` is one of Linux's abstract ones."""
    return "\0" + path[1:] if path.startswith("@") else path


def _interval(environment: Mapping[str, str]) -> float:
    """Seconds in which a watchdog wants to hear from this very process; 0 where none does."""
    microseconds, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or whose not in ("", str(os.getpid())):
        return 0.0
    return int(microseconds) / 1e6


def _send(address: str, data: bytes) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
        end.setblocking(False)
        end.sendto(data, address)
        return True
    return False


def _text(value: Value) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"
