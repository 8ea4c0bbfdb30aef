"""Which programs does a daemon start? The kernel is asked, through strace: nothing is too short-lived to be seen.

    with Trace(host, "executor") as trace:
        ...
    assert trace.programs() == []

Called by the system tests.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import command
from tests.lab.hosts import PATIENCE, Host, until

_CALL = re.compile(r"execve(?:at)?\([^\"]*\"([^\"]+)\"(.*)$", re.MULTILINE)


class Trace:
    """Watches one daemon of a host with all that it starts; made by `with`."""

    def __init__(self, host: Host, daemon: str) -> None:
        """Watch nothing yet."""
        self._pid = host.pid(daemon)
        self._file = host.folder / f"{daemon}.strace"
        self._strace: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Attach to every thread of the daemon."""
        self._file.unlink(missing_ok=True)
        options = ["-f", "-q", "-e", "trace=execve,execveat", "-e", "signal=none", "-o", str(self._file)]
        self._strace = command.spawn(["strace", *options, "-p", str(self._pid)], log=self._file.with_suffix(".log"))
        until(self._attached, what="strace to watch the daemon")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it; what it was in the middle of goes on."""
        if self._strace is not None and self._strace.poll() is None:
            os.kill(self._strace.pid, signal.SIGINT)
            self._strace.wait(timeout=PATIENCE)

    def programs(self) -> list[str]:
        """The names of the programs that were started, in order; tries along PATH that found nothing do not count."""
        text = self._file.read_text("utf-8", "replace")
        return [Path(path).name for path, rest in _CALL.findall(text) if " = -1 " not in rest]

    def _attached(self) -> bool:
        if self._strace is None or self._strace.poll() is not None:
            raise AssertionError("strace ended at once: " + self._file.with_suffix(".log").read_text("utf-8"))
        threads = Path(f"/proc/{self._pid}/task").iterdir()
        return all(f"TracerPid:\t{self._strace.pid}\n" in (thread / "status").read_text() for thread in threads)
