"""A damaged journal: set aside, begun anew, and said. Real files, in many kinds of damage."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orch.common.errors import StoreError
from orch.common.report import Outcome
from orch.minion import ledger
from orch.minion.adapters.database import Database
from tests.fakes.bench import Bench, bench

Damage = Callable[[Path], object]


def sql(*statements: str) -> Damage:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return damage


def overwritten(start: int, data: bytes) -> Damage:
    def damage(path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[:start] + data + whole[start + len(data) :])

    return damage


def a_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


DAMAGES: dict[str, Damage] = {
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(50_000)),
    "text": lambda path: path.write_text("this is no database\n" * 100),
    "empty": lambda path: path.write_bytes(b""),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut to a header": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "cut to a page": lambda path: path.write_bytes(path.read_bytes()[:4096]),
    "cut to half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one page zeroed": overwritten(4096, bytes(4096)),
    "header spoiled": overwritten(16, b"\xff" * 80),
    "a folder": a_folder,
    "a later version": sql("PRAGMA user_version=99"),
    "no version": sql("PRAGMA user_version=0"),
    "a table too few": sql("DROP TABLE done_order"),
    "a table too many": sql("CREATE TABLE guest (name TEXT)"),
    "other columns": sql("ALTER TABLE run ADD COLUMN colour TEXT"),
    "no counter": sql("DELETE FROM counter"),
    "a number that is none": sql("PRAGMA ignore_check_constraints=1", "UPDATE counter SET newest = 'many'"),
    "a report too few": sql("UPDATE counter SET newest = newest + 5"),
    "a run of no kind": sql("INSERT INTO run VALUES (9, 'whim', 1, 2, x'', 1, NULL, NULL)"),
    "a step that is none": sql(
        "INSERT INTO run VALUES (9, 'boot', 1, 2, x'', 1, NULL, NULL)", "INSERT INTO step VALUES (9, 0, 'x', 1, x'c1')"
    ),
}


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    found = bench(tmp_path)
    found.settle()
    found.core.database.close()
    return found


def again(host: Bench) -> None:
    host.start()
    host.work()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_journal_is_set_aside_begun_anew_and_reported(host: Bench, damage: Damage) -> None:
    damage(host.layout.journal)
    again(host)
    assert ledger.aside(host.layout, 1).exists()
    lost, turn = host.reports()[0], host.reports()[-1]
    assert lost.reason is not None
    assert lost.reason.code == "journal-lost"
    assert str(host.layout.journal) in lost.reason.text or "journal" in lost.reason.text
    assert (turn.outcome, turn.number) == (Outcome.APPLIED, 2)
    floor = host.core.inbox.standing().floor
    assert (floor.number, host.machine.packages) == (2, {"dpkg", "nano"})
    again(host)
    assert not ledger.aside(host.layout, 2).exists()


def test_the_loss_is_said_under_a_number_that_the_centre_has_not_yet(host: Bench) -> None:
    made = host.core.outbox.newest
    host.layout.journal.write_bytes(b"")
    again(host)
    host.connect_again()
    host.ack(made + 40)
    host.work()
    reports = host.reports()
    assert [report.sequence for report in reports] == list(range(made + 41, made + 41 + len(reports)))
    assert reports[0].reason is not None
    assert "reports made since" in reports[0].reason.text
    assert "is empty" in reports[0].reason.text
    assert reports[-1].outcome is Outcome.APPLIED


def test_a_journal_that_somebody_removed_is_missed_when_the_centre_knows_more(host: Bench) -> None:
    host.layout.journal.unlink()
    again(host)
    host.connect_again()
    host.ack(40)
    host.work()
    assert [report.reason.code for report in host.reports() if report.reason] == ["journal-lost"]
    assert host.reports()[0].sequence == 41


def test_no_more_than_the_newest_damaged_ones_are_kept(host: Bench) -> None:
    for number in range(ledger.KEPT + 2):
        host.layout.journal.write_bytes(b"damage %d" % number)
        again(host)
        host.core.database.close()
    kept = sorted(path.name for path in host.layout.state.glob("journal.db.damaged-?"))
    assert kept == ["journal.db.damaged-1", "journal.db.damaged-2"]
    assert ledger.aside(host.layout, 1).read_bytes() == b"damage 3"


def test_a_disk_that_fails_is_no_damage_and_nothing_is_set_aside(host: Bench) -> None:
    def failing(path: Path, schema: object) -> Database:
        raise StoreError("Input/output error")

    with pytest.raises(StoreError, match="Input/output"):
        ledger.opened(host.layout, failing, host.log)
    assert not ledger.aside(host.layout, 1).exists()


def test_a_host_starts_whatever_bytes_of_its_journal_were_turned(host: Bench) -> None:
    whole, chance = host.layout.journal.read_bytes(), random.Random(7)
    for _ in range(25):
        spoiled = bytearray(whole)
        for _ in range(chance.choice((1, 4, 64))):
            spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        host.layout.journal.write_bytes(spoiled)
        again(host)
        host.tick(1200)
        host.work()
        assert host.machine.packages == {"dpkg", "nano"}
        host.core.database.close()
