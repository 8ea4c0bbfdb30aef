"""What a host's processes can see: the machine's programs, the checkout, the host's own folder, and nothing else.

The host's daemons run from the machine's /usr, outside the host's root, as they do when orch makes an image. So that
they are on a host and not on this machine all the same, their mount namespace holds a view made for them:

- /usr, /etc and the checkout, read-only; the checkout's build folder, where other hosts and the operator's keys are, is
  hidden;
- the host's folder with its root, at the same path as outside;
- /proc, /dev, /run, /tmp and /var of the host's own, the first four in the root, too, so that apt works in a chroot;
  /proc tells a boot id of the host's own, a new one after each start.

Invariants: every mount is in the private namespace of the host's PID 1 and vanishes with it; the machine's own tree is
out of reach after `enter`. Called by `init`, which is PID 1 and has just been given new namespaces.
"""

from __future__ import annotations

import ctypes
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

NOSUID, NODEV, READ_ONLY, REMOUNT, BIND, RECURSIVE, PRIVATE = 2, 4, 1, 32, 4096, 16384, 1 << 18
DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What to show.

    Attributes:
        folder: the host's folder; has `root`, `view` (an empty folder to build in).
        checkout: shown read-only.
        hidden: folders below the checkout to cover.
        shared: more folders to show, writable.
    """

    folder: Path
    checkout: Path
    hidden: tuple[Path, ...]
    shared: tuple[Path, ...]

    def enter(self) -> None:
        """Build the view and make it this process's whole world.

        Raises:
            OSError: the kernel refused a mount.
        """
        base = self.folder / "view"
        mount("none", Path("/"), flags=RECURSIVE | PRIVATE)
        mount("tmpfs", base, kind="tmpfs", flags=NODEV | NOSUID, data="mode=0755,size=16m")
        self._system(base)
        self._project(base)
        old = base / ".old"
        old.mkdir()
        _called("pivot_root", _libc.pivot_root(os.fsencode(base), os.fsencode(old)))
        os.chdir("/")
        _called("umount2", _libc.umount2(b"/.old", DETACH))
        Path("/.old").rmdir()
        self._root()

    def _system(self, base: Path) -> None:
        """The machine's programs, and devices, processes and scratch space of the host's own."""
        for name in ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            there = Path("/", name)
            if there.is_symlink():
                (base / name).symlink_to(there.readlink())
            elif there.is_dir():
                bind(there, base / name, read_only=True, flags=RECURSIVE)
        for name in ("proc", "dev", "run", "tmp", "var", "root", "sys"):
            (base / name).mkdir(mode=0o755)
        mount("proc", base / "proc", kind="proc")
        _devices(base / "dev")
        mount("tmpfs", base / "run", kind="tmpfs", flags=NODEV | NOSUID, data="mode=0755,size=64m")
        _boot_id(base)
        mount("tmpfs", base / "tmp", kind="tmpfs", flags=NODEV | NOSUID, data="mode=1777")
        (base / "var/tmp").mkdir(mode=0o1777)
        (base / "var/lib").mkdir()
        (base / "var/log").mkdir()
        (base / "var/run").symlink_to("/run")

    def _project(self, base: Path) -> None:
        """The checkout, the host's folder, and what else was asked for."""
        bind(self.checkout, _below(base, self.checkout), read_only=True)
        for path in self.hidden:
            if path.is_dir():
                mount("tmpfs", _below(base, path), kind="tmpfs", flags=NODEV | NOSUID, data="mode=0755,size=16m")
        for path in (self.folder, *self.shared):
            bind(path, _below(base, path))

    def _root(self) -> None:
        """Let apt and dpkg work in a chroot."""
        root = self.folder / "root"
        for name in ("proc", "dev"):
            mount(f"/{name}", root / name, flags=BIND | RECURSIVE)
        mount("tmpfs", root / "run", kind="tmpfs", flags=NODEV | NOSUID, data="mode=0755,size=64m")
        mount("tmpfs", root / "tmp", kind="tmpfs", flags=NODEV | NOSUID, data="mode=1777")
        (root / "run/lock").mkdir(mode=0o1777)
        # The machine's names and resolvers are not the host's.
        for name in ("hosts", "resolv.conf", "hostname"):
            if Path("/etc", name).is_file():
                mount(os.fspath(root / "etc" / name), Path("/etc", name), flags=BIND)


def mount(source: str, target: Path, *, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2).

    Raises:
        OSError: refused.
    """
    outcome = _libc.mount(source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _called(f"mount {source} on {target}", outcome)


def bind(source: Path, target: Path, *, read_only: bool = False, flags: int = 0) -> None:
    """Show a folder at a second place; what is mounted in it comes along only with the flag RECURSIVE."""
    target.mkdir(parents=True, exist_ok=True)
    mount(os.fspath(source), target, flags=BIND | flags)
    if read_only:
        mount("none", target, flags=BIND | REMOUNT | READ_ONLY)


def _devices(target: Path) -> None:
    """The few devices that programs expect, and terminals of the host's own (apt runs dpkg in one)."""
    mount("tmpfs", target, kind="tmpfs", flags=NOSUID, data="mode=0755,size=1m")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (target / name).touch()
        mount(f"/dev/{name}", target / name, flags=BIND)
    for name, where in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (target / name).symlink_to(where)
    for name in ("pts", "shm"):
        (target / name).mkdir()
    mount("devpts", target / "pts", kind="devpts", data="newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", target / "shm", kind="tmpfs", flags=NODEV | NOSUID, data="mode=1777,size=64m")
    (target / "ptmx").symlink_to("pts/ptmx")


def _boot_id(base: Path) -> None:
    """A boot of the host's own: the kernel's id is the machine's, and that one does not boot with its hosts."""
    file = base / "run/boot-id"
    file.write_text(f"{uuid.uuid4()}\n", "ascii")
    mount(os.fspath(file), base / "proc/sys/kernel/random/boot_id", flags=BIND)


def _below(base: Path, path: Path) -> Path:
    """The place of an absolute path in the view."""
    return base / path.relative_to("/")


def _called(what: str, outcome: int) -> None:
    """Turn a failed call into an exception."""
    if outcome:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
