"""What a host's row at the centre means to a person: a sign, a word, and the reason in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.common.rows import Row


class Condition(Enum):
    """How a host is; the order is that of need for attention, the worst first."""

    FAILED = "✗ failed"
    REFUSED = "✗ refused"
    AHEAD = "! ahead"
    DEGRADED = "! degraded"
    OFFLINE = "? offline"
    WAITING = "= waiting"
    CHANGING = "↻ changing"
    NEW = "= no release"
    CONVERGED = "✓ converged"
    REVOKED = "✗ revoked"

    @property
    def word(self) -> str:
        """Without its sign, for scripts."""
        return self.value[2:].replace(" ", "-")


_ORDER = list(Condition)
_SETTLED = {
    "failed": Condition.FAILED,
    "refused": Condition.REFUSED,
    "waiting": Condition.WAITING,
}


def condition(row: Row) -> Condition:
    """How the host of this row is."""
    if row.revoked:
        return Condition.REVOKED
    if not row.connected:
        return Condition.OFFLINE
    if row.ahead:
        return Condition.AHEAD
    if row.wanted == (0, 0):
        return Condition.NEW
    if row.outcome in _SETTLED:
        return _SETTLED[row.outcome]
    if row.outcome != "applied":
        # What was sent and not answered is not said to be happening.
        return Condition.CHANGING if row.progress else Condition.WAITING
    return Condition.DEGRADED if row.listeners else Condition.CONVERGED


def worst(rows: Iterable[Row]) -> Condition:
    """The condition that stands for several hosts."""
    return min((condition(row) for row in rows), key=_ORDER.index, default=Condition.NEW)


def standing(rows: Iterable[Row]) -> list[Row]:
    """Those whose key counts: a revoked host is shown, and is no part of how its site is."""
    return [row for row in rows if not row.revoked]


def counts(rows: Iterable[Row]) -> dict[Condition, int]:
    """How many hosts are how; every condition is there."""
    found = Counter(condition(row) for row in rows)
    return {item: found.get(item, 0) for item in Condition}


def note(row: Row) -> str:
    """Why, in a few words and one line; empty where all is said."""
    return printable.one_line(_revoked(row) if row.revoked else _note(row))


def _note(row: Row) -> str:
    first = row.text.partition("\n")[0]
    match condition(row):
        case Condition.OFFLINE | Condition.AHEAD:
            return _away(row)
        case Condition.FAILED | Condition.REFUSED:
            return first
        case Condition.WAITING:
            return first or f"{number(row.wanted)} was sent, no word back yet"
        case Condition.CHANGING:
            return row.progress
        case Condition.DEGRADED:
            return "listens on " + ", ".join(row.listeners)
        case Condition.NEW:
            return "nothing was published for it yet"
        case Condition.CONVERGED | Condition.REVOKED:
            return row.warning or ("put right what somebody had changed" if row.drift else "")


def _revoked(row: Row) -> str:
    why = row.text.partition("\n")[0]
    return f"{rfc3339(row.revoked)[:10]} by {row.by}" + (f": {why}" if why else ", no reason given")


def _away(row: Row) -> str:
    if row.ahead:
        return f"holds {number(row.running)}, which this centre does not know"
    if not row.heard:
        return "never heard since this centre started"
    if row.wanted != row.running:
        return f"will take {number(row.wanted)} on return"
    return row.text.partition("\n")[0]


def sign_of_life(row: Row) -> int:
    """When anything last came from the host."""
    return max(row.heard, row.reported)


def number(release: tuple[int, ...]) -> str:
    """A release as people write it: `1:4`, or `-` for none."""
    return ":".join(str(part) for part in release) if any(release) else "-"


@dataclass(frozen=True, slots=True)
class Now:
    """The centre's clock: all times in rows are by it, so a wrong clock here makes no host look silent."""

    time: int

    def ago(self, moment: int) -> str:
        """How long ago that was; `never` for 0."""
        return ago(self.time - moment) if moment else "never"
