"""A host that was moved from one scope to another: numbers of two scopes say nothing about each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common.session import REDELIVER, CentreSession, Head
from tests.unit.common.test_session import ASK, CURVE, HELLO, PARCEL, Centre, greeted, tags

NEW = Head("main", 1, 4, b"n" * 32, PARCEL)


@pytest.mark.parametrize("said", ["lab", ""])
def test_a_host_is_sent_a_lower_number_than_it_holds_of_another_or_an_unknown_scope(said: str) -> None:
    held = replace(HELLO, scope=said, number=100)
    assert "release" in tags(CentreSession(CURVE).received(held, Centre(newest=NEW), 0.0))
    session = greeted(Centre(), held)
    assert "release" in tags(session.received(replace(ASK, scope=said, number=100), Centre(newest=NEW), 1.0))


def test_a_host_is_sent_nothing_more_of_the_new_scope_once_it_has_it() -> None:
    centre = Centre(newest=NEW)
    session = greeted(centre, replace(HELLO, scope="lab", number=100))
    taken = replace(ASK, number=4, release=b"n" * 32)
    assert tags(session.received(taken, centre, REDELIVER + 1)) == ["fresh"]
    centre.newest = Head("main", 1, 2, b"o" * 32, PARCEL)
    assert tags(session.received(taken, centre, REDELIVER + 2)) == ["fresh"]
