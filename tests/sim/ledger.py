"""A host's journal in a real SQLite in memory: what was committed stays, and a host may die right before or after it.

That a transaction is whole on a real disk is SQLite's promise, tested elsewhere (tests/system). It also tells the
history of every report that is made, which is what acknowledged ones are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

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
        self._known: dict[tuple[str, tuple[Value, ...]], list[Row]] = {}
        self._real: AbstractContextManager[None] | None = None  # SQLite's transaction, once there is one
        self._transaction = _Transaction(self)
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

    def transaction(self) -> AbstractContextManager[None]:
        return self._transaction

    def enter(self) -> None:
        """A transaction begins, maybe within another; SQLite hears of it with the first statement that it must see."""
        self._depth += 1

    def leave(self, err: BaseException | None) -> None:
        """It ends; the outermost one is what SQLite commits or undoes."""
        self._depth -= 1
        if self._depth:
            return
        wrote, self._wrote = self._wrote, False
        real, self._real = self._real, None
        died = self._dies(BEFORE) if wrote and err is None else None
        failed = err or died
        if failed is not None:
            self._new.clear()
            self._known.clear()
        if real is not None:
            real.__exit__(type(failed) if failed else None, failed, failed.__traceback__ if failed else None)
        if died is not None:
            raise died
        if wrote and err is None:
            for sequence, envelope in self._new:
                self._made(sequence, envelope)
            self._new.clear()
            self._reached(AFTER)

    def _dies(self, place: str) -> BaseException | None:
        try:
            self._reached(place)
        except BaseException as err:  # noqa: BLE001  what is open is undone first
            return err
        return None

    def _begin(self) -> None:
        if self._depth and self._real is None:
            self._real = self._whole()
            self._real.__enter__()

    def run(self, statement: str, *values: Value) -> int:
        self._begin()
        self._known.clear()
        self._wrote = True
        if statement.startswith("INSERT OR REPLACE INTO report"):
            sequence, envelope = values[0], values[1]
            assert isinstance(sequence, int)
            assert isinstance(envelope, bytes)
            self._new.append((sequence, envelope))
        return super().run(statement, *values)

    def rows(self, statement: str, *values: Value) -> list[Row]:
        """The same question has the same answer until something is written."""
        found = self._known.get((statement, values)) if self._depth else None
        if found is None:
            self._begin()
            found = self._known[statement, values] = super().rows(statement, *values)
        return list(found)


class _Transaction:
    """One object for all of a ledger's: it knows of them by their depth."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> None:
        self._ledger.enter()

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.leave(err)


class Forgetful(Ledger):
    """A fault: an outbox that forgets a report as soon as it was read to be sent."""

    def rows(self, statement: str, *values: Value) -> list[Row]:
        found = super().rows(statement, *values)
        if statement.startswith("SELECT envelope FROM report"):
            super().run("DELETE FROM report WHERE sequence = ?", *values)
        return found
