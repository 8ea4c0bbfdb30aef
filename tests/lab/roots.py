"""A small Debian root, built once with mmdebstrap and kept as an archive, then unpacked for every host.

Beside it lie a few of Debian's own packages with what they depend on, fetched in the same go, so that hosts without a
way to the world can still install real ones.

Invariants:
- the cache holds whole things only: a build happens in a folder of its own and is renamed into place at its end; what
  a killed build left is deleted by the next one, which waits until the killed one's last process let go of the lock;
- what mmdebstrap mounts is seen by itself alone, and nothing is deleted in which something is mounted (`tree`);
- a host's root comes from the archive, never from a tree in which something may be mounted;
- the root's apt knows no mirror and no setting of this machine: `hosts` adds the laboratory's own repository.

Called by `lab`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import command, mirror, tree
from tests.lab.errors import LabError

Progress = Callable[[str], None]

REAL_PACKAGES = ("hello", "jq", "tree")
"""Debian's own packages that the laboratory's repository offers; jq brings two libraries with it."""

_RECIPE = 4
"""Raised when this file changes what it builds."""

_SHOWN = (
    "running apt-get update...",
    "downloading packages with apt...",
    "extracting archives...",
    "installing essential packages...",
    "creating tarball...",
)
"""What people are shown of mmdebstrap's messages."""


@dataclass(frozen=True, slots=True)
class Root:
    """A built root: `archive` is a tar file, `packages` the .deb files fetched with it."""

    archive: Path
    packages: tuple[Path, ...]

    def unpack(self, target: Path) -> None:
        """Make a host's root at `target`, which must not exist yet."""
        target.mkdir(mode=0o755)
        command.run(["tar", "--numeric-owner", "-C", str(target), "-xf", str(self.archive)])
        target.chmod(0o755)


def get(cache: Path, *, progress: Progress, real_packages: tuple[str, ...] = REAL_PACKAGES) -> Root:
    """The root for the running release, from the cache or newly built.

    Args:
        cache: the folder of all built roots.
        progress: told what happens, line by line.
        real_packages: Debian packages to fetch with it.

    Raises:
        LabError: no mirror, or the build failed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    source = mirror.find()
    folder = cache / f"root-{source.suite}-{_key(source, real_packages)}"
    with _locked(cache) as lock:
        if not folder.is_dir():
            _build(source, folder, lock=lock, real_packages=real_packages, progress=progress)
    return Root(folder / "root.tar", tuple(sorted((folder / "packages").glob("*.deb"))))


def _key(source: mirror.Mirror, real_packages: tuple[str, ...]) -> str:
    """What the cached thing depends on, in twelve hex digits. The mirror's address does not change the content."""
    machine = os.uname().machine
    inputs = repr((_RECIPE, source.suite, machine, real_packages))
    return hashlib.sha256(inputs.encode()).hexdigest()[:12]


@contextmanager
def _locked(cache: Path) -> Iterator[int]:
    """Hold the cache's lock; whoever inherits the descriptor holds it too. Clears what a killed build left."""
    with (cache / ".lock").open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in cache.glob(".new-*"):
            tree.remove(left)
        yield handle.fileno()


def _build(
    source: mirror.Mirror, folder: Path, *, lock: int, real_packages: tuple[str, ...], progress: Progress
) -> None:
    """Build beside the cache's entries, then rename."""
    progress(f"building a small Debian root ({source.suite}; once, about 30 s)")
    started = time.monotonic()
    work = folder.parent / f".new-{os.getpid()}"
    (work / "packages").mkdir(parents=True)
    (work / "tmp").mkdir(mode=0o755)
    # Proxies may come from the environment; everything else of it stays outside.
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    env = command.environment(proxies | {"TMPDIR": str(work / "tmp")})
    for line in command.follow(_argv(source, work, real_packages), env=env, keep_open=lock):
        if line.startswith("I: ") and line.removeprefix("I: ") in _SHOWN:
            progress(f"  {line[3:]}")
    if not (work / "root.tar").is_file() or not any((work / "packages").iterdir()):
        raise LabError("mmdebstrap ended well but left no root", hint="look at its messages above")
    tree.remove(work / "tmp")
    work.rename(folder)
    progress(f"  built in {time.monotonic() - started:.0f} s, kept in {folder}")


def _argv(source: mirror.Mirror, work: Path, real_packages: tuple[str, ...]) -> list[str]:
    """The command line of mmdebstrap: apt and what is essential, without pages to read."""
    fetch = 'chroot "$1" apt-get -y --no-install-recommends --download-only install ' + " ".join(real_packages)
    collect = f'cp "$1"/var/cache/apt/archives/*.deb "{work}/packages/"'
    # What mmdebstrap wrote for its own work, this machine's settings and the mirror go again.
    forget = 'rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap'
    forget_mirror = 'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*'
    excluded = ("doc", "man", "info", "locale", "lintian", "bug")
    # In namespaces of its own: as root it mounts /proc, /sys and /dev/shm of the machine into its tree, and one that is
    # killed leaves them there. Here they go with its last process, and all its processes with the first.
    alone = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [
        *alone,
        "mmdebstrap",
        "--variant=apt",
        # Otherwise usrmerge does this in the root, and brings all of Perl with it: 45 MB.
        "--include=usr-is-merged",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--mode=root",
        "--format=tar",
        "--skip=check/qemu",
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in excluded),
        *(f"--aptopt={setting}" for setting in source.settings),
        # Nothing may be there before the packages are fetched, so that only these are collected.
        '--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb',
        f"--customize-hook={fetch}",
        f"--customize-hook={collect}",
        f"--customize-hook={forget}",
        f"--customize-hook={forget_mirror}",
        source.suite,
        str(work / "root.tar"),
        *source.lines,
    ]
