"""What the store promises: the real one on SQLite, and the part of it that has a fake."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from orch.common.errors import OrchError, StoreError
from orch.common.merkle import Tree, leaf, root_from
from orch.common.release import Parcel
from orch.master.adapters.mailbox import Fail, Mailbox, Then
from orch.master.records import (
    Keeping,
    KeyRecord,
    NewReport,
    Placed,
    Publication,
    ScopeRecord,
    Sighting,
    Summary,
)
from orch.master.store import Store
from tests.fakes.store import MemoryReports

T = TypeVar("T")
A, B = b"a" * 32, b"b" * 32


class Reports(Protocol):
    """What is promised of the real one and of the fake."""

    def put_reports(self, reports: list[NewReport], keep: int, then: Then[None], fail: Fail) -> None: ...

    def newest_reports(
        self, curve: bytes, limits: tuple[int, int], then: Then[tuple[bytes, ...]], fail: Fail
    ) -> None: ...


class Asking:
    """Asks a store and waits for its word."""

    def __init__(self, reports: Reports, settle: Callable[[], None]) -> None:
        self.reports = reports
        self._settle = settle
        self.said: list[object] = []

    def tell(self, word: object) -> None:
        self.said.append(word)

    def words(self, count: int) -> list[object]:
        """The next words of the store."""
        end = time.clock_gettime(time.CLOCK_BOOTTIME) + 20
        while len(self.said) < count:
            self._settle()
            assert time.clock_gettime(time.CLOCK_BOOTTIME) < end, "the store says nothing"
        said, self.said = self.said, []
        return said

    def put(self, *reports: NewReport, keep: int = 200) -> object:
        self.reports.put_reports(list(reports), keep, self.tell, self.tell)
        return self.words(1)[0]

    def newest(self, curve: bytes, *, most: int = 20, size: int = 1 << 20) -> object:
        self.reports.newest_reports(curve, (most, size), self.tell, self.tell)
        return self.words(1)[0]


class Opened(Asking):
    """The real store."""

    def __init__(self, path: Path) -> None:
        self.mailbox = Mailbox()
        self.path = path
        self.store = Store(path, self.mailbox)
        super().__init__(self.store, self._deliver)

    def _deliver(self) -> None:
        for letter in self.mailbox.take():
            letter()

    def again(self) -> Opened:
        """Closed and opened, as by a new start."""
        self.close()
        return Opened(self.path)

    def close(self) -> None:
        self.store.close()
        self.mailbox.close()

    def publish(self, *made: Publication, bodies: dict[bytes, bytes]) -> object:
        self.store.put_releases(made, bodies, self.tell, self.tell)
        return self.words(1)[0]


def report(sequence: int, curve: bytes = A, *, gap: int = 0, text: str = "", received: int = 1000) -> NewReport:
    summary = Summary(
        sequence=sequence, received=received, epoch=1, number=2, release=b"r" * 32, outcome="applied", text=text
    )
    return NewReport(
        curve=curve, sequence=sequence, gap=gap, envelope=f"{curve[:1]!r} {sequence}".encode(), summary=summary
    )


def release(
    number: int, *curves: bytes, scope: str = "main", held: bool = False
) -> tuple[Publication, dict[bytes, bytes]]:
    bodies = {bytes([number]) + curve[1:]: b"document %d of %s" % (number, curve) for curve in curves}
    made = Publication(
        scope=scope,
        epoch=1,
        number=number,
        hash=bytes([number]) * 32,
        envelope=b"release %d" % number,
        held=held,
        received=1000,
        placed=tuple(
            Placed(curve=curve, document=name, leaf=leaf(body))
            for curve, (name, body) in zip(curves, bodies.items(), strict=True)
        ),
        contents=frozenset({bytes([number]) * 32}),
    )
    return made, bodies


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[Opened]]:
    """Stores that are closed at the end; the last one is open."""
    stores = [Opened(tmp_path / "store.db")]
    yield stores
    stores[-1].close()


@pytest.fixture(params=["sqlite", "memory"])
def asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asking]:
    if request.param == "memory":
        memory = MemoryReports()
        yield Asking(memory, memory.commit)
    else:
        real = Opened(tmp_path / "store.db")
        yield real
        real.close()


class TestReports:
    def test_are_given_back_newest_first(self, asking: Asking) -> None:
        assert asking.put(report(1), report(2)) is None
        assert asking.put(report(3), report(1, B)) is None
        assert asking.newest(A) == (b"b'a' 3", b"b'a' 2", b"b'a' 1")
        assert asking.newest(B) == (b"b'b' 1",)

    def test_are_given_back_as_many_as_have_room(self, asking: Asking) -> None:
        asking.put(report(1), report(2), report(3))
        assert asking.newest(A, most=2) == (b"b'a' 3", b"b'a' 2")
        assert asking.newest(A, size=13) == (b"b'a' 3", b"b'a' 2")

    @pytest.mark.parametrize("sequence", [1, 2, 4, 9])
    def test_that_do_not_follow_are_refused(self, asking: Asking, sequence: int) -> None:
        asking.put(report(1), report(2))
        assert isinstance(asking.put(report(sequence)), StoreError)
        assert asking.newest(A) == (b"b'a' 2", b"b'a' 1")
        assert asking.put(report(3)) is None

    def test_may_follow_a_gap_that_is_said(self, asking: Asking) -> None:
        assert asking.put(report(41, gap=40)) is None
        assert isinstance(asking.put(report(50, gap=7)), StoreError)
        assert asking.put(report(50, gap=8)) is None

    def test_are_dropped_when_newer_ones_fill_the_hosts_share(self, asking: Asking) -> None:
        asking.put(report(1), report(2), report(3), report(1, B), keep=2)
        asking.put(report(4), keep=2)
        assert asking.newest(A) == (b"b'a' 4", b"b'a' 3")
        assert asking.newest(B) == (b"b'b' 1",)

    def test_one_bad_batch_takes_no_good_one_with_it(self, asking: Asking) -> None:
        for reports in ([report(1)], [report(7, B)], [report(2)]):
            asking.reports.put_reports(reports, 200, asking.tell, asking.tell)
        said = asking.words(3)
        assert [isinstance(word, OrchError) for word in said] == [False, True, False]
        assert asking.newest(A) == (b"b'a' 2", b"b'a' 1")


class TestTheStore:
    def test_keeps_everything_over_a_new_start(self, opened: list[Opened]) -> None:
        first = opened[0]
        made, bodies = release(2, A, B)
        key = KeyRecord(curve=A, state="admitted", request=b"q", admission=b"adm", first=1, last=2)
        sighting = Sighting(curve=A, heard=77, policy=1, epoch=1, number=2, release=b"r" * 32)
        first.store.put_policy(1, b"policy", first.tell, first.tell)
        first.store.put_key(key, 1, first.tell, first.tell)
        first.store.put_sightings([sighting], first.tell, first.tell)
        assert first.words(3) == [None] * 3
        first.publish(made, bodies=bodies)
        first.put(report(1, text="said"))
        opened.append(first.again())
        found = opened[-1].store.load()
        assert found.policies == ((1, b"policy"),)
        assert found.keys == (key,)
        assert found.sightings == (sighting,)
        assert found.scopes == (ScopeRecord(scope="main", epoch=1, number=2, release=made.hash),)
        assert [(item.hash, item.leaves) for item in found.releases] == [
            (made.hash, tuple(item.leaf for item in made.placed))
        ]
        assert {(head.curve, head.index, head.document) for head in found.heads} == {
            (item.curve, index, bodies[item.document]) for index, item in enumerate(made.placed)
        }
        assert [(curve, summary.text) for curve, summary in found.latest] == [(A, "said")]

    def test_keeps_a_release_wholly_or_not_at_all(self, opened: list[Opened]) -> None:
        (step, bodies), (twin, more) = release(2, A), release(2, B)
        assert opened[0].publish(step, bodies=bodies) is None
        other = release(4, A, B)
        assert isinstance(opened[0].publish(other[0], twin, bodies={**other[1], **more}), StoreError)
        found = opened[0].store.load()
        assert [(head.curve, head.document) for head in found.heads] == [(A, b"document 2 of " + A)]
        assert found.scopes[0].number == 2

    def test_holds_a_return_back(self, opened: list[Opened]) -> None:
        (step, bodies), (back, more) = release(2, A), release(3, A, held=True)
        assert opened[0].publish(step, back, bodies={**bodies, **more}) is None
        found = opened[0].store.load()
        assert ([head.release for head in found.heads], found.scopes[0].number) == ([step.hash], 2)

    def test_gives_each_host_its_newest_release_though_others_went_on(self, opened: list[Opened]) -> None:
        for number, curves in ((2, (A, B)), (4, (B,))):
            made, bodies = release(number, *curves)
            opened[0].publish(made, bodies=bodies)
        found = {head.curve: head.release for head in opened[0].store.load().heads}
        assert found == {A: bytes([2]) * 32, B: bytes([4]) * 32}

    def test_drops_old_releases_and_documents_but_none_that_is_a_hosts_newest(self, opened: list[Opened]) -> None:
        for number, curves in ((2, (A,)), (4, (B,)), (6, (B,)), (8, (B,))):
            made, bodies = release(number, *curves)
            opened[0].publish(made, bodies=bodies)
        store = opened[0].store
        store.prune(Keeping(releases=1, since=0), opened[0].tell, opened[0].tell)
        (contents,) = opened[0].words(1)
        assert contents == {bytes([2]) * 32, bytes([8]) * 32}
        with sqlite3.connect(opened[0].path) as database:
            assert database.execute("select count(*) from documents").fetchone() == (2,)
        database.close()
        assert len(store.load().heads) == 2

    def test_drops_old_reports_but_not_a_hosts_newest(self, opened: list[Opened]) -> None:
        opened[0].put(report(1, received=10), report(2, received=20), report(1, B, received=10))
        opened[0].put(report(3, received=2000))
        opened[0].store.prune(Keeping(releases=1, since=1000), opened[0].tell, opened[0].tell)
        opened[0].words(1)
        assert opened[0].newest(A) == (b"b'a' 3",)
        assert opened[0].newest(B) == (b"b'b' 1",)

    def test_gives_a_hosts_releases_the_newest_first_as_many_as_fit(self, opened: list[Opened]) -> None:
        store = opened[0]
        for number in (2, 4, 6):
            made, bodies = release(number, A, *([B] if number != 4 else []))
            store.publish(made, bodies=bodies)
        held, bodies = release(7, A, held=True)
        store.publish(held, bodies=bodies)
        store.store.history(A, (20, 1 << 20), store.tell, store.tell)
        store.store.history(B, (20, 1 << 20), store.tell, store.tell)
        store.store.history(A, (2, 1 << 20), store.tell, store.tell)
        store.store.history(A, (20, 30), store.tell, store.tell)
        names = [[name for name, _ in found] for found in store.words(4)]  # type: ignore[attr-defined]
        r2, r4, r6 = (b"release %d" % number for number in (2, 4, 6))
        assert names == [[r6, r4, r2], [r6, r2], [r6, r4], [r6]]

    def test_gives_a_hosts_document_of_a_release_with_its_proof(self, opened: list[Opened]) -> None:
        store = opened[0]
        made, bodies = release(2, A, B)
        store.publish(made, bodies=bodies)
        store.store.parcel(B, made.hash, store.tell, store.tell)
        store.store.parcel(b"c" * 32, made.hash, store.tell, store.tell)
        store.store.parcel(B, bytes(32), store.tell, store.tell)
        found, nobody, nothing = store.words(3)
        assert (nobody, nothing) == (None, None)
        assert isinstance(found, Parcel)
        assert (found.release, found.document) == (b"release 2", b"document 2 of " + B)
        root = Tree([item.leaf for item in made.placed]).root
        assert root_from(leaf(found.document), found.proof, 2) == root

    def test_brings_a_database_of_the_first_version_up_to_date(self, opened: list[Opened]) -> None:
        path = opened[0].path
        opened[0].close()
        with sqlite3.connect(path) as database:
            database.execute("drop index placements_curve")
            database.execute("update about set version = 1")
        database.close()
        opened.append(Opened(path))
        with sqlite3.connect(path) as database:
            assert database.execute("select version from about").fetchall() == [(2,)]
            assert database.execute("select 1 from sqlite_master where name = 'placements_curve'").fetchall()
        database.close()

    def test_refuses_a_database_of_a_newer_version(self, opened: list[Opened]) -> None:
        path = opened[0].path
        opened[0].close()
        with sqlite3.connect(path) as database:
            database.execute("update about set version = 3")
        database.close()
        mailbox = Mailbox()
        with pytest.raises(StoreError, match="newer version"):
            Store(path, mailbox)
        mailbox.close()
        with sqlite3.connect(path) as database:
            database.execute("update about set version = 2")
        database.close()
        opened.append(Opened(path))

    def test_refuses_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "store.db").write_bytes(b"nonsense " * 1000)
        mailbox = Mailbox()
        with pytest.raises(StoreError, match="cannot be opened"):
            Store(tmp_path / "store.db", mailbox)
        mailbox.close()
