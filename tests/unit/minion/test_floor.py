from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.errors import FloorLost, StoreError
from orch.common.standing import Floor
from orch.minion.floor import SLOTS, FloorFile
from tests.fakes.log import ListLog

STEP = Floor(scope="main", epoch=1, number=2, release=bytes(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    FloorFile(tmp_path, ListLog()).lay(Floor())
    return tmp_path


def opened(folder: Path) -> FloorFile:
    file = FloorFile(folder, ListLog())
    file.load()
    return file


def raised(folder: Path, *numbers: int) -> None:
    file = opened(folder)
    for number in numbers:
        file.write(replace(STEP, number=number))


def test_a_new_floor_has_accepted_nothing(folder: Path) -> None:
    assert FloorFile(folder, ListLog()).load() == Floor()


def test_no_file_at_all_is_a_lost_floor_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FloorLost):
        FloorFile(tmp_path, ListLog()).load()


def test_the_newest_floor_is_found_again(folder: Path) -> None:
    raised(folder, 2, 4, 6)
    assert FloorFile(folder, ListLog()).load().number == 6


@pytest.mark.parametrize("damage", [b"", b"x", None], ids=["empty", "short", "gone"])
@pytest.mark.parametrize("slot", SLOTS)
def test_one_bad_slot_costs_nothing(folder: Path, slot: str, damage: bytes | None) -> None:
    raised(folder, 2, 4, 6)
    path = folder / slot
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    log = ListLog()
    assert FloorFile(folder, log).load().number == 6
    assert log.names() == ["floor-slot-bad"]
    assert len({(folder / name).read_bytes() for name in SLOTS}) == 1


@pytest.mark.parametrize("slot", SLOTS)
def test_a_flipped_bit_anywhere_spoils_its_slot_and_is_mended(folder: Path, slot: str) -> None:
    raised(folder, 2, 4)
    whole = (folder / slot).read_bytes()
    for at in range(len(whole)):
        (folder / slot).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert FloorFile(folder, ListLog()).load().number == 4
        assert (folder / slot).read_bytes() == whole


def test_two_bad_slots_are_a_lost_floor(folder: Path) -> None:
    for slot in SLOTS:
        (folder / slot).write_bytes(b"junk")
    with pytest.raises(FloorLost):
        FloorFile(folder, ListLog()).load()


@pytest.mark.parametrize("late", SLOTS)
def test_a_kill_between_both_slots_leaves_the_newer_which_is_then_in_both(folder: Path, late: str) -> None:
    raised(folder, 2)
    old = (folder / late).read_bytes()
    raised(folder, 4)
    (folder / late).write_bytes(old)
    log = ListLog()
    assert FloorFile(folder, log).load().number == 4
    assert log.names() == []
    (folder / next(slot for slot in SLOTS if slot != late)).write_bytes(b"damaged later")
    assert FloorFile(folder, ListLog()).load().number == 4


@pytest.mark.parametrize("stuck", SLOTS)
def test_a_slot_that_cannot_be_written_costs_an_error_and_never_the_other_one(folder: Path, stuck: str) -> None:
    raised(folder, 2)
    file = opened(folder)
    (folder / f".{stuck}.new").mkdir()
    for _ in range(3):
        with pytest.raises(StoreError):
            file.write(replace(STEP, number=4))
        assert FloorFile(folder, ListLog()).load().number in (2, 4)
    (folder / f".{stuck}.new").rmdir()
    file.write(replace(STEP, number=6))
    assert FloorFile(folder, ListLog()).load().number == 6


def test_a_slot_that_cannot_be_mended_keeps_nobody_from_the_good_one(folder: Path) -> None:
    raised(folder, 2)
    (folder / SLOTS[0]).unlink()
    (folder / f".{SLOTS[0]}.new").mkdir()
    log = ListLog()
    assert FloorFile(folder, log).load().number == 2
    assert log.names() == ["floor-slot-bad", "problem"]
