"""What no list can take off a host: without it the host would not start, or nobody could reach it any more.

A guarded package stays where it is present, with what it needs. It is never installed because of this table.
Operators add to it with `protect:`; nobody takes away from it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from orch.states.host import Installed

ESSENTIAL = "essential"
"""The word in `protect:` for what Debian itself marks so; it is always protected."""

PATTERNS: tuple[tuple[str, str], ...] = (
    ("apt", "the package system"),
    ("dpkg", "the package system"),
    ("orch-common", "orch itself"),
    ("orch-minion", "orch itself"),
    ("openssh-server", "the other way in"),
    ("linux-image-*", "the kernel"),
    ("grub*", "the boot loader"),
    ("shim-signed*", "the boot loader"),
    ("systemd-boot*", "the boot loader"),
    ("efibootmgr", "the boot loader"),
    ("xen-*", "the hypervisor"),
    ("init", "the init system"),
    ("systemd", "the init system"),
    ("systemd-sysv", "the init system"),
    ("sysvinit-core", "the init system"),
    ("runit-init", "the init system"),
    ("cryptsetup-initramfs", "the way to the root file system"),
    ("lvm2", "the way to the root file system"),
    ("mdadm", "the way to the root file system"),
    ("ifupdown", "the network"),
    ("ifupdown2", "the network"),
    ("isc-dhcp-client", "the network"),
    ("netplan.io", "the network"),
    ("network-manager", "the network"),
)
"""Name or pattern, and what people are told it is."""
_ANY = re.compile("|".join(fnmatch.translate(pattern) for pattern, _why in PATTERNS))


def reason(package: Installed, protect: Iterable[str]) -> str:
    """Why a package must stay where it is present; empty where nothing guards it."""
    if package.essential:
        return "essential"
    bare = package.name.partition(":")[0]
    if _ANY.match(bare):
        return next(why for pattern, why in PATTERNS if fnmatch.fnmatchcase(bare, pattern))
    for pattern in protect:
        if pattern != ESSENTIAL and fnmatch.fnmatchcase(bare, pattern):
            return f"protected ({pattern})"
    return ""
