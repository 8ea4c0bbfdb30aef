"""Where a person's keys and settings lie, and what may be thrown away. Loads next to nothing: completion asks, too."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of keys, and of the file `config`."""
    said = os.environ.get("ORCH_HOME")
    return Path(said) if said else Path.home() / ".config" / "orch"


def cache() -> Path:
    """The folder of what is remembered."""
    said = os.environ.get("XDG_CACHE_HOME")
    return (Path(said) if said else Path.home() / ".cache") / "orch"
