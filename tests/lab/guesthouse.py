"""A libvirtd of one's own, for as long as it is needed: nothing of the machine's own libvirt is touched or seen.

The daemon lives in namespaces of its own, for mounts, processes and the network; `/etc` and `/var` are the machine's
with what it writes in memory on top. When its maker ends, however that may be, the kernel ends everything in there:
guests, daemon and mounts. Where there is no systemd that would start it, nobody misses it.

This file is two programs: `GuestHouse` for the tests, and `main`, which it starts inside.

Called by `tests/system/test_guests.py`.
"""

from __future__ import annotations

import http.client
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.spaces import network_of

BRIDGE = "guests0"
NETWORK = "10.9.0"
PATIENCE = 180.0
_CHECKOUT = Path(__file__).resolve().parents[2]
_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio")
"""Of cgroups version 1; libvirt's containers need the first version's freezer to be held."""

_QEMU = """
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""
_DAEMON = """
unix_sock_dir = "{folder}/socket"
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "3:file:{folder}/libvirtd.log"
"""


class GuestHouse:
    """A running libvirtd and a bridge; `folder` is for images and logs."""

    def __init__(self) -> None:
        """Nothing is made before it is entered."""
        self.folder = Path(tempfile.mkdtemp(prefix="orch-guests-"))
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        alone = ["unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child"]
        self._child = subprocess.Popen(
            [*alone, "--mount-proc", command.PYTHON, "-m", "tests.lab.guesthouse", str(self.folder)],
            cwd=_CHECKOUT,
            env=command.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        assert self._child.stdout is not None
        said = []
        while line := self._child.stdout.readline():
            if line == "ready\n":
                return self
            said.append(line)
        self.__exit__(None, None, None)
        raise LabError("the guests' house did not come about:\n" + "".join(said)[-4000:])

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything in it."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
        _sweep_cgroups()
        shutil.rmtree(self.folder)

    def restart(self, *, away: Callable[[], None] = lambda: None) -> None:
        """Kill the daemon, do something while it is away, and start it again; guests go on."""
        self._say("end\n")
        away()
        self._say("begin\n")

    def _say(self, word: str) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(word)
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if line != "ready\n":
            raise LabError(f"the guests' house did not {word.strip()}: {line}")

    def uri(self, scheme: str) -> str:
        """Where a hypervisor of it answers: qemu or lxc."""
        return f"{scheme}+unix:///system?socket={self.folder}/socket/libvirt-sock"

    def fetch(self, address: str, path: str = "/") -> str | None:
        """What a guest answers to a GET; None if it does not."""
        assert self._child is not None
        with network_of(Path(f"/proc/{self._child.pid}/ns/net")):
            return get(address, path)


def get(address: str, path: str) -> str | None:
    """What somebody answers to a GET, in this process's network; None if nobody does."""
    line = http.client.HTTPConnection(address, timeout=2)
    try:
        line.request("GET", path)
        return line.getresponse().read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        line.close()


def _sweep_cgroups() -> None:
    """Remove libvirt's control groups in which nobody is left; the kernel refuses to remove any other."""
    for controller in _CONTROLLERS:
        top = Path("/sys/fs/cgroup") / controller / "machine"
        folders = [path for path in top.rglob("*") if path.is_dir()] if top.is_dir() else []
        for folder in sorted(folders, key=lambda path: -len(path.parts)):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            top.rmdir()


# ---- inside


def main(folder: Path) -> None:
    """Be the first process in there, until the other end of standard input is closed."""
    _mounts(folder)
    _settings(folder)
    for words in (
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {NETWORK}.1/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ):
        command.run(["ip", *words.split()])
    # Being the first process means having orphans; libvirt waits long for a guest that nobody buries.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    daemon = _daemon(folder)
    print("ready", flush=True)
    while word := sys.stdin.readline():
        if word == "begin\n":
            daemon = _daemon(folder)
        else:
            daemon.kill()
            daemon.wait()
            (folder / "socket/libvirt-sock").unlink()
        print("ready", flush=True)


def _daemon(folder: Path) -> subprocess.Popen[bytes]:
    daemon = subprocess.Popen(
        # What is ignored here would be inherited, and the daemon waits for its own children.
        ["env", "--default-signal=CHLD", "libvirtd", "--config", str(folder / "libvirtd.conf")],
        env=command.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait(folder, daemon)
    return daemon


def _wait(folder: Path, daemon: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while not (folder / "socket/libvirt-sock").exists():
        if daemon.poll() is not None or time.monotonic() > end:
            raise LabError(f"libvirtd does not answer:\n{(folder / 'libvirtd.log').read_text('utf-8')[-3000:]}")
        select.select([], [], [], 0.1)


def _mounts(folder: Path) -> None:
    memory = folder / "memory"
    memory.mkdir()
    _mount("-t", "tmpfs", "memory", str(memory))
    for name in ("etc", "var"):
        upper, work = memory / name / "upper", memory / name / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        _mount("-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", f"/{name}")
    _mount("-t", "tmpfs", "run", "/run")
    command.run(["umount", "--recursive", "--lazy", "/sys"])  # libvirt finds cgroups even where they are covered
    _mount("-t", "sysfs", "sysfs", "/sys")  # with the new network's interfaces
    first = [name for name in _CONTROLLERS if _is_first_version(name)]
    if not first:
        _mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
        return
    _mount("-t", "tmpfs", "cgroup", "/sys/fs/cgroup")
    for name in first:
        (Path("/sys/fs/cgroup") / name).mkdir()
        _mount("-t", "cgroup", "-o", name, "cgroup", f"/sys/fs/cgroup/{name}")


def _mount(*words: str) -> None:
    command.run(["mount", *words])


def first_version() -> bool:
    """Whether this machine has what libvirt's containers need: control groups of the first version."""
    return all(_is_first_version(name) for name in _CONTROLLERS)


def _is_first_version(name: str) -> bool:
    """Whether a controller belongs to a hierarchy of the first version (proc(5): /proc/cgroups)."""
    for line in Path("/proc/cgroups").read_text("ascii").splitlines()[1:]:
        controller, hierarchy, *_ = line.split()
        if controller == name:
            return hierarchy != "0"
    return False


def _settings(folder: Path) -> None:
    for name in ("/etc/libvirt", "/var/log/libvirt/qemu", "/var/log/libvirt/lxc", f"{folder}/socket", f"{folder}/logs"):
        Path(name).mkdir(parents=True, exist_ok=True)
    Path("/etc/libvirt/qemu.conf").write_text(_QEMU, "ascii")
    (folder / "libvirtd.conf").write_text(_DAEMON.format(folder=folder), "ascii")
    # libvirt looks its users up even where it is told to use others.
    _append("/etc/passwd", "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/bin/false")
    _append("/etc/group", "libvirt-qemu:x:64055:")
    _append("/etc/group", "kvm:x:64056:")


def _append(file: str, line: str) -> None:
    text = Path(file).read_text("utf-8")
    if f"\n{line.partition(':')[0]}:" not in text:
        Path(file).write_text(f"{text.rstrip()}\n{line}\n", "utf-8")


if __name__ == "__main__":
    assert os.getpid() == 1, "started by GuestHouse only, in namespaces of its own"
    main(Path(sys.argv[1]))
