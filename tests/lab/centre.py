"""The centre: a network namespace with a line to every host, the package repository's web server and the master in it.

The centre has the machine's own file system; only its network is apart. Programs there are not started again when they
end: whether the master runs is what tests decide. Called by `lab` and by tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.hosts import PATIENCE, until
from tests.lab.network import CENTRE, inside

REPOSITORY = "repository"
REPOSITORY_PORT = 8080


class Centre:
    """The programs of the centre, by the names that they were started under."""

    def __init__(self, *, namespace: Path, logs: Path, checkout: Path) -> None:
        """Nothing runs before `start`."""
        self.namespace = namespace
        self.address = CENTRE
        self._logs = logs
        self._env = {"PYTHONPATH": str(checkout), "PYTHONUNBUFFERED": "1"}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def repository_url(self) -> str:
        """Where hosts find the packages."""
        return f"http://{self.address}:{REPOSITORY_PORT}"

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        user: tuple[int, int] | None = None,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> int:
        """Start a program that goes on running; its number.

        Args:
            name: names its log, and the program to the other functions.
            argv: the program and its arguments.
            user: numbers of the user and the group it runs as, instead of root.
            env: added to a small environment in which `import orch` works.
            port: wait until it listens here.

        Raises:
            LabError: it runs already, or ended at once.
        """
        if self.is_running(name):
            raise LabError(f"{name} runs already at the centre")
        becoming = [] if user is None else ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"]
        self._logs.mkdir(parents=True, exist_ok=True)
        child = command.spawn(
            inside(self.namespace, [*becoming, *argv]), log=self._logs / f"{name}.log", env=self._env | dict(env or {})
        )
        self._running[name] = child
        if port is not None:
            what = f"{name} to listen at port {port}"
            until(lambda: not self.is_running(name) or self.listens(port), what=what)
        if not self.is_running(name):
            raise LabError(f"{name} ended at once with {child.returncode}\n{self.log(name)[-2000:]}")
        return child.pid

    def serve_repository(self, folder: Path) -> None:
        """Serve the package repository."""
        program = [command.PYTHON, "-m", "tests.lab.server", str(folder), self.address, str(REPOSITORY_PORT)]
        self.start(REPOSITORY, program, port=REPOSITORY_PORT)

    def is_running(self, name: str) -> bool:
        """Whether a program runs."""
        child = self._running.get(name)
        return child is not None and child.poll() is None

    def pid(self, name: str) -> int:
        """A program's number.

        Raises:
            LabError: it does not run.
        """
        if not self.is_running(name):
            raise LabError(f"{name} does not run at the centre")
        return self._running[name].pid

    def stop(self, name: str, *, timeout: float = PATIENCE) -> int:
        """End a program in good order (SIGTERM); its exit code."""
        os.kill(self.pid(name), signal.SIGTERM)
        return self._wait(name, timeout)

    def kill(self, name: str) -> None:
        """End a program as a crash would (SIGKILL)."""
        os.kill(self.pid(name), signal.SIGKILL)
        self._wait(name, PATIENCE)

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float = 120.0,
        env: Mapping[str, str] | None = None,
    ) -> command.Result:
        """Run a program to its end, as the operator does."""
        whole = self._env | dict(env or {})
        return command.run(inside(self.namespace, argv), check=check, timeout=timeout, env=whole)

    def follow(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, codes: Collection[int] = (0,)
    ) -> Iterator[str]:
        """Run a program and hand out what it says while it works (`command.follow`)."""
        whole = command.environment(self._env | dict(env or {}))
        yield from command.follow(inside(self.namespace, argv), env=whole, codes=codes)

    def listens(self, port: int) -> bool:
        """Whether something at the centre listens at a TCP port."""
        return bool(command.run(inside(self.namespace, ["ss", "-Hltn", f"sport = :{port}"])).lines)

    def log(self, name: str) -> str:
        """All that a program has said."""
        file = self._logs / f"{name}.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def reap(self) -> None:
        """Take the exit codes of programs that were ended from outside (`ledger`)."""
        for name in self._running:
            self._wait(name, PATIENCE)

    def _wait(self, name: str, timeout: float) -> int:
        """Wait until a program has ended."""
        try:
            return self._running[name].wait(timeout=timeout)
        except subprocess.TimeoutExpired as err:
            raise LabError(f"{name} still runs at the centre after {timeout:g} s") from err
