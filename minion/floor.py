"""The floor on disk: two slots, one written after the other, so that a power cut spoils at most the one being written.

Refuses to do: begin. `enrol` lays both slots once, a signed reset lays them anew (inbox.py); in between a floor that is
not there is a lost one, because "no file" must never mean "accept anything". (design section 3, decision 0005)

Invariants:
- the second slot is written when the first is safe on the disk, so one of them is whole at every moment;
- when `write` returns, both slots hold the new floor; callers act only then. So one damaged slot costs nothing, and
  never brings the floor before back; two raise FloorLost;
- a kill between the two leaves the old and the new one: the new one counts, and `load` makes both alike again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orch.common import codec
from orch.common.errors import FloorLost, Malformed, OrchError, StoreError
from orch.common.events import FLOOR_SLOT_BAD, PROBLEM, Log
from orch.common.standing import Floor
from orch.minion.adapters import files
from orch.minion.adapters.disk import REAL, Disk

_LIMIT: Final = 128 * 1024
_CHECK: Final = 32
SLOTS: Final = ("floor.a", "floor.b")


@dataclass(frozen=True, slots=True)
class _Slot:
    turn: int
    floor: Floor


class FloorFile:
    """Both slots of one host."""

    def __init__(self, folder: Path, log: Log, disk: Disk = REAL) -> None:
        """Look into this folder at `load`."""
        self._paths = tuple(folder / name for name in SLOTS)
        self._disk = disk
        self._log = log
        self._turn = 0
        self._first = 0  # never the only slot that is whole

    def lay(self, floor: Floor) -> None:
        """Both slots, whatever was in them: at enrolment, and after a reset.

        Raises:
            StoreError: the disk refuses.
        """
        for index in (0, 1):
            self._put(index, _Slot(0, floor))
        self._turn, self._first = 0, 0

    def load(self) -> Floor:
        """The newest floor that is whole; from now on in both slots.

        Raises:
            FloorLost: neither slot is.
        """
        found = [self._read(index) for index in (0, 1)]
        whole = [(slot, index) for index, slot in enumerate(found) if slot is not None]
        if not whole:
            raise FloorLost("both records of what this host had accepted are gone or damaged")
        newest, index = max(whole, key=lambda item: item[0].turn)
        self._turn, self._first = newest.turn, 1 - index
        if found[1 - index] != newest:
            try:
                self._put(1 - index, newest)
            except StoreError as err:  # a full disk must not keep the host from healing; the next write mends it too
                self._log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
        return newest.floor

    def write(self, floor: Floor) -> None:
        """Replace one slot, then the other; call `load` first.

        Raises:
            StoreError: the disk refuses; the floor is what it was, or, as after a kill in between, this one.
        """
        slot = _Slot(self._turn + 1, floor)
        for index in (self._first, 1 - self._first):
            self._put(index, slot)
            # At once: should the other slot refuse, the next try must neither spoil this one nor repeat its turn.
            self._turn, self._first = slot.turn, 1 - index

    def _put(self, index: int, slot: _Slot) -> None:
        body = codec.encode(slot)
        files.write(self._paths[index], hashlib.sha256(body).digest() + body, disk=self._disk)

    def _read(self, index: int) -> _Slot | None:
        path = self._paths[index]
        try:
            data = files.read(path, limit=_LIMIT, disk=self._disk)
            if data is None:
                raise Malformed("it is not there")
            body = data[_CHECK:]
            if hashlib.sha256(body).digest() != data[:_CHECK]:
                raise Malformed("its checksum is wrong")
            return codec.decode(_Slot, body, limit=_LIMIT)
        except OrchError as err:
            self._log.write(FLOOR_SLOT_BAD, slot=path.name, reason=err.text)
            return None
