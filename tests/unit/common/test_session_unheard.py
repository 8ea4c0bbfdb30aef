"""What the centre says to a host from which nothing is heard."""

from __future__ import annotations

from orch.common import messages as m
from orch.common.release import Parcel, Proof
from orch.common.session import UNHEARD, Answer, Head
from tests.unit.common.test_session import ASK, PARCEL, Centre, greeted, said, tags


class TestAHostThatIsNotHeard:
    """Stopped, or behind a line that takes nothing: what waits for it is bounded, and the newest wins."""

    def test_is_sent_a_few_releases_and_at_its_next_word_the_newest(self) -> None:
        centre = Centre()
        session = greeted(centre)
        sent = []
        for number in range(4, 104, 2):
            centre.newest = Head("main", 1, number, number.to_bytes(32, "big"), PARCEL)
            sent += tags(session.changed(centre, 1.0))
        assert sent == ["release"] * UNHEARD
        parcel = Parcel(b"the newest", b"document", Proof(0, ()))
        centre.newest = Head("main", 1, 200, b"z" * 32, parcel)
        told = said(session.received(ASK, centre, 2.0))
        assert [message.release for message in told if isinstance(message, m.Delivered)] == [b"the newest"]

    def test_is_not_asked_for_plans_without_end(self) -> None:
        session = greeted(Centre())
        asked = m.PlanAsked(proof=Proof(0, ()), request=b"plan", document=b"document")
        assert [len(session.ask_plan(asked)) for _ in range(5)] == [1] * UNHEARD + [0] * (5 - UNHEARD)
        session.received(ASK, Centre(), 1.0)
        assert session.ask_plan(asked) == [Answer(asked)]
