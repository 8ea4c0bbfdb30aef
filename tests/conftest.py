"""What holds for every test: no test touches its user's folders, and those under system/ are marked as such."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

SYSTEM = Path(__file__).parent / "system"

# The machines that run this are shared and slow: a deadline there measures the neighbours. Failing examples print
# what is needed to run them again, since no database of examples travels with a checkout.
hypothesis.settings.register_profile("orch", deadline=None, max_examples=60, print_blob=True, database=None)
hypothesis.settings.load_profile("orch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies under tests/system/, so that no file there can forget it."""
    for item in items:
        if SYSTEM in item.path.parents:
            item.add_marker("system")


@pytest.fixture(autouse=True, scope="session")
def _home_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the whole run a home of its own: keys and settings of the person who runs it are none of its business."""
    ours = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "TZ": "UTC",
    }
    theirs = {name: os.environ.get(name) for name in (*ours, "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    for name in theirs:
        os.environ.pop(name, None)
    os.environ.update(ours)
    yield
    for name, value in theirs.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
