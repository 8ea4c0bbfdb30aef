"""The power cuts of `make proof FAMILY=powercut` find out what does not keep its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from orch.minion.adapters.disk import RealDisk
from tests.lab import spaces
from tests.lab.errors import LabError
from tests.lab.recording import EXT4
from tests.proof.cut_centre import CentreLife
from tests.proof.cut_floor import FloorLife
from tests.proof.cut_host import HostLife
from tests.proof.cut_life import Life
from tests.proof.powercut import Lived, ground, lived

pytestmark = pytest.mark.system

CUTS = 60


class NoFolderSync(RealDisk):
    """Everything but the one call that is forgotten most often."""

    def sync_folder(self, path: Path) -> None:
        del path


@pytest.fixture
def folder() -> Iterator[Path]:
    with spaces.own_mounts(), ground() as made:
        yield made


def found_out(life: Lived, folder: Path) -> list[str]:
    """What was said at some cuts."""
    said = []
    for number in range(CUTS):
        try:
            life.cut(folder, Random(number))
        except (AssertionError, LabError) as err:
            said.append(str(err))
    return said


def test_a_floor_survives_every_cut(folder: Path) -> None:
    assert found_out(lived(FloorLife(), folder, EXT4), folder) == []


def test_a_floor_whose_folder_is_not_synced_is_found_out(folder: Path) -> None:
    said = found_out(lived(FloorLife(NoFolderSync()), folder, EXT4), folder)
    assert any("was promised" in text for text in said), said


@pytest.mark.parametrize("life", [FloorLife, lambda: HostLife(Random(1)), lambda: CentreLife(Random(1))])
def test_a_disk_that_only_says_that_it_flushes_is_found_out(folder: Path, life: Callable[[], Life]) -> None:
    assert len(found_out(lived(life(), folder, EXT4, lies=True), folder)) > CUTS // 10
