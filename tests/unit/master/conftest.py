"""A running centre for the tests that need a whole one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.running_centre import RunningCentre


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[RunningCentre]:
    """The whole centre on loopback, turned by the test."""
    made = RunningCentre(tmp_path / "centre")
    yield made
    made.close()
