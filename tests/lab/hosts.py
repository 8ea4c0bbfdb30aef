"""A host: a Debian root of its own, and daemons in namespaces of their own that can be ended like a machine.

Its folder has `root` (the host's disk; no mount in it can be seen from outside), `log` (a file per daemon) and `state`.
What survives a power cut is `root`. The page cache survives it, too: a power cut here tests what a process loses, not
what a disk loses.

Called by `lab` and by tests.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.line import Counts, Quality
from tests.lab.network import CENTRE, Answers, Network, inside
from tests.lab.table import Service, Table

PATIENCE = 60.0
"""Seconds after which something that was waited for is not going to happen: only what is broken waits so long."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a host: its number on this machine and on the host, its command line, whether it has ended."""

    pid: int
    inner: int
    argv: tuple[str, ...]
    ended: bool  # and nobody has taken its exit code yet


class Host:
    """One host, named `site/host`."""

    def __init__(self, name: str, table: Table, network: Network) -> None:
        """Take over a folder with an unpacked root; the host is off."""
        self.name = name
        self.folder = table.folder
        self.root = table.folder / "root"
        self._table = table
        self._network = network
        self._outer: subprocess.Popen[bytes] | None = None

    def furnish(self, *, key: str, source: str) -> None:
        """Give a new root its names and the laboratory's repository.

        Args:
            key: the repository's public key.
            source: the text of the apt source.
        """
        for name in ("log", "state", "view"):
            (self.folder / name).mkdir(mode=0o755, exist_ok=True)
        files = {
            "hostname": f"{self._table.hostname}\n",
            "hosts": f"127.0.0.1 localhost\n127.0.1.1 {self._table.hostname}\n{CENTRE} centre\n",
            "resolv.conf": "",
            "apt/keyrings/lab.asc": key,
            "apt/sources.list.d/lab.sources": source,
        }
        for path, content in files.items():
            file = self.root / "etc" / path
            file.unlink(missing_ok=True)
            file.write_text(content, "utf-8")
            file.chmod(0o644)

    # ---- power

    @property
    def running(self) -> bool:
        """Whether the host is on."""
        return self._outer is not None and self._outer.poll() is None

    def start(self, services: Sequence[Service] | None = None, *, timeout: float = PATIENCE) -> None:
        """Switch the host on; without `services` it runs those it ran before.

        Raises:
            LabError: it is on already, or its PID 1 did not get to work.
        """
        if self.running:
            raise LabError(f"{self.name} is on already")
        self._write_table(services)
        line = self._network.attach(self.name)
        ready = self.folder / "state/ready"
        for left in (ready, self.folder / "state/services.json", self.folder / "state/readings"):
            left.unlink(missing_ok=True)
        fresh = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc"]
        program = [command.PYTHON, "-S", "-m", "tests.lab.init", str(self.folder / "state/table.json")]
        self._outer = command.spawn(
            inside(line.namespace, [*fresh, *program]),
            log=self.folder / "log/init.log",
            env={"PYTHONPATH": str(self._table.checkout)},
        )
        until(lambda: ready.exists() or not self.running, timeout=timeout, what=f"{self.name} to boot")
        if not ready.exists():
            raise LabError(f"{self.name} does not boot\n{self.log('init')[-2000:]}")

    def serve(self, services: Sequence[Service]) -> None:
        """Change the daemons of a running host and wait until it is done; those that stay as they are go on running.

        Waited for, because a daemon that is to change goes on working until PID 1 has ended it.
        """
        before = self._readings()
        self._write_table(services)
        os.kill(self.init_pid, signal.SIGHUP)
        until(lambda: self._readings() > before, what=f"{self.name} to change its daemons")
        until(lambda: all(map(self.starts, [one.name for one in services])), what="the new daemons to start")

    def stop(self, *, timeout: float = PATIENCE) -> None:
        """Switch the host off in good order; nothing happens if it is off."""
        if self.running:
            os.kill(self.init_pid, signal.SIGTERM)
            self._wait(timeout)
        self._network.detach(self.name)

    def power_cut(self) -> None:
        """Pull the plug: no daemon, no shutdown script and no closing packet gets another moment."""
        self._network.unplug(self.name)
        if self.running:
            os.kill(self.init_pid, signal.SIGKILL)
            self._wait(PATIENCE)
        self._network.detach(self.name)

    def reboot(self) -> None:
        """Off in good order, then on with the same daemons."""
        self.stop()
        self.start()

    def reap(self) -> None:
        """Take the exit code of a host that was ended from outside (`ledger`)."""
        if self._outer is not None:
            self._wait(PATIENCE)

    # ---- from outside

    @property
    def init_pid(self) -> int:
        """The number of the host's PID 1 on this machine.

        Raises:
            LabError: the host is off.
        """
        if not self.running:
            raise LabError(f"{self.name} is off", hint="start it first")
        return int((self.folder / "state/ready").read_text("utf-8"))

    def installed(self) -> dict[str, str]:
        """The installed packages and their versions, as the machine's dpkg-query reads the host's disk.

        Whether the host is on does not matter; nothing of the host takes part in the answer.
        """
        return {name: version for name, (status, version) in self.packages().items() if status == "installed"}

    def packages(self) -> dict[str, tuple[str, str]]:
        """Status (`installed`, `half-configured`, `config-files` ...) and version of every package dpkg knows of."""
        form = "${Package}\t${db:Status-Status}\t${Version}\n"
        query = ["dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "--show", f"--showformat={form}"]
        rows = [line.split("\t") for line in command.run(query).lines]
        return {name: (status, version) for name, status, version in rows}

    def log(self, name: str) -> str:
        """All that a daemon has said; `init` for PID 1."""
        file = self.folder / "log" / f"{name}.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def cut(self) -> None:
        """Cut the host's line, silently."""
        self._network.cut(self.name)

    def heal(self) -> None:
        """Mend the host's line."""
        self._network.heal(self.name)

    def set_line(self, quality: Quality) -> None:
        """Make the host's line as bad as wanted (`network.Network.set_quality`)."""
        self._network.set_quality(self.name, quality)

    def carried(self) -> Counts:
        """What the host's bad line has carried (`network.Network.carried`)."""
        return self._network.carried(self.name)

    def probe(self) -> Answers:
        """What answers to a stranger on the line (`network.Network.probe`)."""
        return self._network.probe(self.name)

    def listeners(self) -> list[str]:
        """The sockets that wait for somebody (`network.Network.listeners`)."""
        return self._network.listeners(self.name)

    # ---- from inside

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` on the host, outside its root, as its daemons run."""
        spaces = ["--net", "--pid", "--mount", "--uts", "--ipc"]
        return ["nsenter", f"--target={self.init_pid}", *spaces, "--", *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float = 120.0,
        env: Mapping[str, str] | None = None,
    ) -> command.Result:
        """Run a program on the host, outside its root, as its daemons run."""
        whole = {"PYTHONPATH": str(self._table.checkout)} | dict(env or {})
        return command.run(self.enter(argv), check=check, timeout=timeout, env=whole)

    def chroot(self, argv: Sequence[str], *, check: bool = True, timeout: float = 120.0) -> command.Result:
        """Run a program of the host's root, in the root."""
        return self.run(["chroot", str(self.root), *argv], check=check, timeout=timeout)

    def processes(self) -> list[Process]:
        """Every process of the host, PID 1 first."""
        mine = Path(f"/proc/{self.init_pid}/ns/pid").stat().st_ino
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "ns/pid").stat().st_ino == mine:
                    found.append(_process(folder))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended while we looked, or is one that not even root may look at: none of ours
        return sorted(found, key=lambda process: process.inner)

    def pid(self, name: str, *, timeout: float = PATIENCE) -> int:
        """The number on this machine of a daemon of the table, once it runs; `os.kill` takes it.

        Raises:
            LabError: it does not run within `timeout` seconds.
        """
        found: list[int] = []

        def runs() -> bool:
            # One that ends between the two looks is started again, under another number.
            inner = self._inner(name)
            found.extend(one.pid for one in self.processes() if one.inner == inner and not one.ended)
            return bool(found)

        until(runs, timeout=timeout, what=f"{name} of {self.name} to run")
        return found[0]

    def starts(self, name: str) -> int:
        """How often a daemon has been started since the host is on."""
        return self._services().get(name, {}).get("starts", 0)

    def _inner(self, name: str) -> int:
        """A daemon's number on the host; 0 while it does not run."""
        return self._services().get(name, {}).get("pid", 0)

    def _readings(self) -> int:
        """How often PID 1 has done what a changed table wants."""
        file = self.folder / "state/readings"
        return int(file.read_text("utf-8")) if file.exists() else 0

    def _services(self) -> dict[str, dict[str, int]]:
        """What PID 1 says of its daemons."""
        file = self.folder / "state/services.json"
        if not file.exists():
            return {}
        told: dict[str, dict[str, int]] = json.loads(file.read_text("utf-8"))
        return told

    def _write_table(self, services: Sequence[Service] | None) -> None:
        """Tell PID 1 its daemons."""
        if services is not None:
            self._table = replace(self._table, services=tuple(services))
        self._table.write(self.folder / "state/table.json")

    def _wait(self, timeout: float) -> None:
        """Wait until the host is off."""
        if self._outer is None:
            return
        try:
            self._outer.wait(timeout=timeout)
        except subprocess.TimeoutExpired as err:
            raise LabError(f"{self.name} is still on after {timeout:g} s") from err
        self._outer = None


def _process(folder: Path) -> Process:
    """Read a process's folder in /proc."""
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    argv = tuple((folder / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0"))
    return Process(int(folder.name), int(status["NSpid"].split()[-1]), argv, status["State"].startswith(("Z", "X")))


def until(condition: Callable[[], object], *, what: str, timeout: float = PATIENCE, every: float = 0.02) -> None:
    """Wait for something, looking every few milliseconds, and ever more seldom: most looks start a program.

    Args:
        condition: what is waited for.
        what: how an error names it.
        timeout: in seconds; only what is broken waits so long.
        every: seconds between the first looks. Later it is a tenth of the time that was waited.

    Raises:
        LabError: it did not happen within `timeout` seconds; `what` says what was waited for.
    """
    started = time.monotonic()
    while not condition():
        waited = time.monotonic() - started
        if waited > timeout:
            raise LabError(f"waited {timeout:g} s for {what}")
        time.sleep(max(every, waited / 10))
