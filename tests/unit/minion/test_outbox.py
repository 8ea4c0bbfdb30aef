from __future__ import annotations

from pathlib import Path

import pytest

from orch.common.errors import StoreError
from orch.minion.adapters.database import Database
from orch.minion.outbox import SCHEMA, Outbox


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "journal.db", SCHEMA)


def put(database: Database, outbox: Outbox, text: str) -> int:
    with database.transaction():
        place = outbox.place()
        outbox.add(place, text.encode(), f"hash of {text}".encode())
    outbox.settled()
    return place.sequence


def test_reports_are_numbered_without_gaps_and_name_the_one_before(database: Database) -> None:
    outbox = Outbox(database)
    assert outbox.place().previous == b""
    assert [put(database, outbox, text) for text in "abc"] == [1, 2, 3]
    assert outbox.place().previous == b"hash of c"
    assert outbox.unsent == (1, 2, 3)


def test_a_report_stays_until_it_is_acknowledged(database: Database) -> None:
    outbox = Outbox(database)
    for text in "abc":
        put(database, outbox, text)
    assert outbox.forget(2)
    assert (outbox.unsent, outbox.committed, outbox.newest) == ((3,), 2, 3)
    assert outbox.envelopes((1, 2, 3)) == [(3, b"c")]
    assert not outbox.forget(2)
    assert not outbox.forget(1)


def test_the_numbers_go_on_in_the_next_process(tmp_path: Path, database: Database) -> None:
    outbox = Outbox(database)
    put(database, outbox, "a")
    outbox.forget(1)
    database.close()
    again = Outbox(Database(tmp_path / "journal.db", SCHEMA))
    assert (again.newest, again.committed, again.unsent) == (1, 1, ())
    assert again.place().sequence == 2


def test_a_report_that_its_transaction_did_not_end_is_not_there(database: Database) -> None:
    outbox = Outbox(database)
    with pytest.raises(StoreError, match="no room"):
        _fails_inside(database, outbox)
    assert outbox.unsent == ()
    assert put(database, outbox, "b") == 1


def _fails_inside(database: Database, outbox: Outbox) -> None:
    with database.transaction():
        outbox.add(outbox.place(), b"a", b"h")
        raise StoreError("no room")


def test_when_there_is_no_room_a_new_report_takes_the_place_of_the_newest(database: Database) -> None:
    outbox = Outbox(database, limit=3)
    for text in "abcd":
        put(database, outbox, text)
    assert outbox.unsent == (1, 2, 3)
    assert outbox.envelopes((1, 2, 3)) == [(1, b"a"), (2, b"b"), (3, b"d")]
    place = outbox.place()
    assert (place.sequence, place.previous, place.replaces) == (3, b"hash of b", b"d")


def test_it_is_bounded_by_bytes_as_well_and_what_may_be_under_way_is_never_replaced(database: Database) -> None:
    outbox = Outbox(database, size=1000)
    for number in range(1, 101):
        put(database, outbox, f"{number:03}" * 10)
    assert outbox.unsent == tuple(range(1, 66))
    kept = outbox.envelopes(outbox.unsent)
    assert [envelope[:3] for _, envelope in kept] == [b"%03d" % number for number in (*range(1, 65), 100)]
    outbox.forget(64)
    assert put(database, outbox, "there is room again") == 66


def test_large_reports_for_a_year_without_a_line_take_no_more_than_the_stated_room(database: Database) -> None:
    outbox = Outbox(database, size=1_000_000)
    for _day in range(366):
        with database.transaction():
            outbox.add(outbox.place(), bytes(10_000), bytes(32))
        outbox.settled()
    ((pages,),), ((page,),) = _asked(database, "PRAGMA page_count"), _asked(database, "PRAGMA page_size")
    assert isinstance(pages, int)
    assert isinstance(page, int)
    assert pages * page < 1_300_000


def _asked(database: Database, what: str) -> list[tuple[object, ...]]:
    with database.transaction():
        return [*database.rows(what)]


def test_after_a_lost_journal_the_numbers_go_on_where_the_centre_is(database: Database) -> None:
    outbox = Outbox(database)
    assert outbox.forget(40)
    assert put(database, outbox, "a") == 41


def test_who_carries_reports_away_gets_pages_and_never_one_that_may_be_rewritten(database: Database) -> None:
    outbox = Outbox(database, limit=4)
    for text in ("a", "b", "c" * 10):
        put(database, outbox, text)
    assert outbox.settled_ones(0, most=9, room=99) == (b"a", b"b", b"c" * 10)
    assert outbox.settled_ones(1, most=1, room=99) == (b"b",)
    assert outbox.settled_ones(0, most=9, room=3) == (b"a", b"b")
    assert outbox.settled_ones(2, most=9, room=3) == (b"c" * 10,)
    put(database, outbox, "d")
    carried = outbox.settled_ones(0, most=9, room=99)
    assert carried == (b"a", b"b", b"c" * 10)
    assert put(database, outbox, "e") == 4  # there was no room for a fifth
    assert outbox.settled_ones(0, most=9, room=99) == carried
    outbox.forget(3)
    assert outbox.settled_ones(3, most=9, room=99) == (b"e",)
