"""What was begun, what was ended: written before and after each step, so that the next start knows what a kill left.

Refuses to do: undo anything. An interrupted run is finished by planning again from what is now (level-triggered); the
journal only says that there is something to finish, and what had been done by then.

Invariants:
- at most one run is open;
- a run's end and its report are written in one transaction (reporter.py), so neither is there without the other;
- bounded: the newest RUNS are kept.

Called by reconcile, in the executor's worker thread, and by the on-site commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from orch.common import codec
from orch.common.errors import Damaged, Malformed
from orch.common.report import LIMIT, Outcome, StepReport, Trigger
from orch.minion.adapters.database import Database

RUNS: Final = 200

SCHEMA: Final = (
    """CREATE TABLE run (id INTEGER PRIMARY KEY, trigger TEXT NOT NULL, epoch INTEGER NOT NULL,
       number INTEGER NOT NULL, release BLOB NOT NULL, started INTEGER NOT NULL, ended INTEGER, outcome TEXT)""",
    """CREATE TABLE step (run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, position INTEGER NOT NULL,
       resource TEXT NOT NULL, started INTEGER NOT NULL, report BLOB, PRIMARY KEY (run, position))""",
    "CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE done_order (id BLOB PRIMARY KEY, expires INTEGER NOT NULL)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A turn that changes something."""

    trigger: Trigger
    epoch: int
    number: int
    release: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A run that never ended: what it had done, and what it was doing when it was killed."""

    id: int
    run: Run
    done: tuple[StepReport, ...]
    doing: str  # a resource; empty: between two steps
    position: int  # where its next step goes


class Journal:
    """Runs and steps of one host."""

    def __init__(self, database: Database) -> None:
        """Use this database; `SCHEMA` is part of its schema."""
        self._database = database

    def begin(self, run: Run, *, now: int) -> int:
        """A run begins; its number in the journal."""
        with self._database.transaction():
            return self._database.run(
                "INSERT INTO run (trigger, epoch, number, release, started) VALUES (?, ?, ?, ?, ?)",
                run.trigger.value,
                run.epoch,
                run.number,
                run.release,
                now,
            )

    def start(self, run: int, position: int, resource: str, *, now: int) -> None:
        """A step is about to begin."""
        with self._database.transaction():
            self._database.run(
                "INSERT INTO step (run, position, resource, started) VALUES (?, ?, ?, ?)", run, position, resource, now
            )

    def end(self, run: int, position: int, report: StepReport) -> None:
        """A step ended."""
        with self._database.transaction():
            self._database.run(
                "UPDATE step SET report = ? WHERE run = ? AND position = ?", codec.encode(report), run, position
            )

    def finish(self, run: int, outcome: Outcome, *, now: int) -> None:
        """The run ended; the caller's transaction holds its report too."""
        with self._database.transaction():
            self._database.run("UPDATE run SET ended = ?, outcome = ? WHERE id = ?", now, outcome.value, run)
            self._database.run("DELETE FROM run WHERE id <= ? AND ended IS NOT NULL", run - RUNS)

    def interrupted(self) -> Interrupted | None:
        """The run that is open; at a start it is one that was killed."""
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT id, trigger, epoch, number, release FROM run WHERE ended IS NULL ORDER BY id DESC LIMIT 1"
            )
            if not rows:
                return None
            number, trigger, epoch, release_number, release = rows[0]
            steps = self._database.rows("SELECT resource, report FROM step WHERE run = ? ORDER BY position", number)
            ((last,),) = self._database.rows("SELECT coalesce(max(position), -1) FROM step WHERE run = ?", number)
        done = tuple(codec.decode(StepReport, cast(bytes, report), limit=LIMIT * 2) for _, report in steps if report)
        doing = next((cast(str, resource) for resource, report in reversed(steps) if report is None), "")
        run = Run(
            trigger=Trigger(trigger),
            epoch=cast(int, epoch),
            number=cast(int, release_number),
            release=cast(bytes, release),
        )
        return Interrupted(id=cast(int, number), run=run, done=done, doing=doing, position=cast(int, last) + 1)

    def check(self) -> None:
        """Read what a start needs.

        Raises:
            Damaged: it is not what was written.
            StoreError: the disk fails.
        """
        try:
            self.interrupted()
        except (Malformed, ValueError, TypeError) as err:
            raise Damaged(f"the journal's newest run cannot be read: {err}") from err

    def note(self, name: str) -> bytes | None:
        """Something small that the executor remembers."""
        with self._database.transaction():
            rows = self._database.rows("SELECT value FROM note WHERE name = ?", name)
        return cast(bytes, rows[0][0]) if rows else None

    def set_note(self, name: str, value: bytes) -> None:
        """Remember it."""
        with self._database.transaction():
            self._database.run("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", name, value)

    def first_time(self, order: bytes, *, expires: int, now: int) -> bool:
        """Whether this order was not done before; from now on it was. Ids are kept until the order has expired."""
        with self._database.transaction():
            self._database.run("DELETE FROM done_order WHERE expires < ?", now)
            if self._database.rows("SELECT 1 FROM done_order WHERE id = ?", order):
                return False
            self._database.run("INSERT INTO done_order (id, expires) VALUES (?, ?)", order, expires)
        return True
