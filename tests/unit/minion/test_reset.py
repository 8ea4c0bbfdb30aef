"""The way back of a host whose floor is lost: its question, the reset that answers it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from orch.common import authoring, messages
from orch.common.authoring import Authored
from orch.common.identity import Reset
from orch.common.phrase import check_words
from orch.common.report import Outcome, Report
from orch.minion.floor import SLOTS
from orch.minion.question import SIZE, QuestionFile
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench
from tests.fakes.clock import CountingChance
from tests.fakes.log import ListLog


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    """A host that runs release 4 and has lost its floor."""
    made = bench(tmp_path)
    made.settle(4)
    lose(made)
    made.connect_again()
    return made


def lose(host: Bench) -> None:
    for slot in SLOTS:
        (host.layout.state / slot).write_bytes(b"junk")
    host.start()
    host.work()


def newer(host: Bench, number: int = 6) -> Authored:
    return host.release(number, host.document(packages="hello\n"))


def send(host: Bench, *, by: tuple[str, ...] = ("root", "anna"), **changes: object) -> bytes:
    """Have the centre bring a reset for release 4 of this host; it is good but for `changes`."""
    fields = {"estate": estate.ESTATE, "curve": host.me.curve, "nonce": host.core.inbox.question, "epoch": 1}
    made = Reset(**{**fields, "number": 4, "issued": host.clock.wall(), **changes})  # type: ignore[arg-type]
    envelope = authoring.sign_reset(made, keys=estate.keys(*by))
    host.say(messages.ResetSent(envelope=envelope))
    return envelope


def refused(host: Bench) -> list[tuple[str, str]]:
    return [(item.refused, item.reason.code) for item in host.reports() if item.reason and item.refused]


def test_asks_one_question_and_signs_it_into_every_report_until_it_is_answered(host: Bench) -> None:
    question = host.core.inbox.question
    assert len(question) == SIZE
    host.deliver(newer(host))
    host.start()
    host.work()
    host.connect_again()
    assert host.core.inbox.question == question
    assert refused(host) == [("floor", "floor-lost"), ("release", "floor-lost")]
    assert {item.question for item in host.reports()} == {question}
    send(host)
    assert host.reports()[-1].question == b""


def test_a_whole_floor_asks_nothing(tmp_path: Path) -> None:
    host = bench(tmp_path)
    host.settle()
    assert host.core.inbox.question == b""
    assert not (host.layout.state / "question").exists()


def test_says_on_site_that_it_asks_and_with_which_words(host: Bench) -> None:
    told = host.core.answers.explanation()
    assert any(check_words(host.core.inbox.question) in line for line in told.because)
    assert any(f"orch key reset {host.settings.name}" in line for line in told.do)


def test_takes_the_release_that_the_reset_names_once_more_and_tells_it(host: Bench) -> None:
    host.sent.clear()
    send(host)
    (ask,) = host.said(messages.Ask)
    assert isinstance(ask, messages.Ask)
    assert (ask.number, ask.release) == (0, b"")  # so that the centre sends what it sent before
    host.fresh()
    host.deliver(host.release(4, host.document(packages="nano\n")))
    host.work()
    assert host.core.inbox.lost is None
    assert [(item.number, item.outcome) for item in host.reports()[-2:]] == [
        (4, Outcome.WAITING),
        (4, Outcome.APPLIED),
    ]
    host.deliver(host.release(4, host.document(packages="hello\n")))  # the number was for one content
    assert refused(host)[-1] == ("release", "equivocation")


def test_tells_its_next_turn_even_if_nothing_is_different(host: Bench) -> None:
    (sent,) = [item for item in host.reports() if item.refused == "floor"]
    before: Report = sent
    send(host)
    host.fresh()
    host.deliver(host.release(4, host.document()))
    host.work()
    newest = host.reports()[-1]
    assert (newest.outcome, newest.question) == (Outcome.APPLIED, b"")
    assert newest.sequence > before.sequence + 1


def test_takes_a_newer_release_after_a_reset_and_no_older_one(host: Bench) -> None:
    send(host)
    host.fresh()
    host.deliver(host.release(2, host.document(packages="telnet\n")))
    assert refused(host)[-1] == ("release", "rolled-back")
    host.deliver(newer(host))
    host.work()
    assert "hello" in host.machine.packages


@pytest.mark.parametrize(
    ("changes", "by", "code"),
    [
        ({}, ("anna",), "bad-signature"),
        ({}, ("root",), "bad-signature"),
        ({}, ("fresh", "anna"), "bad-signature"),
        ({}, ("root", "bert"), "out-of-scope"),
        ({"curve": estate.admission("school/dom0").curve}, ("root", "anna"), "mislabelled"),
        ({"nonce": bytes(32)}, ("root", "anna"), "mislabelled"),
        ({"estate": "other"}, ("root", "anna"), "mislabelled"),
        ({"epoch": 2}, ("root", "anna"), "rolled-back"),
    ],
    ids=["no root", "no operator", "the centre", "may not enrol", "other host", "other question", "estate", "epoch"],
)
def test_a_reset_that_does_not_count_changes_nothing(
    host: Bench, changes: dict[str, object], by: tuple[str, ...], code: str
) -> None:
    question = host.core.inbox.question
    send(host, by=by, **changes)
    assert refused(host)[-1] == ("reset", code)
    assert host.core.inbox.question == question
    host.deliver(newer(host))
    assert refused(host)[-1] == ("release", "floor-lost")


def test_a_reset_counts_once(host: Bench) -> None:
    envelope = send(host)
    host.say(messages.ResetSent(envelope=envelope))
    assert refused(host)[-1] == ("reset", "mislabelled")
    lose(host)
    host.connect_again()
    host.say(messages.ResetSent(envelope=envelope))
    assert host.core.inbox.lost is not None
    assert refused(host)[-1] == ("floor", "floor-lost")  # the refusal of the same reset was told before


def test_what_a_power_cut_leaves_of_a_question_is_never_asked_again(host: Bench) -> None:
    question, path = host.core.inbox.question, host.layout.state / "question"
    envelope = send(host)
    path.write_bytes(question)  # the cut came after the floor was laid
    host.start()
    assert not path.exists()
    lose(host)
    host.connect_again()
    host.say(messages.ResetSent(envelope=envelope))
    assert host.core.inbox.lost is not None


def test_a_reset_holds_after_a_start_before_the_release_came(host: Bench) -> None:
    send(host)
    host.start()
    host.work()
    host.up()
    (hello,) = host.said(messages.Hello)
    assert isinstance(hello, messages.Hello)
    assert (hello.epoch, hello.number) == (0, 0)
    host.fresh()
    host.deliver(newer(host))
    host.work()
    assert "hello" in host.machine.packages


def test_a_question_that_was_spoiled_is_asked_anew(tmp_path: Path) -> None:
    chance = CountingChance()
    file = QuestionFile(tmp_path, chance, ListLog())
    first = file.ask()
    assert file.ask() == first
    (tmp_path / "question").write_bytes(b"short")
    assert file.ask() != first
    (tmp_path / "question").write_bytes(bytes(100))
    assert len(file.ask()) == SIZE
    file.forget()
    file.forget()
    assert not (tmp_path / "question").exists()


def test_a_question_that_cannot_be_kept_is_asked_all_the_same(tmp_path: Path) -> None:
    log = ListLog()
    assert len(QuestionFile(tmp_path / "nowhere", CountingChance(), log).ask()) == SIZE
    assert log.names() == ["problem"]
