"""The laboratory as a whole: a centre, some hosts, a package repository, and the promise that it all goes away.

    with Lab(Settings(checkout=Path.cwd()), progress=print) as lab:
        host = lab.hosts["library/lib-srv1"]
        host.start([Service(name="agent", argv=("/usr/bin/python3", "-m", ...), uid=61001, gid=61001)])
        host.chroot(["apt-get", "update", "--error-on=any"])

Invariants:
- when the `with` ends, by its end, an error, Ctrl-C or SIGTERM, nothing of the laboratory is left but the cache; what a
  killed laboratory left is cleared before the next one starts;
- with `keep` it is left running instead, and a file says how to talk to it and how to end it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from tests.lab import command, package, roots, tree
from tests.lab.centre import Centre
from tests.lab.errors import LabError
from tests.lab.hosts import Host
from tests.lab.ledger import Entry, Ledger
from tests.lab.line import PLAIN
from tests.lab.network import Network
from tests.lab.repository import Repository
from tests.lab.table import Table

HOSTS = ("library/lib-srv1", "school/sch-srv1", "lab/lab-srv1")
"""The estate of the tutorial."""


def quiet(_: str) -> None:
    """Progress for those who do not want to see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to build.

    Attributes:
        checkout: the repository's folder; the hosts' daemons import orch from it.
        build: where the laboratory and the cache are; `build` in the checkout by default. Hidden from the hosts.
        hosts: names of the form `site/host`.
        packages: what the repository holds beside Debian's own.
        shared: more folders that hosts may see and write.
        keep: leave it running at the end.
    """

    checkout: Path
    build: Path | None = None
    hosts: tuple[str, ...] = HOSTS
    packages: tuple[package.Package, ...] = package.ORDINARY
    shared: tuple[Path, ...] = ()
    keep: bool = False

    @property
    def build_folder(self) -> Path:
        """The absolute path of `build`."""
        return (self.build or self.checkout / "build").resolve()


class Lab:
    """A laboratory; made by `with`."""

    def __init__(self, settings: Settings, *, progress: roots.Progress = quiet) -> None:
        """Nothing is made before `with`."""
        self.settings = settings
        self.checkout = settings.checkout.resolve()
        self.progress = progress
        self.ledger = Ledger(settings.build_folder / "lab")
        self.hosts: dict[str, Host] = {}
        self._entry: Entry | None = None
        self._root: roots.Root | None = None
        self._old_umask = 0o022
        self._old_handler: Callable[[int, FrameType | None], object] | int | None = None

    def __enter__(self) -> Self:
        """Build it all; the hosts are off.

        Raises:
            LabError: something of the machine is missing; the message says what.
        """
        check_machine(self.checkout)
        self._old_handler = signal.signal(signal.SIGTERM, _terminate)
        self._old_umask = os.umask(0o022)
        try:
            self._build()
        except BaseException:
            self._leave(keep=False)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear it all away, or leave it running and say how to reach it."""
        self._leave(keep=self.settings.keep)

    @property
    def folder(self) -> Path:
        """All of this laboratory; a good place for the operator's folder and the master's, hidden from the hosts.

        Raises:
            LabError: it does not stand.
        """
        if self._entry is None:
            raise LabError("the laboratory does not stand", hint="use it inside its `with`")
        return self.ledger.place(self._entry)

    def _build(self) -> None:
        """Build it."""
        started = time.monotonic()
        for name in self.ledger.cleanup_stale():
            self.progress(f"cleared away what a killed run left ({name})")
        self._root = roots.get(self.settings.build_folder / "cache", progress=self.progress)
        self._entry = self.ledger.open(keep=self.settings.keep)
        self.progress(f"setting up {len(self.settings.hosts)} hosts")
        with ThreadPoolExecutor(2) as pool:
            unpacking = [pool.submit(self._unpack, self._root, name) for name in self.settings.hosts]
            self.repository = Repository(self.folder / "repository")
            self.repository.folder.mkdir()
            self.repository.create(packages=self.settings.packages, real=self._root.packages)
            self.network = Network(self.folder / "net")
            self.network.create()
            logs = self.folder / "log"
            self.centre = Centre(namespace=self.network.centre, logs=logs, checkout=self.checkout)
            self.centre.serve_repository(self.repository.served)
            self._compile()
            for done in unpacking:
                done.result()
        for name in self.settings.hosts:
            self.hosts[name] = Host(name, self._table(name), self.network)
            self._furnish(self.hosts[name])
        self.progress(f"  ready after {time.monotonic() - started:.0f} s")

    def renew(self, name: str) -> Host:
        """Give a host a new disk, as it was at the beginning; it is off then, and its line whole.

        Raises:
            LabError: the laboratory does not stand.
        """
        if self._root is None:
            raise LabError("the laboratory does not stand", hint="use it inside its `with`")
        host = self.hosts[name]
        host.power_cut()
        host.heal()
        host.set_line(PLAIN)
        pristine = self.folder / "pristine"
        if not pristine.is_dir():
            self._root.unpack(pristine)
        for left in ("log", "state"):
            tree.remove(host.folder / left)
        if tree.mounts(host.root):
            raise LabError(f"something is mounted in {host.root}: it is not the disk of a host that is off")
        command.run(["rsync", "-aHx", "--delete", "--numeric-ids", f"{pristine}/", f"{host.root}/"])
        self._furnish(host)
        return host

    def _furnish(self, host: Host) -> None:
        """Tell a new root of the repository."""
        host.furnish(key=self.repository.key(), source=self.repository.source(self.centre.repository_url))

    def _unpack(self, root: roots.Root, name: str) -> None:
        """Make a host's folder with its root."""
        folder = self._table(name).folder
        folder.mkdir(parents=True, mode=0o755)
        root.unpack(folder / "root")

    def _table(self, name: str) -> Table:
        """What a host is told, without daemons yet."""
        return Table(
            hostname=name.rpartition("/")[2],
            folder=self.folder / "hosts" / name,
            checkout=self.checkout,
            hidden=(self.settings.build_folder,) if self.settings.build_folder.is_relative_to(self.checkout) else (),
            shared=self.settings.shared,
        )

    def _compile(self) -> None:
        """Compile orch once: the hosts see it read-only and would do it at every start of a daemon."""
        folders = [str(self.checkout / name) for name in ("orch", "common", "states", "minion", "master", "tests/lab")]
        # A file that does not compile is for the daemon that imports it to complain about.
        command.run([command.PYTHON, "-m", "compileall", "-q", *folders], check=False)

    def _leave(self, *, keep: bool) -> None:
        """End it, undisturbed by a second Ctrl-C; or write down how to talk to it."""
        with _undisturbed():
            if self._entry is not None and keep:
                self._say_goodbye()
            elif self._entry is not None:
                entry, self._entry = self._entry, None
                self.ledger.clear(entry)
                for host in self.hosts.values():
                    host.reap()
                if hasattr(self, "network"):
                    self.network.reap()
                if hasattr(self, "centre"):
                    self.centre.reap()
        os.umask(self._old_umask)
        signal.signal(signal.SIGTERM, self._old_handler or signal.SIG_DFL)

    def _say_goodbye(self) -> None:
        """Say how to talk to a laboratory that stays."""
        lines = [f"The laboratory stays, in {self.folder}", "", "at the centre:"]
        lines += [f"  nsenter --net={self.network.centre} COMMAND", ""]
        for name, host in self.hosts.items():
            if host.running:
                lines += [f"on {name} (root: {host.root}, logs: {host.folder}/log):"]
                lines += [f"  {' '.join(host.enter(['COMMAND']))}"]
                lines += [f"  {' '.join(host.enter(['chroot', str(host.root), 'COMMAND']))}", ""]
        lines += ["to end it:", f"  cd {self.checkout} && {command.PYTHON} -m tests.lab stop"]
        text = "\n".join(lines) + "\n"
        (self.folder / "talk.txt").write_text(text, "utf-8")
        self.progress(text)


def check_machine(checkout: Path) -> None:
    """Say what is missing before anything is built.

    Raises:
        LabError: not root, a package is missing, or the checkout cannot be read by the hosts' unprivileged daemons.
    """
    if os.geteuid() != 0:
        raise LabError("the laboratory needs root: it makes namespaces, mounts and root file systems")
    missing = command.missing()
    if missing:
        raise LabError(f"missing here: {', '.join(missing)}", hint=f"apt install {' '.join(missing)}")
    for path in (checkout, checkout / "orch/__init__.py", checkout / "orch/common/__init__.py"):
        if path.exists() and not path.stat().st_mode & 0o004:
            hint = f"chmod -R o+rX {checkout}"
            raise LabError(f"only its owner can read {path}; the hosts' agents have users of their own", hint=hint)


def _terminate(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that everything is cleared away."""
    raise SystemExit(128 + number)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody interrupt the clearing."""
    signals = (signal.SIGINT, signal.SIGTERM)
    old = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
