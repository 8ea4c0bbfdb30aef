"""Operators at the desk: who is served, and what they see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import attest, codec, trust
from orch.common import messages as m
from orch.common import operations as op
from orch.common.authoring import Authored, Question, sign_plan_request
from orch.common.crypto import sha256
from orch.common.document import LIMIT, File
from orch.common.errors import ProtocolError
from orch.common.report import Outcome, PlanAnswer, Reason
from orch.common.wire import Event
from orch.master.desk import HELD, Asked, DeskLine
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import FakeOperator, RefusedHere, RunningCentre
from tests.fakes.swarmhost import SwarmHost

NEVER = ("getattr", "__init__", "received", "handlers", "policy", "policy.put ", "STATUS.GET", "key")


class TestWhoIsServed:
    def test_the_table_of_operations_and_the_handlers_are_the_same(self, centre: RunningCentre) -> None:
        assert centre.hub is not None
        assert set(centre.hub.operations()) == set(op.OPERATIONS)

    @pytest.mark.parametrize("name", ["library/dom0", "mallory", "dora"], ids=["a host", "unknown", "time has ended"])
    def test_nobody_but_an_operator_of_the_policy(self, shared: RunningCentre, name: str) -> None:
        asking = {operation: shared.operator(name) for operation in op.OPERATIONS}
        numbers = {operation: line.send(operation, op.Nothing()) for operation, line in asking.items()}
        shared.until(lambda: all(line.cut for line in asking.values()))
        for operation, line in asking.items():
            found = [(answer.code, answer.result) for answer in line.to(numbers[operation])]
            assert found == [("not-allowed", b"")], operation
            shared.operators.remove(line)
            line.link.close()

    @pytest.mark.parametrize("operation", NEVER)
    def test_nothing_but_the_table(self, shared: RunningCentre, operation: str) -> None:
        asking = shared.operator()
        number = asking.send(operation, op.Nothing())
        shared.until(lambda: asking.to(number) or asking.cut)
        assert [answer.code for answer in asking.to(number)] in (["usage"], [])

    def test_arguments_that_do_not_fit_are_refused_and_the_connection_stays(self, shared: RunningCentre) -> None:
        with pytest.raises(RefusedHere) as caught:
            shared.ask("policy.get", op.ScopeAsked("main"), op.Envelopes)
        assert caught.value.code == "malformed"
        shared.ask("status.get", op.Nothing(), op.View)

    def test_who_asks_too_much_at_once_is_told_so(self, centre: RunningCentre) -> None:
        assert centre.hub is not None
        desk = centre.hub._desk
        desk.handlers = {**desk.handlers, "scope.head": lambda asked: None}  # one that takes for ever
        asking = centre.operator()
        numbers = [asking.send("scope.head", op.ScopeAsked("main")) for _ in range(70)]
        centre.until(lambda: asking.to(numbers[-1]))
        assert [bool(asking.to(number)) for number in numbers] == [False] * 64 + [True] * 6
        assert {asking.to(number)[0].code for number in numbers[64:]} == {"protocol"}


def test_an_operator_has_one_share_of_memory_however_many_connections_and_all_have_one_together() -> None:
    third = bytes(HELD // 3)
    lines = [DeskLine(b"a1", b"anna"), DeskLine(b"a2", b"anna"), DeskLine(b"b1", b"bert"), DeskLine(b"c1", b"cleo")]
    anna, more, bert, cleo = lines
    anna.hold((b"1" + third, b"1" + third), lines)
    anna.hold((b"1" + third,), lines)
    more.hold((b"2" + third,), lines)
    with pytest.raises(ProtocolError, match="256 MiB"):
        more.hold((b"3" + third,), lines)
    assert (more.held_size, anna.held_size) == (0, len(third) + 1)
    for number in range(2):
        bert.hold((b"%d" % number + third,), lines)
        cleo.hold((b"%d" % number + third,), lines)
    with pytest.raises(ProtocolError, match="for other operators"):
        more.hold((b"4" + third,), lines)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCentre]:
    """One centre for many small questions."""
    made = RunningCentre(tmp_path_factory.mktemp("centre"))
    yield made
    made.close()


class TestStatus:
    def test_names_every_host_at_once_though_most_are_gone(self, centre: RunningCentre) -> None:
        for number in range(30):
            centre.admit(f"site{number:02}/dom0")
        here = centre.admitted("site00/dom0", admit=False)
        rows = centre.rows()
        assert list(rows) == sorted(rows)
        assert [name for name, row in rows.items() if row.connected] == [here.name]
        assert {row.heard for name, row in rows.items() if name != here.name} == {0}

    def test_comes_in_pages(self, centre: RunningCentre) -> None:
        centre.fill(1201)
        views = centre.stream("status.get", op.Nothing(), op.View)
        assert [len(view.rows) for view in views] == [500, 500, 201]
        assert {view.total for view in views} == {1201}

    def test_is_pushed_to_whoever_watches_and_only_what_changed(self, centre: RunningCentre) -> None:
        centre.admit("site0/dom0")
        host = centre.admitted()
        watching = centre.operator()
        number = watching.send("status.watch", op.Nothing())
        centre.until(lambda: views(watching, number))
        assert sum(len(view.rows) for view in views(watching, number)) == 2
        host.report()
        centre.until(lambda: any(view.rows[0].sequence == 1 for view in views(watching, number)[1:]))
        assert {row.host for view in views(watching, number)[1:] for row in view.rows} == {host.name}
        assert not any(answer.final for answer in watching.to(number))

    def test_is_pushed_at_most_twice_a_second(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        watching = centre.operator()
        number = watching.send("status.watch", op.Nothing())
        centre.until(lambda: views(watching, number))
        for _ in range(50):
            host.report()
            centre.turns(0.02)
        assert len(views(watching, number)) <= 4

    def test_tells_whoever_watches_that_a_host_left(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        watching = centre.operator()
        number = watching.send("status.watch", op.Nothing())
        centre.until(lambda: views(watching, number))
        host.disconnect()
        centre.until(lambda: any(not view.rows[0].connected for view in views(watching, number)[1:]))


def views(watching: FakeOperator, number: int) -> list[op.View]:
    return [codec.decode(op.View, answer.result, limit=m.FRAME_LIMIT) for answer in watching.to(number)]


class TestExplain:
    def test_gives_the_newest_reports_as_signed_and_the_wanted_release(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        made = centre.publish_to(host.name)
        for _ in range(25):
            host.report()
        signed = dict(host.outbox)
        centre.until(lambda: host.acknowledged == 25)
        detail = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
        assert detail.reports == tuple(signed[number] for number in range(25, 5, -1))
        assert [trust.judge_report(host.me, envelope).sequence for envelope in detail.reports[:2]] == [25, 24]
        assert (detail.release, detail.document) == (made.envelope, made.documents[0])

    def test_says_that_a_host_is_unknown(self, centre: RunningCentre) -> None:
        with pytest.raises(RefusedHere, match="knows no host"):
            centre.ask("host.explain", op.HostAsked("no/body"), op.Detail)


def question(*names: str, by: str = "anna login", **changes: object) -> Authored:
    made = Question(estate=estate.ESTATE, scope="main", id=b"q" * 16, issued=estate.NOW, expires=estate.NOW + 600)
    contents = [codec.encode(estate.document(estate.admission(name))) for name in names or ("library/dom0",)]
    return sign_plan_request(replace(made, **changes), contents, keys=estate.keys(by))  # type: ignore[arg-type]


def asking_plan(made: Authored) -> op.AskPlan:
    return op.AskPlan(request=made.envelope, documents=tuple(sha256(content) for content in made.documents))


def answer(host: SwarmHost) -> bytes:
    made = PlanAnswer(host=host.name, curve=host.public, request=b"q" * 16, time=estate.NOW, document=b"")
    return attest.sign_plan_answer(made, estate.signing(host.name))


class TestAPlan:
    def ask(self, centre: RunningCentre, made: Authored) -> tuple[FakeOperator, int]:
        asking = centre.operator()
        centre.ask("document.hold", op.Documents(made.documents), op.Nothing, by=asking)
        number = asking.send("plan.ask", asking_plan(made))
        centre.until(lambda: asking.to(number))
        return asking, number

    def items(self, asking: FakeOperator, number: int) -> list[tuple[str, str]]:
        found = [codec.decode(op.PlanItem, item.result, limit=m.FRAME_LIMIT) for item in asking.to(number)]
        return [(item.host, item.state.value) for item in found]

    def test_names_hosts_that_are_not_there_at_once_and_passes_answers_on(self, centre: RunningCentre) -> None:
        centre.admit("off/dom0")
        here = centre.admitted()
        asking, number = self.ask(centre, question("off/dom0", here.name))
        centre.until(lambda: len(asking.to(number)) == 2)
        assert self.items(asking, number) == [("off/dom0", "offline"), (here.name, "asked")]
        centre.until(lambda: here.of(m.PlanAsked))
        here.say(m.Planned(request=b"q" * 16, envelope=answer(here)))
        centre.until(lambda: len(asking.to(number)) == 3)
        last = asking.to(number)[-1]
        item = codec.decode(op.PlanItem, last.result, limit=m.FRAME_LIMIT)
        assert (last.final, item.state) == (True, op.PlanState.ANSWERED)
        trust.judge_plan_answer(here.me, item.envelope, request=b"q" * 16)

    def test_is_over_at_once_where_nobody_is_there(self, centre: RunningCentre) -> None:
        centre.admit("off/dom0")
        asking, number = self.ask(centre, question("off/dom0"))
        assert self.items(asking, number) == [("off/dom0", "offline")]
        assert asking.to(number)[-1].final

    def test_does_not_take_an_answer_from_a_host_that_was_not_asked(self, centre: RunningCentre) -> None:
        here, other = centre.admitted(), centre.admitted("other/dom0")
        asking, number = self.ask(centre, question(here.name))
        other.say(m.Planned(request=b"q" * 16, envelope=answer(other)))
        other.report()
        centre.until(lambda: other.acknowledged == 1)
        assert self.items(asking, number) == [(here.name, "asked")]

    def test_calls_a_host_offline_whose_connection_broke_meanwhile(self, centre: RunningCentre) -> None:
        here = centre.admitted()
        asking, number = self.ask(centre, question(here.name))
        here.disconnect()
        centre.until(lambda: len(asking.to(number)) == 2)
        assert self.items(asking, number)[-1] == (here.name, "offline")

    def test_ends_at_its_deadline(self, centre: RunningCentre) -> None:
        here = centre.admitted()
        asking, number = self.ask(centre, question(here.name, expires=estate.NOW + 60))
        centre.clock.skip(61)
        centre.until(lambda: asking.to(number)[-1].final)
        assert self.items(asking, number)[-1] == (here.name, "asked")

    @pytest.mark.parametrize(
        ("by", "code"), [("mallory", "bad-signature"), ("anna", "bad-signature"), ("carl login", "out-of-scope")]
    )
    def test_of_somebody_who_may_not_ask_is_refused(self, centre: RunningCentre, by: str, code: str) -> None:
        centre.admit("library/dom0")
        made = question(by=by)
        centre.ask("document.hold", op.Documents(made.documents), op.Nothing)
        with pytest.raises(RefusedHere) as caught:
            centre.ask("plan.ask", asking_plan(made), op.PlanItem)
        assert caught.value.code == code

    def test_touches_nothing_that_a_release_would(self, centre: RunningCentre) -> None:
        here = centre.admitted()
        self.ask(centre, question(here.name))
        assert here.of(m.Delivered) == []
        assert centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 0


def test_an_operators_broken_connection_leaves_nothing_behind(tmp_path: Path) -> None:
    centre = RunningCentre(tmp_path / "centre")
    try:
        here = centre.admitted()
        asking = centre.operator()
        made = question(here.name)
        centre.ask("document.hold", op.Documents(made.documents), op.Nothing, by=asking)
        asking.send("plan.ask", asking_plan(made))
        asking.send("status.watch", op.Nothing())
        piece = op.Piece(sha256=bytes(32), size=9, offset=0, data=b"abc")
        centre.ask("blob.put", piece, op.Nothing, by=asking)
        assert list((tmp_path / "centre/blobs/coming").iterdir())
        asking.link.close()
        centre.operators.remove(asking)
        centre.until(lambda: not list((tmp_path / "centre/blobs/coming").iterdir()))
        here.say(m.Planned(request=b"q" * 16, envelope=answer(here)))
        here.report()
        centre.until(lambda: here.acknowledged == 1)
        assert Event.DOWN not in here.events
        assert centre.log.said("problem") == []
    finally:
        centre.close()


class TestAChangeThatEndsInAMistake:
    """Of this program's own: the request is answered, and the next change is made."""

    @staticmethod
    def broken(_nothing: object = None) -> None:
        raise KeyError("a mistake")

    def test_in_its_first_step(self, centre: RunningCentre) -> None:
        assert centre.hub is not None
        desk = centre.hub._desk
        desk.handlers = {**desk.handlers, "key.reject": lambda asked: desk.in_turn(asked, self.broken)}
        self.fails_alone(centre)

    def test_in_a_later_step(self, centre: RunningCentre) -> None:
        assert centre.hub is not None
        desk, bench = centre.hub._desk, centre.hub._centre.bench

        def later(asked: Asked) -> None:
            bench.ask(lambda: None, desk.step(asked, self.broken), lambda err: desk.failed(asked, err))

        desk.handlers = {**desk.handlers, "key.reject": lambda asked: desk.in_turn(asked, lambda: later(asked))}
        self.fails_alone(centre)

    @staticmethod
    def fails_alone(centre: RunningCentre) -> None:
        asking = centre.operator()
        number = asking.send("key.reject", op.KeyAsked(bytes(32)))
        centre.until(lambda: asking.to(number), "an answer")
        assert [(answer.code, answer.final) for answer in asking.to(number)] == [("store", True)]
        centre.turns(1.0)  # a connection on which the first step was a mistake is cut
        centre.admit("library/dom0")  # a change behind it
        assert "library/dom0" in centre.rows()
        assert any("KeyError" in str(values["text"]) for values in centre.log.said("problem"))


def test_contents_are_looked_for_where_they_are_cleared_away_so_none_goes_in_between(centre: RunningCentre) -> None:
    assert centre.hub is not None
    centre.admit("library/dom0")
    made = estate.release(contents=(codec.encode(estate.document()),))
    asking, free = centre.operator(), threading.Event()
    held = asking.send("document.hold", op.Documents(made.documents))
    centre.until(lambda: asking.to(held))
    centre.hub._centre.disk.ask(free.wait, lambda _freed: None, lambda _err: None)
    hashes = tuple(sha256(content) for content in made.documents)
    number = asking.send("release.put", op.Publish(release=made.envelope, documents=hashes))
    centre.turns(0.5)
    assert asking.to(number) == []  # the disk is busy with clearing away
    free.set()
    centre.until(lambda: asking.to(number))
    assert asking.to(number)[0].code == ""


def test_a_host_is_explained_whose_document_and_report_are_as_large_as_they_may_be(centre: RunningCentre) -> None:
    host = centre.admitted()
    content = bytes(16_000)
    files = tuple(File(path=f"/f{at}", sha256=sha256(content), size=16_000, content=content) for at in range(64))
    document_ = codec.encode(replace(estate.document(host.me), files=files, commit="c" * 64))
    assert LIMIT - 24_000 < len(document_) <= LIMIT
    centre.publish(estate.release(contents=(document_,)))
    centre.until(lambda: host.held.number == 2)
    reason = Reason(code="blocked", text="\N{SNOWMAN}" * 7900)
    host.report(Outcome.FAILED, reason=reason, listeners=("\N{SNOWMAN}" * 290,) * 256)
    centre.until(lambda: host.acknowledged == 1)
    detail = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
    assert detail.document == document_
    assert detail.row.text.startswith("\N{SNOWMAN}" * 100)
