"""Measurements in a process of their own: what one leaves behind is not in the next one's figures.

As root the process has a network of its own, too. A host looks through all sockets of its network for who listens, and
whoever else uses this machine may have thousands; and ten thousand hosts need ten thousand of its ports.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TOP = Path(__file__).parents[2]
ALONE = ("unshare", "--net", "--", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh")


def measured(module: str, *words: str, python: str = sys.executable, network: bool = False) -> dict[str, float]:
    """What a module of measurements prints: a name and a value a line.

    Args:
        module: run as a program.
        words: its arguments.
        python: the interpreter.
        network: whether it needs this machine's network.
    """
    alone = () if network or os.geteuid() else ALONE
    done = subprocess.run(
        [*alone, python, "-m", module, *words], stdout=subprocess.PIPE, text=True, check=False, cwd=TOP
    )
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(words)} ended with {done.returncode}")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def show(figures: Mapping[str, float]) -> None:
    """Print what `measured` reads."""
    for name, value in figures.items():
        print(f"{name:36} {value:14.6f}", flush=True)


def need_root() -> None:
    """End the program where it is not root's."""
    if os.geteuid() != 0:
        raise SystemExit("hosts of its own need root: run make bench as root, or with sudo")


def make_room(descriptors: int) -> None:
    """Let this process and those that it starts have at least so many descriptors open; a login is given 1024."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, descriptors)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, OSError) as err:
        raise SystemExit(f"one process needs {descriptors} descriptors, {hard} are allowed: raise `ulimit -n`") from err
