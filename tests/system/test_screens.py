"""docs/explanation/screens.md shows what orch prints today; `SCREENS=write` has it written anew."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import screens
from tests.lab.lab import Lab
from tests.lab.screens import Story

pytestmark = pytest.mark.system


@pytest.fixture
def story(lab: Lab) -> Iterator[Story]:
    """An estate that begins with empty hosts."""
    for name in lab.hosts:
        lab.renew(name)
    lab.repository.mend()
    made = Story(lab)
    yield made
    made.end()


def test_the_page_shows_what_orch_prints_today(story: Story) -> None:
    seen = list(story.scenes())
    told = screens.documented()
    if os.environ.get("SCREENS") == "write":
        screens.write(seen)
        told = screens.documented()
    assert len(told) == len(seen)
    for page, now in zip(told, seen, strict=True):
        assert screens.shape(page) == screens.shape(now), now.block()
