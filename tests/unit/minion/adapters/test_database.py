from __future__ import annotations

from pathlib import Path

import pytest

from orch.common.errors import Damaged, StoreError
from orch.minion.adapters.database import Database

SCHEMA = ("CREATE TABLE thing (name TEXT PRIMARY KEY)",)


def names(database: Database) -> list[object]:
    with database.transaction():
        return [row[0] for row in database.rows("SELECT name FROM thing ORDER BY name")]


def add(database: Database, name: str) -> None:
    with database.transaction():
        database.run("INSERT INTO thing VALUES (?)", name)


def test_what_a_transaction_said_is_there_in_the_next_process(tmp_path: Path) -> None:
    first = Database(tmp_path / "db", SCHEMA)
    add(first, "a")
    first.close()
    assert names(Database(tmp_path / "db", SCHEMA)) == ["a"]


def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", SCHEMA)
    with pytest.raises(KeyError):
        _fails_inside(database)
    add(database, "c")
    assert names(database) == ["c"]


def _fails_inside(database: Database) -> None:
    with database.transaction():
        database.run("INSERT INTO thing VALUES (?)", "a")
        with database.transaction():
            database.run("INSERT INTO thing VALUES (?)", "b")
        raise KeyError


def test_every_commit_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", SCHEMA)
    with database.transaction():
        assert database.rows("PRAGMA synchronous") == [(2,)]
        assert database.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_damaged_file_is_an_error_and_not_an_empty_journal(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is no database" * 100)
    with pytest.raises(Damaged):
        Database(tmp_path / "db", SCHEMA)


def test_a_new_one_has_its_name_when_it_is_whole_and_nothing_is_left_of_one_that_failed(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Database(tmp_path / "db", (*SCHEMA, "CREATE TABLE half ("))
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_of_an_attempt_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".db.new").write_bytes(b"half")
    (tmp_path / ".db.new-journal").write_bytes(b"half")
    assert names(Database(tmp_path / "db", SCHEMA)) == []
    assert {path.name for path in tmp_path.iterdir()} == {"db", "db-wal", "db-shm"}
    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600


def test_the_log_of_a_file_that_was_taken_away_is_not_played_into_a_new_one(tmp_path: Path) -> None:
    first = Database(tmp_path / "db", SCHEMA)
    add(first, "a")
    log = (tmp_path / "db-wal").read_bytes()
    first.close()
    (tmp_path / "db").unlink()
    (tmp_path / "db-wal").write_bytes(log)
    assert names(Database(tmp_path / "db", SCHEMA)) == []


def test_a_statement_outside_a_transaction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Database(tmp_path / "db", SCHEMA).rows("SELECT 1")


def test_a_doubled_row_is_our_own_error_and_not_sqlites(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", SCHEMA)
    add(database, "a")
    with pytest.raises(StoreError):
        add(database, "a")


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", SCHEMA)
    with database.transaction():
        database.run("PRAGMA user_version=99")
    database.close()
    with pytest.raises(Damaged, match="another version"):
        Database(tmp_path / "db", SCHEMA)
