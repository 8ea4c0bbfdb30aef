"""Another program that is at work on packages: it holds dpkg's lock as apt and dpkg do.

Called by the system tests.
"""

from __future__ import annotations

import os
import signal
import subprocess

from tests.lab import command
from tests.lab.hosts import PATIENCE, Host, until

_HOLD = (
    "import fcntl, sys, time\n"
    "held = open(sys.argv[1], 'w')\n"
    "fcntl.lockf(held, fcntl.LOCK_EX)\n"
    "print('held', flush=True)\n"
    "time.sleep(1000)\n"
)


class Lock:
    """dpkg's lock of a host, taken and released when a test wants it."""

    def __init__(self, host: Host) -> None:
        """Hold nothing yet."""
        self._host = host
        self._holder: subprocess.Popen[bytes] | None = None

    def take(self) -> None:
        """Take it; whoever holds it is waited for."""
        log = self._host.folder / "log/lock.log"
        log.unlink(missing_ok=True)
        place = str(self._host.root / "var/lib/dpkg/lock-frontend")
        self._holder = command.spawn(self._host.enter([command.PYTHON, "-c", _HOLD, place]), log=log)
        until(lambda: "held" in self._host.log("lock"), what="the lock")

    def release(self) -> None:
        """Give it back; nothing happens if it is not held."""
        if self._holder is not None and self._holder.poll() is None:
            os.killpg(self._holder.pid, signal.SIGKILL)
            self._holder.wait(timeout=PATIENCE)
        self._holder = None
