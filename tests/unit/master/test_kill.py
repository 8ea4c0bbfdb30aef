"""kill -9 of a real orch-master, anywhere around the acknowledgement: none lost, none counted twice."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orch.common import codec, messages
from orch.common import operations as op
from tests.fakes.real_master import Master
from tests.fakes.running_centre import FakeOperator

pytestmark = pytest.mark.processes

SEED = 20_261_122


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    made = Master(tmp_path / "centre")
    made.start()
    made.connect()
    made.admit()
    made.until(lambda: "admitted" in made.host.standing)
    yield made
    made.end()


def test_a_report_whose_acknowledgement_was_lost_is_counted_once(master: Master) -> None:
    host = master.host
    host.deaf = True
    host.report()
    master.until(lambda: messages.Acknowledged(sequence=1) in host.heard)
    master.kill()
    host.deaf = False
    master.start()
    master.connect()
    host.report()
    master.until(lambda: host.acknowledged == 2)
    master.kill()
    assert master.kept() == [1, 2]


def test_a_report_that_was_received_and_not_committed_comes_again(master: Master) -> None:
    host = master.host
    for _ in range(10):
        host.report()
    host.turn()
    master.kill()
    master.start()
    master.connect()
    master.until(lambda: host.acknowledged == 10)
    master.kill()
    assert master.kept() == list(range(1, 11))


def test_kills_at_any_moment_lose_none_and_double_none(master: Master) -> None:
    host, dice = master.host, random.Random(SEED)
    for _ in range(3):
        until = master.clock.boottime() + dice.uniform(0.0, 0.15)
        while master.clock.boottime() < until:
            if len(host.outbox) < 40:
                host.report()
            host.turn()
        master.kill()
        master.start()
        master.connect()
    last = host.report()
    master.until(lambda: host.acknowledged == last)
    assert master.kill(signal.SIGTERM) == 0
    kept = master.kept()
    assert kept == list(range(last - len(kept) + 1, last + 1))
    assert len(kept) == min(last, 200)


def test_what_was_answered_to_an_operator_survives(master: Master) -> None:
    master.kill()
    master.start()
    master.connect()
    operator = FakeOperator("anna", master.context, master.address)
    number = operator.send("status.get", op.Nothing())

    def answered() -> bool:
        operator.turn()
        return bool(operator.to(number))

    master.until(answered)
    view = codec.decode(op.View, operator.to(number)[0].result, limit=messages.FRAME_LIMIT)
    assert [row.host for row in view.rows] == ["library/dom0"]
    operator.link.close()
