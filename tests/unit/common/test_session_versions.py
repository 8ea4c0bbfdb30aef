"""Version N with N-1, in both orders: who is newer says less, or says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import codec
from orch.common import messages as m
from orch.common.session import CentreSession, Cut
from tests.unit.common.test_session import CURVE, HELD, HELLO, Centre, connected, said, tags


def with_more(message: m.Message) -> m.Message:
    """The message as a newer version says it, which knows of one thing more, as this version reads it."""
    header, *attached = m.to_frames(message)
    fields = codec.parse(header, limit=m.HEADER_LIMIT)
    assert isinstance(fields, dict)
    return m.from_frames((codec.encode({**fields, "one-thing-more": 1}), *attached))


def test_a_newer_host_that_still_speaks_our_version_is_served() -> None:
    newer = with_more(replace(HELLO, protocol=m.PROTOCOL + 1, lowest=m.PROTOCOL))
    assert isinstance(newer, m.Hello)
    assert "fresh" in tags(CentreSession(CURVE).received(newer, Centre(), 0.0))


@pytest.mark.parametrize(
    ("protocol", "lowest"),
    [(m.PROTOCOL + 1, m.PROTOCOL + 1), (m.LOWEST_PROTOCOL - 1, m.LOWEST_PROTOCOL - 1)],
    ids=["the host is too new", "the host is too old"],
)
def test_a_host_without_a_version_in_common_is_told_so_and_cut(protocol: int, lowest: int) -> None:
    effects = CentreSession(CURVE).received(replace(HELLO, protocol=protocol, lowest=lowest), Centre(), 0.0)
    (told,) = said(effects)
    assert told == m.Denied(reason=f"protocol {protocol} is not spoken here")
    assert isinstance(effects[-1], Cut)


@pytest.mark.parametrize("message", [m.Acknowledged(sequence=3), m.Pending(), m.Freshness(envelope=b"fresh")])
def test_what_a_newer_centre_adds_to_a_word_is_passed_over(message: m.Message) -> None:
    session = connected()
    assert with_more(message) == message
    session.received(with_more(message), HELD, 1.0)
