"""The journal's database: the only door to SQLite on a host.

Refuses to do: know what is in it (journal.py and outbox.py do), or wait for another process: the executor alone has it.

Invariants:
- `synchronous=FULL` on a write-ahead log: what a transaction said is there after a power cut, whole;
- a new file is whole before it has its name; one that is empty was lost, and is Damaged;
- one transaction at a time, whichever thread it is in; statements outside one are refused;
- a file that is no database, was cut, spoiled or laid out otherwise is Damaged, at the start: whoever opens it decides
  what becomes of it. A disk that is full or fails is a StoreError, and the file is left alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias

from orch.common.errors import Damaged, StoreError
from orch.minion.adapters import disk

Value: TypeAlias = "int | str | bytes | None"
Row: TypeAlias = "tuple[Value, ...]"

_HINT: Final = "look at the disk: df, dmesg"
VERSION: Final = 1
BESIDE: Final = ("", "-wal", "-shm")
"""What SQLite appends to a database's name for its files."""
_SPOILED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH)
_LAYOUT: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
MEMORY: Final = ":memory:"


class Database:
    """One file, one connection, one transaction at a time."""

    def __init__(self, path: Path | None, schema: Sequence[str]) -> None:
        """Open the file, and make it with this schema where it is new; None: in memory, for simulations.

        Raises:
            Damaged: not a database, spoiled, or of another version.
            StoreError: the disk fails.
        """
        self._path = path or MEMORY
        self._door = _Door(self._path)
        self._lock = threading.RLock()
        self._inside = False
        if path is not None:
            self._make(path, schema)
        with self._door:
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            self._open(schema)
        except BaseException:
            self._connection.close()
            raise

    def _open(self, schema: Sequence[str]) -> None:
        with self._door:
            self._set_pragmas()
            self._check()
            self._check_end()
        self._set_up(schema)
        with self._door:
            self._check_layout(schema)

    def _set_pragmas(self) -> None:
        self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA foreign_keys=ON")

    def _make(self, path: Path, schema: Sequence[str]) -> None:
        try:
            if not path.exists():
                self._lay(path, schema)
            elif not (path.is_file() and path.stat().st_size):
                raise Damaged(f"{path} is empty, or no file")
        except OSError as err:
            raise StoreError(f"cannot make {path}: {err.strerror}", hint=_HINT) from err

    def _lay(self, path: Path, schema: Sequence[str]) -> None:
        """A new one, beside its place and then in it: a power cut must not leave one that looks like a lost one."""
        beside = path.with_name(f".{path.name}.new")
        _remove(beside)
        try:
            # SQLite gives its other files the mode of this one; what hosts report is not for every user to read.
            beside.touch(mode=0o600)
            with self._door, contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as made:
                made.execute("PRAGMA synchronous=FULL")
                made.execute("BEGIN")
                for statement in (*schema, f"PRAGMA user_version={VERSION}", "COMMIT"):
                    made.execute(statement)
            _remove(path)  # the log of one that was taken away would be played into this one
            beside.replace(path)
            disk.REAL.sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                _remove(beside)
            raise

    def _check(self) -> None:
        (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise Damaged(f"{self._path} is damaged: {found}")

    def _check_end(self) -> None:
        """SQLite takes a last page that was cut for one that ends in zeros."""
        path = Path(self._path)
        ((page,),) = self._connection.execute("PRAGMA page_size").fetchall()
        if path.is_file() and path.stat().st_size % page:
            # A power cut in the middle of the last one may have cut it too.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if path.stat().st_size % page:
                raise Damaged(f"{path} is damaged: it was cut")

    def _check_layout(self, schema: Sequence[str]) -> None:
        """SQLite checks neither that the tables are the right ones nor that a value is of its column's type."""
        with contextlib.closing(sqlite3.connect(":memory:")) as model:
            for statement in schema:
                model.execute(statement)
            if model.execute(_LAYOUT).fetchall() != self._connection.execute(_LAYOUT).fetchall():
                raise Damaged(f"{self._path} is damaged: its tables are others")
            for (table,) in model.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [row[1:3] for row in model.execute(f"PRAGMA table_info({table})") if row[3]]
                wrong = " OR ".join(f"typeof({name}) != '{kind.lower()}'" for name, kind in columns) or "0"
                # The names are those of our own schema.
                if self._connection.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():  # noqa: S608
                    raise Damaged(f"{self._path} is damaged: a value of {table} has the wrong type")

    def _set_up(self, schema: Sequence[str]) -> None:
        with self.transaction():
            ((version,),) = self.rows("PRAGMA user_version")
            if version == VERSION:
                return
            if version != 0 or self.rows(_LAYOUT):
                raise Damaged(f"{self._path} was written by another version")
            for statement in schema:
                self.run(statement)
            self.run(f"PRAGMA user_version={VERSION}")

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. One inside another belongs to the outer one.

        Raises:
            StoreError: the disk is full or failing; nothing of it happened.
        """
        return self._whole()

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        with self._lock:
            if self._inside:
                yield
                return
            with self._door:
                self._connection.execute("BEGIN IMMEDIATE")
            self._inside = True
            try:
                yield
                with self._door:
                    self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    def run(self, statement: str, *values: Value) -> int:
        """Change something, inside a transaction.

        Returns:
            The id of the row that was inserted, where one was.

        Raises:
            StoreError: the disk is full or failing.
        """
        self._demand_transaction()
        with self._door:
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, *values: Value) -> list[Row]:
        """Look something up, inside a transaction.

        Raises:
            StoreError: the disk fails.
        """
        self._demand_transaction()
        with self._door:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    def _demand_transaction(self) -> None:
        if not self._inside:
            raise StoreError("a statement outside a transaction: a mistake in the program")


class _Door:
    """SQLite's errors as orch's; one object for a database's life, as each statement goes through it."""

    __slots__ = ("_path",)

    def __init__(self, path: Path | str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(err, sqlite3.Error):
            return
        if getattr(err, "sqlite_errorcode", 0) & 0xFF in _SPOILED:
            raise Damaged(f"{self._path}: {err}") from err
        raise StoreError(f"{self._path}: {err}", hint=_HINT) from err


def _remove(path: Path) -> None:
    """A database that is not in use, if it is there, with what SQLite keeps beside it."""
    for end in ("-journal", *reversed(BESIDE)):
        path.with_name(path.name + end).unlink(missing_ok=True)
