"""Names that were seen last, for completion: it must be quick, and never dials.

One small JSON file for each estate's directory, in the user's cache. Written by status, plan and apply with what they
have read anyway; it may be lost or old, as nothing is decided by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from orch.common.errors import UsageError

SCHEMA = "orch/names/1"
Names = Mapping[str, list[str]]
"""Kind (sites, hosts, lists, groups) to names."""
_LIMIT = 8 << 20


def path(cache: Path, estate: Path) -> Path:
    """Where the names of an estate's directory are."""
    return cache / f"names-{hashlib.sha256(str(estate).encode()).hexdigest()[:16]}.json"


def read(file: Path) -> Names:
    """What is remembered; nothing where the file is missing or not as it was written."""
    try:
        found = json.loads(file.read_bytes()[:_LIMIT])
        names = dict(found["names"]) if found["schema"] == SCHEMA else {}
        return {str(kind): [str(name) for name in some] for kind, some in names.items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def remember(file: Path, **seen: Iterable[str]) -> None:
    """Keep names of these kinds in place of those before; other kinds stay. Nothing fails if it cannot be kept."""
    before = read(file)
    now = {**before, **{kind: sorted(set(names)) for kind, names in seen.items()}}
    if now == before:
        return
    keep(file, json.dumps({"schema": SCHEMA, "names": now}))


def keep(file: Path, text: str) -> None:
    """Write a file of the cache; nothing fails if it cannot be kept."""
    from orch.master.cli import files

    with contextlib.suppress(UsageError):
        files.write(file, text, mode=0o600)
