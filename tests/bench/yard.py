"""Real hosts, many on one machine: each its own root folder, its own executor and agent, a real centre, a real operator.

No namespaces and no packages (tests/lab has those): what is measured here is what orch's own processes need. Everything is
done with the commands that people use. Needs root, as an executor does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.bench import usage

TOP = Path(__file__).parents[2]
AGENT, GROUP = 61001, 61001
PATIENCE = 180.0
MAIN = """\
orch: 1
estate: bench
defaults: { listen: [], reconcile: { every: 15m, full: daily, at_boot: true } }
"""


@dataclass(slots=True)
class RealHost:
    """One host: its root, and its two processes."""

    name: str
    root: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """Of its processes."""
        return [child.pid for child in self.running]


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of the operator: what it said, and the CPU seconds of its process."""

    out: str
    cpu: float
    began: float  # wall clock


class Yard:
    """A centre and its hosts; a context manager that ends all of it."""

    def __init__(self, hosts: int) -> None:
        """Found the estate, enrol and admit so many hosts, and wait until all of them are connected."""
        if os.geteuid() != 0:
            raise SystemExit("an executor needs root: run make bench as root")
        self.folder = Path(tempfile.mkdtemp(prefix="orch-bench-"))
        self.folder.chmod(0o755)
        self.port = _free_port()
        self.hosts = [RealHost(f"s{at:02}/srv", self.folder / f"host{at:02}") for at in range(hosts)]
        self.running: list[subprocess.Popen[bytes]] = []
        try:
            self._found()
            self._enrol()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End every process, remove every file."""
        self.close()

    def close(self) -> None:
        """End every process that was started here, remove every file."""
        children = [child for host in self.hosts for child in host.running] + self.running
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pids(self) -> list[int]:
        """Of all daemons: the master's, and every host's two."""
        return [child.pid for child in self.running] + [pid for host in self.hosts for pid in host.pids]

    def cpu(self) -> float:
        """CPU seconds that all daemons have used."""
        return sum(map(usage.cpu, self.pids))

    def write_files(self, count: int, *, version: int = 1) -> None:
        """Write down that every host shall have so many files."""
        for host in self.hosts:
            site = host.name.partition("/")[0]
            lines = [f"site: {site}", "hosts:", "  srv:", "    files:" if count else "    labels: {}"]
            for number in range(count):
                text = f"{site} file {number} version {version}\\n" * 20
                lines.append(f'      /etc/bench/{number}.conf: {{ content: "{text}" }}')
            path = self.folder / "estate/sites" / f"{site}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n".join(lines) + "\n", "utf-8")

    def orch(self, *words: str, codes: tuple[int, ...] = (0,)) -> Ran:
        """Run the operator's command."""
        estate = [] if words[0] == "init" else ["--estate", str(self.folder / "estate")]
        return self._run([sys.executable, "-m", "orch.master.cli", *estate, *words], codes)

    def _run(self, argv: list[str], codes: tuple[int, ...] = (0,)) -> Ran:
        began = time.time()
        with tempfile.TemporaryFile() as said:
            with subprocess.Popen(argv, stdout=said, stderr=said, env=self._env(), cwd=self.folder) as child:
                _pid, status, used = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read().decode()
        if child.returncode not in codes:
            raise SystemExit(f"{' '.join(argv[2:])} ended with {child.returncode}\n{text[-2000:]}")
        return Ran(text, used.ru_utime + used.ru_stime, began)

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(TOP),
            "LC_ALL": "C.UTF-8",
            "ORCH_HOME": str(self.folder / "operator"),
            "ORCH_PASSPHRASE_FILE": str(self.folder / "passphrase"),
        }

    def _found(self) -> None:
        (self.folder / "operator").mkdir(mode=0o700)
        (self.folder / "passphrase").write_text("correct horse battery staple\n")
        centre = ["--centre", f"tcp://127.0.0.1:{self.port}", "--centre-directory", str(self.folder / "centre")]
        self.orch("init", "bench", *centre, "--directory", str(self.folder / "estate"), "--operator", "ops-a")
        (self.folder / "estate/estate.yaml").write_text(MAIN)
        self.write_files(0)
        self.running.append(self._start("master", ["orch.master", "--directory", str(self.folder / "centre")]))
        self.until(lambda: _answers(self.port), what="the master to listen")

    def _enrol(self) -> None:
        for host in self.hosts:
            for name in ("etc", "run", "var/lib"):
                (host.root / name).mkdir(parents=True)
            (host.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
            (host.root / "etc/group").write_text("root:x:0:\n")
            minion = [sys.executable, "-m", "orch.minion", "--root", str(host.root)]
            users = ["--agent-uid", str(AGENT), "--fetcher-uid", str(AGENT), "--gid", str(GROUP)]
            self._run([*minion, "enrol", str(self.folder / "estate/bench.enrol"), "--name", host.name, *users])
            self.start(host)
        for host in self.hosts:
            self.until(lambda name=host.name: name in self.orch("key", "list", "--pending").out, what=host.name)  # type: ignore[misc]
            self.orch("key", "accept", host.name, "--yes")

    def start(self, host: RealHost) -> None:
        """Start a host's two processes."""
        minion = ["orch.minion", "--root", str(host.root)]
        name = host.root.name
        host.running = [
            self._start(f"{name}-executor", [*minion, "executor"]),
            self._start(f"{name}-agent", [*minion, "agent"], user=AGENT),
        ]

    def _start(self, name: str, words: list[str], *, user: int = 0) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                stdout=log,
                stderr=log,
                env=self._env(),
                user=user,
                group=GROUP if user else 0,
                extra_groups=[],
            )

    def until(self, condition: Callable[[], object], *, what: str, every: float = 0.05) -> None:
        """Wait for something."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"waited {PATIENCE:g} s for {what}")
            time.sleep(every)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
