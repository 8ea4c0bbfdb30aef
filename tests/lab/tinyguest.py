"""A guest of a few megabytes that answers: Debian's cloud kernel, and an initramfs of busybox made on the spot.

It says `GUEST-ALIVE` and a number of its own on its console, and the same number by HTTP, so that whoever asks knows
that it is alive, and whether it is still the same life. It is told what to do on the kernel's command line, or, as a
container, in the file `/orders`:

- `address=10.9.0.5/24`: its own, on eth0; without, it has no web server;
- `write=vda:words`: written to the beginning of a disk;
- `read=vda`: the first line of a disk goes to the console, as `GUEST-DISK vda words`.

`GET /cgi-bin/crash` has its kernel panic; of a container it ends the first program with an error. It ends when its
power button is pressed, or on SIGTERM.

Called by `tests/system/test_guests.py`.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.lab import command
from tests.lab.errors import LabError

ALIVE = "GUEST-ALIVE"
BRISK = "quiet mitigations=off cryptomgr.notests random.trust_cpu=on audit=0 apparmor=0 ipv6.disable=1"
"""For its kernel's command line: what it can do without, when every instruction is emulated."""

_META = "linux-image-cloud-amd64"
_RECIPE = 3
"""Raised when this file changes what it builds."""
_MODULES = (
    *("virtio_pci", "virtio_net", "virtio_blk"),
    *("button", "evdev"),  # the power button
    "pvpanic-mmio",  # says that it panicked
    *("xen-blkfront", "xen-netfront"),
)

_INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
if [ -e /orders ]; then
    orders=$(cat /orders)
    trap 'echo GUEST-CRASH; exit 3' USR1
    trap 'echo GUEST-END; exit 0' TERM
else
    mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
    while read -r module; do insmod "$module" 2>/dev/null; done </modules/order
    orders=$(cat /proc/cmdline)
fi
wait_for() { i=0; while [ ! -e "$1" ] && [ $i -lt 300 ]; do i=$((i + 1)); usleep 100000; done; }
for order in $orders; do case $order in
    write=*) pair=${order#write=}; wait_for "/dev/${pair%%:*}"; echo "${pair#*:}" | dd of="/dev/${pair%%:*}" conv=notrunc,fsync 2>/dev/null;;
    read=*) disk=${order#read=}; wait_for "/dev/$disk"; echo "GUEST-DISK $disk $(head -c 64 "/dev/$disk" | head -n 1)";;
esac; done
life=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
mkdir -p /www
echo "$life" >/www/index.html
for order in $orders; do case $order in
    address=*) wait_for /sys/class/net/eth0; ip link set lo up; ip addr add "${order#address=}" dev eth0; ip link set eth0 up; httpd -p 80 -h /www;;
esac; done
echo "GUEST-ALIVE $life"
# Nobody has a keyboard here: whatever is pressed is the power button.
for button in /dev/input/event*; do
    [ -e "$button" ] && (dd if="$button" of=/dev/null bs=24 count=1 2>/dev/null; echo GUEST-END; poweroff -f) &
done
while :; do sleep 1; done
"""

_CRASH = r"""#!/bin/busybox sh
if [ -e /orders ]; then kill -USR1 1; else echo c >/proc/sysrq-trigger; fi
"""

_OFF = r"""#!/bin/busybox sh
echo GUEST-END >/dev/console
exec /bin/busybox poweroff -f
"""

_FILES = {
    "sbin/poweroff": (_OFF, 0o755),  # what the kernel itself calls where Xen asks it to end
    "init": (_INIT, 0o755),
    "www/cgi-bin/crash": (_CRASH, 0o755),
}


@dataclass(frozen=True, slots=True)
class TinyGuest:
    """A built one."""

    kernel: Path
    initrd: Path


def get(cache: Path) -> TinyGuest:
    """The kernel and the initramfs, from the cache or newly built.

    Raises:
        LabError: apt cannot get the kernel, or a program is missing.
    """
    if os.uname().machine != "x86_64":
        raise LabError("the tiny guest is for amd64 only")
    shown = command.run(["apt-cache", "show", "--no-all-versions", _META]).out
    found = re.search(r"^Depends: (linux-image-\S+)", shown, flags=re.MULTILINE)
    if found is None:
        raise LabError(f"apt knows no {_META}", hint="apt-get update")
    folder = cache / f"guest-{found[1]}-{_RECIPE}"
    if not folder.is_dir():
        _build(found[1], folder)
    return TinyGuest(kernel=folder / "vmlinuz", initrd=folder / "initrd")


def container(folder: Path, orders: str) -> None:
    """Make a container's root."""
    _tree(folder)
    (folder / "orders").write_text(f"{orders}\n", "utf-8")
    for name in ("proc", "sys", "dev", "tmp"):
        (folder / name).mkdir()


def _build(package: str, folder: Path) -> None:
    """Build beside it, then rename; whoever comes second throws its own away."""
    work = folder.with_name(f".new-{folder.name}-{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    deb, root = work / "deb", work / "root"
    deb.mkdir(parents=True)
    fetch = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    command.run(["env", "-C", str(deb), *fetch], timeout=600)
    command.run(["dpkg-deb", "-x", str(next(deb.glob("*.deb"))), str(deb)])
    _tree(root)
    for name in ("proc", "sys", "dev", "tmp"):
        (root / name).mkdir()
    _modules(deb, root / "modules")
    _archive(root, work / "initrd")
    next(deb.glob("boot/vmlinuz-*")).rename(work / "vmlinuz")
    shutil.rmtree(deb)
    shutil.rmtree(root)
    try:
        work.rename(folder)
    except OSError:  # somebody else was quicker
        shutil.rmtree(work)


def _tree(root: Path) -> None:
    (root / "bin").mkdir(parents=True)
    shutil.copy2("/bin/busybox", root / "bin/busybox")
    for name, (text, mode) in _FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        file.chmod(mode)


def _modules(base: Path, folder: Path) -> None:
    """The kernel's modules that it needs, in the order in which they are loaded."""
    version = next(base.glob("lib/modules/*")).name
    command.run(["depmod", "-b", str(base), version])
    argv = ["modprobe", "-d", str(base), "-S", version, "--show-depends", "-a", *_MODULES]
    files = [line.split()[1] for line in command.run(argv).lines if line.startswith("insmod ")]
    folder.mkdir()
    names = list(dict.fromkeys(files))
    for name in names:
        shutil.copy2(name, folder / Path(name).name)
    (folder / "order").write_text("".join(f"/modules/{Path(name).name}\n" for name in names), "ascii")


def _archive(root: Path, target: Path) -> None:
    names = "\0".join(sorted(str(path.relative_to(root)) for path in root.rglob("*")))
    command.run(["cpio", "-o", "-H", "newc", "--null", "--quiet", "-D", str(root), "-F", str(target)], stdin=names)
