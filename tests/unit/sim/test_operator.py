"""The simulated operator: it publishes as `orch apply` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.errand import Errands
from tests.sim.world import DAY, NO_FAULTS, World

HOSTS = 3


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    errands = Errands()
    made = World(1, tmp_path, errands, faults=NO_FAULTS, hosts=HOSTS)
    made.centre.start()
    yield made
    made.centre.kill()
    errands.close()


def _pass(world: World, seconds: float) -> None:
    world.agenda.run(world.agenda.now + seconds)


def test_whose_release_came_too_late_publishes_the_next_one(world: World) -> None:
    """Seeds 113631659816 and 125854982269: what was signed after it named it as the one before, and was refused too."""
    operator = world.operator
    admitted = world.hosts[:-1]
    operator.publish(admitted, seconds=DAY)
    _pass(world, 60)
    operator.publish(admitted, seconds=90)
    while len(operator.releases) < 2:
        _pass(world, 0.01)
    world.centre.kill()
    _pass(world, 1000)
    world.centre.start()
    _pass(world, 60)
    assert [text.partition(": release")[0] for text in operator.refused] == ["publish: expired"]
    operator.publish(admitted, seconds=DAY)
    _pass(world, 60)
    assert operator.is_idle
    assert len(operator.refused) == 1
    assert operator.number == 6
