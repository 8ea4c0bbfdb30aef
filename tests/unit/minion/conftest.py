from __future__ import annotations

import os

import pytest


@pytest.fixture
def as_root() -> None:
    """For what only root can do; the same promises are tested with root in tests/system."""
    if os.getuid() != 0:
        pytest.xfail("needs root")
