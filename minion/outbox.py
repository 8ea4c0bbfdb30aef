"""Reports, kept until the centre has committed them.

Refuses to do: send (the session does), or make gaps. Reports are numbered 1, 2, 3 ... for the life of the host's key,
and each names the hash of the one before.

Invariants:
- a report is there before anything is sent of it, and stays until its number was acknowledged;
- bounded: at LIMIT reports or SIZE bytes a new one takes the place of the newest, under the same number. That one can
  never have been sent, because the session has at most a few of the oldest under way; so nothing that anybody saw is
  rewritten, the chain stays whole, and the newest state is always there. Such a report says how many had to go
  (`dropped`). Who carries reports away (`settled_ones`) does not get that one while the outbox is full;
- reports of two threads: every change is one transaction of the database.

Called by reporter (adds) and by the executor (sends and forgets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from orch.common.errors import Damaged
from orch.common.session import WINDOW
from orch.minion.adapters.database import Database

LIMIT: Final = 2000
"""Reports that are kept."""
SIZE: Final = 64 * 1024 * 1024
"""Bytes of reports after which none is added; so there is at most one more report than this."""
_SURE: Final = 4 * WINDOW
"""Reports that are kept whatever their size: more than the session ever has under way."""

SCHEMA: Final = (
    """CREATE TABLE report (sequence INTEGER PRIMARY KEY, envelope BLOB NOT NULL, hash BLOB NOT NULL,
       previous BLOB NOT NULL)""",
    """CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), newest INTEGER NOT NULL, hash BLOB NOT NULL,
       committed INTEGER NOT NULL)""",
    "INSERT INTO counter (id, newest, hash, committed) VALUES (1, 0, x'', 0)",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next report goes in the chain."""

    sequence: int
    previous: bytes
    replaces: bytes = b""  # the newest one, as there is no room; empty: it is added


class Outbox:
    """The reports of one host that are not committed at the centre."""

    def __init__(self, database: Database, *, limit: int = LIMIT, size: int = SIZE) -> None:
        """Use this database; `SCHEMA` is part of its schema."""
        self._database = database
        self._limit = limit
        self._most = size
        self._size = 0
        self._newest = 0
        self._committed = 0
        self._unsent: tuple[int, ...] = ()
        self._refresh()

    @property
    def newest(self) -> int:
        """Number of the newest report ever made; 0 for none."""
        return self._newest

    @property
    def committed(self) -> int:
        """Number up to which the centre has committed them."""
        return self._committed

    @property
    def unsent(self) -> tuple[int, ...]:
        """Numbers that are not acknowledged, ascending."""
        return self._unsent

    def place(self) -> Place:
        """Where the next report goes; call it in the transaction that adds the report."""
        with self._database.transaction():
            if self._is_full():
                ((previous, there),) = self._database.rows(
                    "SELECT previous, envelope FROM report WHERE sequence = ?", self._newest
                )
                return Place(self._newest, cast(bytes, previous), cast(bytes, there))
            ((value,),) = self._database.rows("SELECT hash FROM counter")
        return Place(self._newest + 1, cast(bytes, value))

    def _is_full(self) -> bool:
        count = len(self._unsent)
        return count >= self._limit or (self._size >= self._most and count > _SURE)

    def add(self, place: Place, envelope: bytes, body_hash: bytes) -> None:
        """Keep a report; it counts when the outermost transaction ends."""
        with self._database.transaction():
            self._database.run(
                "INSERT OR REPLACE INTO report (sequence, envelope, hash, previous) VALUES (?, ?, ?, ?)",
                place.sequence,
                envelope,
                body_hash,
                place.previous,
            )
            self._database.run("UPDATE counter SET newest = ?, hash = ?", place.sequence, body_hash)

    def settled(self) -> None:
        """The transaction that added something has ended: what this object says may change now."""
        self._refresh()

    def envelopes(self, sequences: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of the reports that are still here."""
        found = []
        with self._database.transaction():
            for sequence in sequences:
                rows = self._database.rows("SELECT envelope FROM report WHERE sequence = ?", sequence)
                if rows:
                    found.append((sequence, cast(bytes, rows[0][0])))
        return found

    def settled_ones(self, after: int, *, most: int, room: int) -> tuple[bytes, ...]:
        """The next reports after this number that nothing can rewrite any more, for whoever carries them away.

        Args:
            after: the number of the last one that he has.
            most: how many at most.
            room: bytes at most, but for a first one that is larger.
        """
        there = self._unsent[:-1] if self._is_full() else self._unsent
        found: list[bytes] = []
        for _sequence, envelope in self.envelopes([number for number in there if number > after][:most]):
            room -= len(envelope)
            if found and room < 0:
                break
            found.append(envelope)
        return tuple(found)

    def forget(self, sequence: int) -> bool:
        """The centre has committed reports up to this one.

        Returns:
            Whether that is news. A number that this host never gave means that its journal was lost once: then it
            goes on from there, so that its next report is not taken for an old one.
        """
        if sequence <= self._committed:
            return False
        with self._database.transaction():
            self._database.run("DELETE FROM report WHERE sequence <= ?", sequence)
            self._database.run("UPDATE counter SET committed = ?", sequence)
            self._database.run("UPDATE counter SET newest = ?, hash = x'' WHERE newest < ?", sequence, sequence)
        self._refresh()
        return True

    def check(self) -> None:
        """See whether what is kept fits together.

        Raises:
            Damaged: it does not.
        """
        if self._unsent != tuple(range(self._committed + 1, self._newest + 1)):
            raise Damaged("the outbox's reports do not follow one another")

    def _refresh(self) -> None:
        with self._database.transaction():
            counters = self._database.rows("SELECT newest, committed FROM counter")
            if len(counters) != 1:
                raise Damaged("the outbox has lost its counter")
            ((newest, committed),) = counters
            rows = self._database.rows("SELECT sequence, length(envelope) FROM report ORDER BY sequence")
            self._newest, self._committed = cast(int, newest), cast(int, committed)
            self._unsent = tuple(cast(int, sequence) for sequence, _ in rows)
            self._size = sum(cast(int, size) for _, size in rows)
