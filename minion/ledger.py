"""Opens the journal's database, and begins a new one where the old one is damaged: a host goes on and says so.

What is lost with it are the reports that the centre has not committed, and what the turn at work had done. What a host
must never forget (floor, policy, admission) lies in files of its own and is not touched here.

Refuses to do: throw a damaged file away. The newest KEPT are set aside beside it, for people to look at.

Called by assembly.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orch.common.errors import Damaged
from orch.common.events import PROBLEM, Log
from orch.minion.adapters import files
from orch.minion.adapters.database import BESIDE, Database
from orch.minion.journal import SCHEMA as JOURNAL_SCHEMA
from orch.minion.journal import Journal
from orch.minion.outbox import SCHEMA as OUTBOX_SCHEMA
from orch.minion.outbox import Outbox
from orch.minion.settings import Layout

KEPT: Final = 2
Opening = Callable[[Path, Sequence[str]], Database]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The database and its two users; `lost` says why it is a new one, and is empty where it is not."""

    database: Database
    journal: Journal
    outbox: Outbox
    lost: str = ""


def opened(layout: Layout, opening: Opening, log: Log) -> Ledger:
    """The journal as it was left, or a new one.

    Raises:
        StoreError: the disk fails.
    """
    try:
        return _read(layout, opening)
    except Damaged as err:
        log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
        _set_aside(layout)
        new = _read(layout, opening)
        return Ledger(database=new.database, journal=new.journal, outbox=new.outbox, lost=err.text)


def _read(layout: Layout, opening: Opening, *, lost: str = "") -> Ledger:
    database = opening(layout.journal, (*JOURNAL_SCHEMA, *OUTBOX_SCHEMA))
    try:
        journal, outbox = Journal(database), Outbox(database)
        journal.check()
        outbox.check()
    except BaseException:
        database.close()
        raise
    return Ledger(database=database, journal=journal, outbox=outbox, lost=lost)


def aside(layout: Layout, number: int) -> Path:
    """Where a damaged journal lies; 1 is the newest."""
    return layout.journal.with_name(f"{layout.journal.name}.damaged-{number}")


def _set_aside(layout: Layout) -> None:
    there = files.names(layout.state, disk=layout.disk)
    places = (layout.journal, *(aside(layout, number) for number in range(1, KEPT + 1)))
    for at in reversed(range(KEPT)):
        for end in BESIDE:
            old, new = (path.with_name(path.name + end) for path in places[at : at + 2])
            files.remove_here(layout.state, (new.name,), disk=layout.disk)
            if old.name in there:
                files.rename(old, new, disk=layout.disk)
