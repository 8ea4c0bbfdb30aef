"""A bare Debian in a folder, in which packages are installed by its own apt: what a person has after an installation.

Its apt knows one source: a repository in the root itself, with the packages that are tried and all that they need from
Debian, which were fetched once with the root (`roots`).

Invariants:
- what is mounted for a program (/proc) is seen by it alone, and goes with it: the folder can be looked at, copied and
  deleted at any time;
- a program has a network of its own with nothing in it but itself, so two of these never meet.

Called by the tests of the packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab import command, roots
from tests.lab.command import Result
from tests.lab.repository import KEYRING, Repository

NEEDED = (
    "git",
    "python3-click",
    "python3-cryptography",
    "python3-debian",
    "python3-msgpack",
    "python3-rich",
    "python3-sqlalchemy",
    "python3-yaml",
    "python3-zmq",
    "rsync",
    "systemd",
)
"""What orch's packages depend on or recommend, and a Debian that is installed has (systemd)."""

_SOURCE = "/srv/packages"
_ALONE = 'ip link set lo up && mount -t proc proc "$1/proc" && exec chroot "$@"'


@dataclass(frozen=True, slots=True)
class Entry:
    """What a path of the root is: its mode as `ls` says it, whose it is."""

    mode: str
    owner: str
    group: str


class Bare:
    """One root."""

    def __init__(self, folder: Path, root: roots.Root) -> None:
        """Unpack it at `folder`/root, which must not exist yet."""
        self.root = folder / "root"
        root.unpack(self.root)
        self._repository = Repository(folder / "repository")
        self._repository.folder.mkdir()
        self._repository.create(packages=(), real=root.packages)
        keyring = self.root / KEYRING.removeprefix("/")
        keyring.parent.mkdir(parents=True, exist_ok=True)
        keyring.write_text(self._repository.key())
        sources = self.root / "etc/apt/sources.list.d/lab.sources"
        sources.write_text(self._repository.source(f"file:{_SOURCE}"))
        self.offer(())

    def offer(self, packages: Iterable[Path]) -> None:
        """Put packages into its repository, and have its apt read it."""
        for package in packages:
            command.run(["cp", str(package), str(self._repository.pool)])
        self._repository.publish()
        target = self.root / _SOURCE.removeprefix("/")
        command.run(["rsync", "-a", "--delete", f"{self._repository.served}/", f"{target}/"])
        self.run("apt-get", "--error-on=any", "-q", "update")

    def apt(self, *words: str) -> Result:
        """Run apt-get as a person does, who says yes."""
        return self.run("apt-get", "-q", "-y", *words, timeout=600)

    def run(
        self,
        *argv: str,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        check: bool = True,
    ) -> Result:
        """Run a program in it, as root, alone in namespaces of its own.

        Raises:
            LabError: it failed, or took too long.
        """
        return command.run([*self.words(env), *argv], timeout=timeout, check=check)

    def words(self, env: Mapping[str, str] | None = None) -> list[str]:
        """What starts a program in it; its own words are to be added."""
        variables = command.environment(env)
        alone = ["unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child"]
        given = [f"{name}={value}" for name, value in sorted(variables.items())]
        return [*alone, "sh", "-c", _ALONE, "sh", str(self.root), "env", "-i", *given]

    def version(self, name: str) -> str:
        """The version of a package that is installed; empty where it is not."""
        words = ("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name)
        status, _, version = self.run(*words, check=False).out.partition(" ")
        return version if status == "installed" else ""

    def entry(self, path: str) -> Entry:
        """What a path is.

        Raises:
            LabError: there is nothing.
        """
        mode, owner, group = self.run("stat", "-c", "%A %U %G", path).out.split()
        return Entry(mode, owner, group)

    def files(self) -> frozenset[str]:
        """Every path but those in which apt, dpkg and logs do their bookkeeping."""
        kept = ("/proc", "/srv", "/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/tmp", "/var/lib/systemd")
        prune = [word for path in kept for word in ("-path", path, "-o")][:-1]
        return frozenset(self.run("find", "/", "-xdev", "(", *prune, ")", "-prune", "-o", "-print").lines)

    def users(self) -> frozenset[str]:
        """The names of users and groups."""
        lines = [*self.run("getent", "passwd").lines, *self.run("getent", "group").lines]
        return frozenset(line.split(":")[0] for line in lines)
