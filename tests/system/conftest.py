"""The laboratory for tests that need real hosts: root, namespaces, the real apt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import package
from tests.lab.ground import Ground
from tests.lab.hosts import Host
from tests.lab.lab import Lab, Settings
from tests.lab.ledger import Ledger

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_FIRST = (
    "test_outages.py",
    "test_thief.py",
    "test_bad_lines.py",
    "test_packages.py",
    "test_debian.py",
    "test_lists_trouble.py",
    "test_plan.py",
)
"""The order in which the workers of `make system` take the files, so that they end at about the same time."""


def pytest_configure(config: pytest.Config) -> None:
    """Let the one that hands out the work end by SIGTERM as by Ctrl-C; a laboratory sees to its own worker."""
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Clear away what workers left: one that is told to end has 15 seconds for it, and a busy machine takes longer."""
    if not hasattr(config, "workerinput") and os.geteuid() == 0:
        Ledger(CHECKOUT / "build/lab").cleanup_stale()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """One laboratory for all tests of a worker, with the tutorial's three hosts, switched off."""
    settings = Settings(checkout=CHECKOUT, packages=package.ORDINARY + package.TROUBLE)
    with Lab(settings, progress=print) as built:
        yield built


@pytest.fixture
def host(lab: Lab) -> Iterator[Host]:
    """A host with a new disk, switched off, its line whole, the repository's indexes right."""
    lab.repository.mend()
    yield lab.renew("library/lib-srv1")
    lab.hosts["library/lib-srv1"].power_cut()


@pytest.fixture(scope="module")
def established(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A fleet of a module's own: its estate, its master, every host let in; its tests put right what they break."""
    made = Ground(lab, request.module.__name__.rpartition(".")[2])
    try:
        made.establish()
        yield made
    finally:  # also of a fleet that did not come about: the next module's needs the place
        made.end()


@pytest.fixture
def ground(established: Ground) -> Ground:
    """The module's fleet, calm: every host on the line and what the files say."""
    established.calm()
    return established
