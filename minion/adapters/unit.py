"""The fetcher as a unit of its own: systemd starts it for whoever connects to its socket.

It has its own user and its own sandbox. The executor's filters let nobody near a network, and a child inherits them.

What is wanted goes over the socket; what the fetcher says comes back over it, and last, as a line that systemd has the
unit write when everything is over, how it ended (packaging/debian/orch-fetcher@.service).

Refuses to do: believe that it went well because the connection ended. Without the last line it did not.

Invariants:
- a fetch that takes too long, says too much or stands in a release's way is ended: the unit is told to stop;
- a unit that dies, or that systemd cannot start, is an end like every other.

Called by rsync.py, through its `Fetcher` port, where the socket is there.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orch.common.errors import Blocked, StepFailed
from orch.minion.adapters.process import OUTPUT, Call, Result, Runner

STOP: Final = ("systemctl", "stop", "orch-fetcher@*.service")
_LAST: Final = re.compile(rb"(?:^|\n)orch-fetcher ended: ([a-z-]*) ([a-z]*) ([A-Z0-9]*)\n$")
_LOOK: Final = 0.2
_STOPPING: Final = 60.0


class UnitFetcher:
    """Fetches by systemd."""

    def __init__(self, door: Path, runner: Runner, *, leave: Callable[[], bool] = lambda: False) -> None:
        """Connect to this socket; `runner` is for telling the unit to stop, `leave` says that something goes first."""
        self._door, self._runner, self._leave = door, runner, leave

    def fetch(self, want: bytes, *, seconds: float) -> Result:
        """Have it fetched."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as line:
            try:
                line.connect(str(self._door))
                line.sendall(want)
                line.shutdown(socket.SHUT_WR)
            except OSError as err:
                raise StepFailed(f"the fetcher's unit does not take it: {err.strerror}") from err
            try:
                said = self._said(line, time.monotonic() + seconds)
            except BaseException:
                self._runner.run(Call(argv=STOP, timeout=_STOPPING))
                raise
        return _result(said)

    def _said(self, line: socket.socket, deadline: float) -> bytes:
        said = bytearray()
        poller = select.poll()
        poller.register(line, select.POLLIN)
        while True:
            if self._leave():
                raise Blocked("the fetch was ended: a release that came goes first")
            if time.monotonic() > deadline:
                raise StepFailed(f"the fetch was not done in time\n{_text(said[-500:])}")
            if len(said) > OUTPUT:
                raise StepFailed(f"the fetcher said more than {OUTPUT} bytes")
            if not poller.poll(_LOOK * 1000):
                continue
            try:
                data = line.recv(65536)
            except OSError as err:
                raise StepFailed(f"the fetcher's unit broke off: {err.strerror}") from err
            if not data:
                return bytes(said)
            said += data


def _result(said: bytes) -> Result:
    found = _LAST.search(said)
    if found is None:
        raise StepFailed(f"the fetcher's unit broke off\n{_text(said[-500:])}")
    result, how, status = (word.decode() for word in found.groups())
    words = _text(said[: found.start()])
    if how == "exited" and status.isdecimal():
        return Result(code=int(status), out="", err=words)
    raise StepFailed(f"the fetcher was ended by systemd: {result} {status}\n{words[-500:]}")


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")
