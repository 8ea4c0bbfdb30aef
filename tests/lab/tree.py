"""Deleting folders, carefully.

A folder in which /proc, /sys or /dev/shm of the machine is still mounted must never be deleted: what goes is the
machine's own. So nothing in the laboratory deletes a tree but `remove`, which looks first. Called by everything that
clears up.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.lab.errors import LabError


def mounts(folder: Path) -> list[Path]:
    """What is mounted on a folder or below it, outermost first, as this process sees it."""
    place = folder.resolve()
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split()[4]))
        if place == point or place in point.parents:
            found.append(point)
    return sorted(found, key=lambda point: len(point.parts))


def remove(folder: Path) -> None:
    """Delete a folder with all that is in it; nothing happens if it is not there.

    Raises:
        LabError: something is mounted there; nothing has been deleted.
    """
    left = mounts(folder)
    if left:
        raise LabError(f"{folder} is not deleted: {left[0]} is mounted in it", hint=f"umount {left[-1]}")
    if folder.exists():
        shutil.rmtree(folder)
