"""What the operator's commands may expect of a line to the centre: of the fake one and of the real one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from orch.common import operations as op
from orch.common import wire
from orch.common.errors import Mislabelled, NotAllowed, Unreachable
from orch.common.wire import make_keys
from orch.common.wire.centre import CentreSocket
from orch.master.cli.line import Centre, Dialling
from orch.master.cli.wireline import WireLine
from tests.fakes import signed_estate as estate
from tests.fakes.clock import ManualClock
from tests.fakes.operators_centre import FakeCentre
from tests.fakes.served import served

pytestmark = pytest.mark.processes

Lines = Callable[[FakeCentre], AbstractContextManager[Centre]]


@contextmanager
def direct(fake: FakeCentre) -> Iterator[Centre]:
    yield fake


@contextmanager
def wired(fake: FakeCentre) -> Iterator[Centre]:
    centre, mine = make_keys(), make_keys()
    with served(fake, secret=centre.secret, knows=frozenset({mine.public})) as address:
        line = WireLine(Dialling(addresses=(address,), servers=(centre.public,), secret=mine.secret, timeout=5.0))
        try:
            yield line
        finally:
            line.close()


@pytest.fixture(params=[direct, wired], ids=["fake", "real"])
def line(request: pytest.FixtureRequest) -> Iterator[Centre]:
    open_line: Lines = request.param
    with open_line(fake_centre()) as opened:
        yield opened


def fake_centre() -> FakeCentre:
    return FakeCentre(ManualClock(estate.NOW), [estate.policy_bytes()])


def test_gives_one_answer_to_one_question(line: Centre) -> None:
    found = line.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
    assert found == op.ScopeHead(0, 0, b"")


def test_answers_many_questions_one_after_the_other(line: Centre) -> None:
    for _ in range(3):
        assert len(line.ask("policy.get", op.After(0), op.Envelopes).envelopes) == 1
        assert line.ask("policy.get", op.After(1), op.Envelopes).envelopes == ()


def test_gives_every_answer_of_a_stream_and_ends(line: Centre) -> None:
    found = list(line.stream("status.get", op.Nothing(), op.View))
    assert [view.total for view in found if view] == [0]


def test_says_none_while_a_stream_has_nothing_new_and_may_be_left(line: Centre) -> None:
    stream = line.stream("status.watch", op.Nothing(), op.View)
    assert next(stream) is not None
    assert next(stream) is None
    assert line.ask("blob.missing", op.Hashes((bytes(32),)), op.Hashes).hashes == (bytes(32),)


def test_raises_what_the_centre_refused_as_the_class_that_it_is(line: Centre) -> None:
    too_far = estate.policy_bytes(replace(estate.POLICY, version=3))
    with pytest.raises(Mislabelled, match="policy version 3 cannot follow 1") as caught:
        line.ask("policy.put", op.Signed(too_far), op.Nothing)
    assert caught.value.hint == "send the versions between first"
    assert line.ask("policy.put", op.Signed(estate.policy_bytes()), op.Nothing) == op.Nothing()


# --- the real one alone


def test_finds_the_centre_under_its_next_key_and_at_its_second_address() -> None:
    centre, old, mine = make_keys(), make_keys(), make_keys()
    fake = fake_centre()
    with served(fake, secret=centre.secret, knows=frozenset({mine.public})) as address:
        dialling = Dialling(
            addresses=("tcp://127.0.0.1:1", address),
            servers=(old.public, centre.public),
            secret=mine.secret,
            timeout=1.0,
        )
        line = WireLine(dialling)
        assert line.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 0
        line.close()


def test_gives_up_where_nobody_listens() -> None:
    keys = make_keys()
    with pytest.raises(Unreachable, match=r"tcp://127\.0\.0\.1:1"):
        WireLine(Dialling(addresses=("tcp://127.0.0.1:1",), servers=(keys.public,), secret=keys.secret, timeout=1.0))


def test_a_stranger_is_told_that_the_key_is_not_known() -> None:
    centre, mine = make_keys(), make_keys()
    with served(fake_centre(), secret=centre.secret, knows=frozenset()) as address:
        line = WireLine(Dialling(addresses=(address,), servers=(centre.public,), secret=mine.secret, timeout=2.0))
        with pytest.raises(NotAllowed, match="no operator with this login key"):
            line.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
        line.close()


def test_a_line_that_breaks_is_unreachable() -> None:
    centre, mine = make_keys(), make_keys()
    fake = fake_centre()
    with served(fake, secret=centre.secret, knows=frozenset({mine.public})) as address:
        line = WireLine(Dialling(addresses=(address,), servers=(centre.public,), secret=mine.secret, timeout=3.0))
        stream = line.stream("status.watch", op.Nothing(), op.View)
        assert next(stream) is not None
    with pytest.raises(Unreachable):
        list(stream)
    line.close()


def test_says_for_whom_it_waits_and_how_long_when_a_centre_hangs() -> None:
    keys, said = make_keys(), list[str]()
    with socket.create_server(("127.0.0.1", 0)) as hung:  # takes connections and never says a word
        address = f"tcp://127.0.0.1:{hung.getsockname()[1]}"
        dialling = Dialling(
            addresses=(address,), servers=(keys.public,), secret=keys.secret, timeout=4.0, notice=said.append
        )
        with pytest.raises(Unreachable) as caught:
            WireLine(dialling)
    assert said == [f"waiting for the centre at {address}, at most 4 s"]
    assert "is orch-master running there" in caught.value.hint


def test_says_that_it_waits_for_an_answer_and_what_to_do_when_none_comes() -> None:
    centre, mine, said = make_keys(), make_keys(), list[str]()
    context = wire.Context(sockets=8)
    mute = CentreSocket(context, secret=centre.secret)  # its worker shakes hands, and nobody reads what comes
    mute.bind("tcp://127.0.0.1:*")
    line = WireLine(
        Dialling(
            addresses=(mute.endpoint,), servers=(centre.public,), secret=mine.secret, timeout=4.0, notice=said.append
        )
    )
    with pytest.raises(Unreachable, match="took the question and did not answer") as caught:
        line.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
    assert said == ["the centre has not answered yet; waiting at most 4 s"]
    assert "log of orch-master" in caught.value.hint
    line.close()
    mute.close()
    context.close()
