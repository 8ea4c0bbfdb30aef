"""How this software starts itself: the words before a command, and what a child needs to find it."""

from __future__ import annotations

import sys
from pathlib import Path

import orch


def own_words() -> tuple[str, ...]:
    """The interpreter and the module; `-P`, so that nothing is imported from the folder a child stands in."""
    return (sys.executable, "-P", "-m", "orch.minion")


def environment() -> dict[str, str]:
    """Where the package lies, for a checkout that is not installed."""
    return {"PYTHONPATH": str(Path(orch.__file__).resolve().parent.parent)}


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> bytes:
    """Sixteen bytes that differ after each boot."""
    return bytes.fromhex(path.read_text(encoding="ascii").strip().replace("-", ""))
