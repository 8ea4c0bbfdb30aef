"""Processes at the centre: the door to `subprocess`. There is one kind: rsync, talking over pipes that never block.

Refuses to do: run a shell, pass on this process's environment, or wait.

Invariants:
- the argument list is the caller's constant; the program is an absolute path;
- a child gets no descriptor but its three pipes, and its own process group, so that `end` reaches its children too.

Called by streams.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from orch.common.errors import StoreError

_SAID = 4096
"""Bytes of what a child says on stderr that are kept: the last ones say why it ended."""


class Piped:
    """A running child and its pipes."""

    def __init__(self, argv: Sequence[str], *, folder: Path) -> None:
        """Start it in `folder` with an empty environment.

        Raises:
            StoreError: the program is not there, or this machine is out of processes.
        """
        try:
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
                bufsize=0,
                start_new_session=True,
            )
        except OSError as err:
            raise StoreError(f"{argv[0]} cannot be started: {err.strerror}", hint="is rsync installed here?") from err
        pipes = (self._child.stdin, self._child.stdout, self._child.stderr)
        self.to_child, self.from_child, self.complaints = (pipe.fileno() for pipe in pipes if pipe is not None)
        for descriptor in (self.to_child, self.from_child, self.complaints):
            os.set_blocking(descriptor, False)
        self.finished = os.pidfd_open(self._child.pid)
        self._said = b""
        self._closed = False

    def read(self, most: int) -> bytes | None:
        """What the child wrote; None where there is nothing yet, empty at the end."""
        return _read(self.from_child, most)

    def write(self, data: bytes) -> int:
        """Give the child bytes; how many it took. A child that reads no more takes all and loses them."""
        try:
            return os.write(self.to_child, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)  # it says why with its exit code

    def end_input(self) -> None:
        """Nothing more will be written."""
        if self._child.stdin is not None:
            self._child.stdin.close()

    def status(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._child.poll()

    def said(self) -> str:
        """The last line that it complained with."""
        while piece := _read(self.complaints, _SAID):
            self._said = (self._said + piece)[-_SAID:]
        lines = self._said.decode("utf-8", "replace").splitlines()
        return lines[-1].strip() if lines else ""

    def close(self) -> None:
        """End it if it still runs, and give everything back."""
        if self._closed:
            return
        self._closed = True
        if self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()  # SIGKILL: at once
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self.finished)


def _read(descriptor: int, most: int) -> bytes | None:
    try:
        return os.read(descriptor, most)
    except BlockingIOError:
        return None


def said_by(argv: Sequence[str], *, folder: Path, seconds: float) -> str:
    """What a short command prints; empty where it is missing, fails, or takes too long."""
    try:
        ended = subprocess.run(
            list(argv),
            cwd=folder,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode("utf-8", "replace") if ended.returncode == 0 else ""
