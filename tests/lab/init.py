"""PID 1 of a host: `python3 -m tests.lab.init TABLE`, started in new namespaces by `hosts`.

It enters the host's view, starts the daemons in the table and starts them again, ever more slowly, when they end. It
adopts and buries orphans. SIGTERM ends all in good order; SIGHUP makes it read the table again, start what is new and
end what is gone; SIGKILL is a power cut, since the kernel ends a process namespace with its first process.

Invariants:
- `ready` is written once the view stands, and holds this process's number as the machine knows it;
- `services.json` always tells the daemons' current numbers, as the host knows them; `readings` how often a changed
  table was done;
- nothing here reads the daemons' minds: what they say goes to a file per daemon.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.table import Service, Table
from tests.lab.view import View

WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP)
FIRST_DELAY, LONGEST_DELAY, LONG_LIFE = 0.2, 5.0, 10.0
"""Seconds: before the first new start, before the last ones, and the life after which a daemon counts as well."""
GRACE = 8.0
"""Seconds that a daemon has to end after SIGTERM."""


@dataclass(slots=True)
class Daemon:
    """One service and how it fares; `pid` 0 while it does not run."""

    service: Service
    pid: int = 0
    starts: int = 0
    started: float = 0.0
    due: float = 0.0
    delay: float = field(default=FIRST_DELAY)


class Init:
    """The host's first process."""

    def __init__(self, file: Path, table: Table) -> None:
        """Nothing runs before `run`."""
        self.file = file
        self.state = table.folder / "state"
        self.logs = table.folder / "log"
        self.daemons = {service.name: Daemon(service) for service in table.services}
        self.readings = 0

    def run(self) -> None:
        """Work until SIGTERM."""
        while True:
            self._start_due()
            signalled = signal.sigtimedwait(WATCHED, self._patience())
            self._bury()
            if signalled is None:
                continue
            if signalled.si_signo == signal.SIGTERM:
                self._end(list(self.daemons.values()))
                return
            if signalled.si_signo == signal.SIGHUP:
                self._read_again()

    def _patience(self) -> float:
        """Seconds until somebody is to be started again."""
        now = time.monotonic()
        return max(0.0, min((daemon.due - now for daemon in self.daemons.values() if not daemon.pid), default=3600.0))

    def _start_due(self) -> None:
        """Start whoever does not run and has waited long enough."""
        now = time.monotonic()
        for daemon in self.daemons.values():
            if not daemon.pid and daemon.due <= now:
                daemon.pid = _start(daemon.service, self.logs / f"{daemon.service.name}.log")
                daemon.starts += 1
                daemon.started = now
                self._tell()

    def _bury(self) -> None:
        """Take the exit codes of all that ended: daemons and orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for daemon in self.daemons.values():
                if daemon.pid == pid:
                    self._ended(daemon, os.waitstatus_to_exitcode(status))

    def _ended(self, daemon: Daemon, code: int) -> None:
        """Decide when a daemon that ended is started again."""
        now = time.monotonic()
        daemon.delay = FIRST_DELAY if now - daemon.started > LONG_LIFE else daemon.delay
        print(f"{daemon.service.name} (pid {daemon.pid}) ended with {code}; again in {daemon.delay:g} s", flush=True)
        daemon.pid, daemon.due = 0, now + daemon.delay
        daemon.delay = min(daemon.delay * 2, LONGEST_DELAY)
        self._tell()

    def _read_again(self) -> None:
        """Read the table again; who stays in it unchanged is left alone."""
        wanted = {service.name: service for service in Table.read(self.file).services}
        gone = [daemon for name, daemon in self.daemons.items() if wanted.get(name) != daemon.service]
        self._end(gone)
        for daemon in gone:
            del self.daemons[daemon.service.name]
        for name, service in wanted.items():
            self.daemons.setdefault(name, Daemon(service))
        self._tell()
        self.readings += 1
        _write(self.state / "readings", str(self.readings))

    def _end(self, daemons: list[Daemon]) -> None:
        """End some daemons, the last one first; who does not obey is killed."""
        until = time.monotonic() + GRACE
        for daemon in reversed(daemons):
            if daemon.pid:
                os.kill(daemon.pid, signal.SIGTERM)
        while any(daemon.pid for daemon in daemons) and time.monotonic() < until:
            signal.sigtimedwait((signal.SIGCHLD,), 0.2)
            self._bury()
        for daemon in daemons:
            if daemon.pid:
                os.kill(daemon.pid, signal.SIGKILL)
                os.waitpid(daemon.pid, 0)
                daemon.pid = 0

    def _tell(self) -> None:
        """Write down who runs, whole."""
        seen = {name: {"pid": daemon.pid, "starts": daemon.starts} for name, daemon in self.daemons.items()}
        _write(self.state / "services.json", json.dumps(seen))


def _start(service: Service, log: Path) -> int:
    """Start a daemon; its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.setsid()
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for target, source in ((0, os.open("/dev/null", os.O_RDONLY)), (1, said), (2, said)):
            os.dup2(source, target)
        os.setgroups(())
        os.setresgid(service.gid, service.gid, service.gid)
        os.setresuid(service.uid, service.uid, service.uid)
        os.chdir("/")
        os.execvpe(service.argv[0], list(service.argv), dict(service.env))
    except OSError as err:
        os.write(2, f"{service.name} cannot be started: {err}\n".encode())
    finally:
        os._exit(127)


def _write(path: Path, text: str) -> None:
    """Put a file in its place whole."""
    partial = path.with_suffix(".part")
    partial.write_text(text, "utf-8")
    partial.rename(path)


def main(file: Path) -> None:
    """Become the host."""
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    os.umask(0o022)
    # /proc is still the machine's: it tells the number by which the machine knows this process.
    known_as = Path("/proc/self").readlink()
    table = Table.read(file)
    socket.sethostname(table.hostname)
    View(folder=table.folder, checkout=table.checkout, hidden=table.hidden, shared=table.shared).enter()
    init = Init(file, table)
    _write(init.state / "ready", f"{known_as}\n")
    init.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
