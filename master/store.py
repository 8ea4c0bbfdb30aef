"""The store: everything that must survive, on SQLite, written by one thread in batches.

Whoever calls gets its answer in the loop's thread, after the commit. All operations that wait when the writer is free
go into one transaction: at a batch of hundreds a full sync costs next to nothing (measured.md section 3).

Invariants:
- `then` is called only after the commit: what is acknowledged is on the disk;
- an operation that fails takes none of its batch with it: the batch is undone and each one done again alone;
- the loop never waits for the disk: the writer and the reads of size have a thread each, of `hire`.

Called by the hub's parts; `load` by `__main__` before the loop begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from orch.common.errors import OrchError, StoreError
from orch.common.release import Parcel
from orch.master import store_jobs as jobs
from orch.master.adapters.mailbox import Fail, Mailbox, Task, Then, Worker, Works
from orch.master.records import Keeping, KeyRecord, Loaded, NewReport, Publication, Sighting
from orch.master.store_schema import open_database, reason

T = TypeVar("T")
MOST = 1000
"""Operations in one transaction."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An operation: how to do it in an open transaction, and whom to tell what."""

    attempt: Callable[[Connection], Task]  # returns what to tell after the commit
    refuse: Callable[[OrchError], Task]


class Store:
    """The front of the store, for the loop's thread."""

    def __init__(self, path: Path, mailbox: Mailbox, hire: Callable[[Mailbox, str], Works] = Worker) -> None:
        """Open the database and start its threads.

        Raises:
            StoreError: it cannot be opened, or was written by a newer version.
        """
        self._engine = open_database(path)
        self._mailbox = mailbox
        self._waiting: deque[_Waiting] = deque()
        self._connection: Connection | None = None  # the writer's
        self._reader, self._writer = hire(mailbox, "store-reader"), hire(mailbox, "store-writer")

    def load(self) -> Loaded:
        """Read what the roster keeps in memory; waits for the disk.

        Raises:
            StoreError: it cannot be read.
        """
        return _reading(self._engine, jobs.load)

    def put_policy(self, version: int, envelope: bytes, then: Then[None], fail: Fail) -> None:
        """Keep a policy version."""
        self._ask(lambda connection: jobs.put_policy(connection, version, envelope), then, fail)

    def put_key(self, record: KeyRecord, serial: int, then: Then[None], fail: Fail) -> None:
        """Keep how a key stands."""
        self._ask(lambda connection: jobs.put_key(connection, record, serial), then, fail)

    def put_releases(
        self, made: Sequence[Publication], bodies: Mapping[bytes, bytes], then: Then[None], fail: Fail
    ) -> None:
        """Keep releases with their documents, wholly or not at all."""

        def job(connection: Connection) -> None:
            for publication in made:
                wanted = {item.document: bodies[item.document] for item in publication.placed}
                jobs.put_release(connection, publication, wanted)

        self._ask(job, then, fail)

    def put_reports(self, reports: Sequence[NewReport], keep: int, then: Then[None], fail: Fail) -> None:
        """Commit reports, each host's in order; `then` may acknowledge them."""
        self._ask(lambda connection: jobs.put_reports(connection, reports, keep), then, fail)

    def put_sightings(self, found: Sequence[Sighting], then: Then[None], fail: Fail) -> None:
        """Keep when hosts were heard."""
        self._ask(lambda connection: jobs.put_sightings(connection, found), then, fail)

    def prune(self, keeping: Keeping, then: Then[frozenset[bytes]], fail: Fail) -> None:
        """Drop what is too old; gives the contents that are still named."""
        self._ask(lambda connection: jobs.prune(connection, keeping), then, fail)

    def newest_reports(self, curve: bytes, limits: tuple[int, int], then: Then[tuple[bytes, ...]], fail: Fail) -> None:
        """A host's newest reports; `limits` are how many and how many bytes at most."""
        most, size = limits
        self._read(lambda connection: jobs.newest_reports(connection, curve, most=most, size=size), then, fail)

    def history(
        self, curve: bytes, limits: tuple[int, int], then: Then[tuple[tuple[bytes, int], ...]], fail: Fail
    ) -> None:
        """A host's newest releases and when each came; `limits` are how many and how many bytes at most."""
        most, size = limits
        self._read(lambda connection: jobs.history(connection, curve, most=most, size=size), then, fail)

    def parcel(self, curve: bytes, release: bytes, then: Then[Parcel | None], fail: Fail) -> None:
        """A host's document in a release, if both are still kept."""
        self._read(lambda connection: jobs.parcel(connection, curve, release=release), then, fail)

    def reports_after(
        self, curve: bytes, after: int, limits: tuple[int, int], then: Then[tuple[bytes, ...]], fail: Fail
    ) -> None:
        """A host's reports above a number, in their order; `limits` are how many and how many bytes at most."""
        self._read(lambda connection: jobs.reports_after(connection, curve, after=after, limits=limits), then, fail)

    def signed(self, then: Then[tuple[tuple[str, bytes], ...]], fail: Fail) -> None:
        """Everything that operators signed and that is kept."""
        self._read(jobs.signed, then, fail)

    def close(self) -> None:
        """Finish what was asked for and end the threads; results of it stay in the mailbox."""
        self._writer.ask(self._end, _ignore, _ignore)
        self._writer.close()
        self._reader.close()
        self._engine.dispose()

    def _read(self, job: Callable[[Connection], T], then: Then[T], fail: Fail) -> None:
        self._reader.ask(lambda: _reading(self._engine, job), then, fail)

    def _ask(self, job: Callable[[Connection], T], then: Then[T], fail: Fail) -> None:
        def attempt(connection: Connection) -> Task:
            value = job(connection)
            return lambda: then(value)

        def refuse(err: OrchError) -> Task:
            return lambda: fail(err)

        self._waiting.append(_Waiting(attempt, refuse))
        self._writer.ask(self._write, _ignore, _ignore)

    def _write(self) -> None:
        """Commit what waits, in the writer's thread; what came meanwhile finds itself done."""
        batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        if not batch:
            return
        try:
            self._connection = self._connection or self._engine.connect()
        except SQLAlchemyError as err:
            for waiting in batch:
                self._mailbox.post(waiting.refuse(_explained(err)))
            return
        self._commit(self._connection, batch)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _commit(self, connection: Connection, batch: Sequence[_Waiting]) -> None:
        try:
            with connection.begin():
                letters = [waiting.attempt(connection) for waiting in batch]
        except Exception as err:  # noqa: BLE001  the writer's outermost loop: whoever asked is told, the thread lives on
            if len(batch) == 1:
                self._mailbox.post(batch[0].refuse(_explained(err)))
                return
            for waiting in batch:
                self._commit(connection, [waiting])
            return
        for letter in letters:
            self._mailbox.post(letter)


def _ignore(_outcome: object) -> None:
    """Whoever asked is told by a letter of its own, after the commit."""


def _reading(engine: Engine, job: Callable[[Connection], T]) -> T:
    try:
        with engine.connect() as connection, connection.begin():
            return job(connection)
    except SQLAlchemyError as err:
        raise _explained(err) from err


def _explained(err: Exception) -> OrchError:
    if isinstance(err, OrchError):
        return err
    if isinstance(err, SQLAlchemyError):
        hint = "is the disk full, read-only or failing? nothing was acknowledged, hosts will repeat it"
        return StoreError(f"the database refuses: {reason(err)}", hint=hint)
    return StoreError(f"a mistake in the program: {type(err).__name__}: {err}")
