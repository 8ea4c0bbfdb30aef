"""A store in memory, for tests in which the disk would only be slow, or has to fail.

What is asked is done when the test says `commit`, in one go, like a batch of the real one. tests/contract/test_store.py
holds both to the same promises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orch.common.errors import OrchError, StoreError
from orch.master.records import NewReport

Job = Callable[[], None]


class MemoryReports:
    """The part of the store that takes reports."""

    def __init__(self) -> None:
        self.kept: dict[bytes, list[NewReport]] = {}
        self.full = False
        self._waiting: list[tuple[Job, Job, Callable[[OrchError], None]]] = []

    def put_reports(
        self,
        reports: Sequence[NewReport],
        keep: int,
        then: Callable[[None], None],
        fail: Callable[[OrchError], None],
    ) -> None:
        self._waiting.append((lambda: self._put(reports, keep), lambda: then(None), fail))

    def newest_reports(
        self,
        curve: bytes,
        limits: tuple[int, int],
        then: Callable[[tuple[bytes, ...]], None],
        fail: Callable[[OrchError], None],
    ) -> None:
        most, size = limits
        found: list[bytes] = []
        for item in reversed(self.kept.get(curve, [])[-most:]):
            size -= len(item.envelope)
            if size < 0:
                break
            found.append(item.envelope)
        then(tuple(found))

    def commit(self) -> None:
        """Do what waits, and tell everybody."""
        waiting, self._waiting = self._waiting, []
        for job, then, fail in waiting:
            try:
                job()
            except StoreError as err:
                fail(err)
            else:
                then()

    def _put(self, reports: Sequence[NewReport], keep: int) -> None:
        if self.full:
            raise StoreError("the disk is full")
        last = {curve: items[-1].sequence for curve, items in self.kept.items()}
        for item in reports:
            if item.sequence - item.gap != last.get(item.curve, 0) + 1:
                raise StoreError(f"report {item.sequence} does not follow")
            last[item.curve] = item.sequence
        for item in reports:
            items = self.kept.setdefault(item.curve, [])
            items.append(item)
            self.kept[item.curve] = [old for old in items if old.sequence > item.sequence - keep]
