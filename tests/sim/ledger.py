"""A host's journal in a real SQLite in memory: what was committed stays, and a host may die right before or after it.

That a transaction is whole on a real disk is SQLite's promise, tested elsewhere (tests/system). It also tells the
history of every report that is made, which is what acknowledged ones are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from orch.minion.adapters.database import Database, Row, Value
from tests.sim.disk import Reached

PLACES = BEFORE, AFTER = ("before-commit", "after-commit")
Made = Callable[[int, bytes], None]
_laid: dict[tuple[str, ...], bytes] = {}
"""Databases of each schema as the product lays and checks them, before anything was written: each is a copy."""


class Ledger(Database):
    """One host's, for the life of the host and not of a process."""

    def __init__(self, schema: Sequence[str], reached: Reached, made: Made) -> None:
        """Empty; `made` is told each report that was committed."""
        self._reached = reached
        self._made = made
        self._new: list[tuple[int, bytes]] = []
        self._depth = 0
        self._wrote = False
        self.is_closed = False
        super().__init__(None, schema)

    def _open(self, schema: Sequence[str]) -> None:
        laid = _laid.get(tuple(schema))
        if laid is None:
            super()._open(schema)
            _laid[tuple(schema)] = self._connection.serialize()
            return
        self._connection.deserialize(laid)
        self._set_pragmas()

    def close(self) -> None:
        """It is damaged, and set aside: a new one takes its place."""
        self.is_closed = True
        super().close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._depth += 1
        try:
            with super().transaction():
                yield
                if self._wrote and self._depth == 1:
                    self._reached(BEFORE)
        except BaseException:
            self._new.clear()
            self._wrote = False
            raise
        finally:
            self._depth -= 1
        if self._wrote and not self._depth:
            self._wrote = False
            for sequence, envelope in self._new:
                self._made(sequence, envelope)
            self._new.clear()
            self._reached(AFTER)

    def run(self, statement: str, *values: Value) -> int:
        self._wrote = True
        if statement.startswith("INSERT OR REPLACE INTO report"):
            sequence, envelope = values[0], values[1]
            assert isinstance(sequence, int)
            assert isinstance(envelope, bytes)
            self._new.append((sequence, envelope))
        return super().run(statement, *values)


class Forgetful(Ledger):
    """A fault: an outbox that forgets a report as soon as it was read to be sent."""

    def rows(self, statement: str, *values: Value) -> list[Row]:
        found = super().rows(statement, *values)
        if statement.startswith("SELECT envelope FROM report"):
            super().run("DELETE FROM report WHERE sequence = ?", *values)
        return found
