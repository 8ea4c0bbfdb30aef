"""A document that a host holds is not sent to it again; a host that lacks it all the same gets it."""

from __future__ import annotations

from dataclasses import replace

from orch.common import messages as m
from orch.common.session import Answer, CentreSession, Head, HostSession
from tests.fakes.clock import CountingChance
from tests.unit.common.test_session import ASK, CURVE, HELD, HELLO, PARCEL, Centre, said

D1, D2 = b"1" * 32, b"2" * 32
SPARING = replace(HELLO, spares=True, document=D1)


def head(number: int, document: bytes) -> Head:
    return Head("main", 1, number, bytes([number]) * 32, PARCEL, document)


def test_a_host_says_that_it_takes_a_release_without_the_document_it_holds() -> None:
    (hello,) = said(HostSession(CountingChance()).connected(replace(HELD, document=D1), 0.0))
    assert isinstance(hello, m.Hello)
    assert (hello.spares, hello.document) == (True, D1)


def test_the_document_that_the_host_holds_is_left_out_and_named() -> None:
    assert delivered(CentreSession(CURVE), SPARING, head(4, D1)) == (D1, b"")


def test_another_document_is_sent() -> None:
    assert delivered(CentreSession(CURVE), SPARING, head(4, D2)) == (b"", PARCEL.document)


def test_an_older_host_which_does_not_say_so_is_sent_every_document() -> None:
    session = CentreSession(CURVE)
    assert delivered(session, HELLO, head(4, D1)) == (b"", PARCEL.document)
    assert delivered(session, ASK, head(6, D1)) == (b"", PARCEL.document)
    named = replace(HELLO, document=D1)
    assert delivered(CentreSession(CURVE), named, head(4, D1)) == (b"", PARCEL.document)


def test_what_was_sent_last_is_left_out_the_next_time() -> None:
    session = CentreSession(CURVE)
    assert delivered(session, SPARING, head(4, D2)) == (b"", PARCEL.document)
    assert delivered(session, ASK, head(6, D2)) == (D2, b"")
    assert delivered(session, ASK, head(8, D1)) == (b"", PARCEL.document)


def test_a_host_that_lacks_it_is_sent_the_release_once_more_with_it_and_not_again_and_again() -> None:
    session, newest = CentreSession(CURVE), head(4, D1)
    delivered(session, SPARING, newest)
    assert delivered(session, replace(ASK, lacks=D2), newest) is None
    assert delivered(session, replace(ASK, lacks=D1), newest) == (b"", PARCEL.document)
    assert delivered(session, replace(ASK, lacks=D1), newest) is None


def delivered(session: CentreSession, word: m.Message, newest: Head) -> tuple[bytes, bytes] | None:
    """What is delivered after this word: the document that is named, and the one that is there."""
    effects = session.received(word, Centre(newest=newest), 0.0)
    told = [item.message for item in effects if isinstance(item, Answer) and isinstance(item.message, m.Delivered)]
    return (told[0].known, told[0].document) if told else None
