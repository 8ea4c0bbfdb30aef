"""A host's desk: the line, reports, plans and orders, with everything real but machine, line and clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import messages
from orch.common.errors import Blocked, ProtocolError
from orch.common.report import Trigger
from orch.minion.floor import SLOTS
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def test_says_hello_with_its_request_and_nothing_else_until_it_is_let_in(host: Bench) -> None:
    host.start()
    host.up()
    (hello,) = host.said(messages.Hello)
    assert isinstance(hello, messages.Hello)
    assert (hello.policy, hello.admission, hello.scope, hello.epoch, hello.number) == (1, 0, "", 0, 0)
    assert hello.request
    host.say(messages.Pending())
    assert host.core.desk.view.standing == "pending"
    assert host.core.answers.status().standing == "pending"


def test_refuses_a_release_before_it_is_admitted(host: Bench) -> None:
    host.start()
    host.up()
    host.deliver(host.release(2, host.document()))
    host.work()
    assert host.machine.applied == []
    assert [item.reason.code for item in host.reports() if item.reason] == ["out-of-scope"]


def test_what_the_centre_may_not_say_ends_the_connection(host: Bench) -> None:
    host.start()
    host.connect()
    with pytest.raises(ProtocolError):
        host.say(messages.StreamEnd(status=0))


def test_a_policy_that_moves_the_centre_is_told_to_the_agent(host: Bench) -> None:
    host.start()
    host.connect()
    centre = replace(estate.POLICY.centre, addresses=("tcp://elsewhere:4505",))
    policy = replace(estate.POLICY, version=2, centre=centre)
    assert not host.core.desk.moved()
    host.say(messages.PolicySent(version=2, envelope=estate.policy_bytes(policy)))
    assert host.core.desk.moved()
    assert host.core.desk.dialling().addresses == ("tcp://elsewhere:4505",)
    assert not host.core.desk.moved()


def test_reports_are_repeated_until_they_are_acknowledged(host: Bench) -> None:
    host.start()
    host.connect()
    host.deliver(host.release(2, host.document()))
    host.work()
    for _beat in range(3):
        host.tick(40)
        host.fresh()
    assert len(host.said(messages.Reported)) > 1
    host.ack(1)
    sent = len(host.said(messages.Reported))
    for _beat in range(3):
        host.tick(40)
        host.fresh()
    assert len(host.said(messages.Reported)) == sent


def test_a_report_that_was_kept_and_not_sent_is_sent_by_the_next_process(host: Bench) -> None:
    host.start()
    host.connect()
    host.down()
    host.core.desk.agent_down("gone")
    host.start()
    host.connect()
    host.deliver(host.release(2, host.document()))
    host.down()
    host.work()
    assert host.said(messages.Reported) == []
    host.start()
    host.up()
    host.fresh()
    (sent,) = host.said(messages.Reported)
    assert isinstance(sent, messages.Reported)
    assert sent.sequence == 1


def test_reports_form_a_chain(host: Bench) -> None:
    host.settle()
    host.start()
    host.connect()
    for number in (4, 6):
        host.deliver(host.release(number, host.document(packages="nano\n", commit=str(number))))
        host.work()
    second, third = host.reports()
    assert second.previous
    assert third.previous not in (b"", second.previous)


def test_a_plan_request_is_answered_and_touches_neither_floor_nor_inbox(host: Bench) -> None:
    host.settle()
    state = {name: (host.layout.state / name).read_bytes() for name in (*SLOTS, "current", "policy")}
    packages = set(host.machine.packages)
    made = host.plan_request(host.document(packages="hello\n"))
    parcel = made.parcel(0)
    host.say(messages.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document))
    host.work()
    (planned,) = host.said(messages.Planned)
    answer = host.answer(planned)
    assert [change.name for step in answer.steps for change in step.changes] == ["hello", "nano"]
    assert host.machine.packages == packages
    assert host.reports() == []
    assert {name: (host.layout.state / name).read_bytes() for name in state} == state


def test_a_plan_request_of_a_stranger_is_not_answered(host: Bench) -> None:
    host.settle()
    looks = len(host.machine.looks)
    parcel = host.plan_request(host.document(), by="anna").parcel(0)
    host.say(messages.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document))
    host.work()
    assert host.said(messages.Planned) == []
    assert len(host.machine.looks) == looks


def test_too_many_plan_requests_are_told_that_the_host_is_busy(host: Bench) -> None:
    host.settle()
    parcel = host.plan_request(host.document()).parcel(0)
    for _request in range(10):
        host.say(messages.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document))
    answers = [host.answer(item) for item in host.said(messages.Planned)]
    assert [item.reason.code for item in answers if item.reason] == ["busy", "busy"]
    host.work()
    assert len(host.said(messages.Planned)) == 10


def test_a_plan_that_cannot_be_made_says_why(host: Bench) -> None:
    host.settle()
    host.machine.blind = Blocked("the mirror is away")
    parcel = host.plan_request(host.document()).parcel(0)
    host.say(messages.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document))
    host.work()
    (planned,) = host.said(messages.Planned)
    reason = host.answer(planned).reason
    assert reason is not None
    assert reason.text == "the mirror is away"


def test_an_order_to_look_now_is_done_once(host: Bench) -> None:
    host.settle()
    host.machine.packages.add("telnet")
    envelope = host.order()
    host.say(messages.Ordered(envelope=envelope))
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    assert [item.trigger for item in host.reports()] == [Trigger.ASKED]
    looks = len(host.machine.looks)
    host.start()
    host.work()
    looks = len(host.machine.looks)
    host.connect()
    host.say(messages.Ordered(envelope=envelope))
    host.work()
    assert len(host.machine.looks) == looks
