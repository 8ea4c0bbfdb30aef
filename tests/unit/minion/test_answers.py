"""What a person on site is told, in the situations in which one comes to the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from orch.common import messages
from orch.common.errors import Blocked, StepFailed
from orch.minion.channel import REFUSED
from orch.minion.cli import show
from orch.minion.onsite import HostExplanation
from tests.fakes.bench import Bench, bench


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def explained(host: Bench) -> str:
    found: HostExplanation = host.core.answers.explanation()
    return "\n".join((*found.because, *found.do))


def test_a_host_that_nobody_has_admitted(host: Bench) -> None:
    host.start()
    assert "not reached" in explained(host)
    host.up()
    host.say(messages.Pending())
    text = explained(host)
    assert "does not know this host's key" in text
    assert "orch key accept" in text
    with pytest.raises(Blocked):
        host.core.answers.plan_job()


def test_a_host_that_was_thrown_out(host: Bench) -> None:
    host.start()
    host.up()
    host.say(messages.Denied(reason="revoked"))
    assert "turns this host away: revoked" in explained(host)
    host.core.desk.agent_down("the line is down")
    assert "turned this host away, and says: revoked" in explained(host)
    assert "✗ turned away" in show.status(host.core.answers.status())
    host.core.desk.agent_down(REFUSED)
    assert "says: revoked" in explained(host)


def test_a_host_that_was_away_when_it_was_thrown_out_knows_that_its_key_is_refused(host: Bench) -> None:
    host.start()
    host.core.desk.agent_down(REFUSED)
    assert "refuses this host's key" in explained(host)
    assert "ask the operator" in explained(host)
    assert "refuses this host's key" in show.status(host.core.answers.status())
    host.up()
    assert "refuses" not in explained(host)


def test_a_host_that_is_right(host: Bench) -> None:
    host.settle()
    status = host.core.answers.status()
    assert (status.number, status.outcome, status.committed, status.standing) == (2, "applied", 1, "admitted")
    assert "release 2 is applied" in explained(host)


def test_a_host_at_work_and_one_that_has_not_begun(host: Bench) -> None:
    host.start()
    host.connect()
    host.deliver(host.release(2, host.document(packages="nano\n")))
    assert "it is at work" in explained(host)
    host.core.desk.view.turning = False
    assert "was not begun" in explained(host)


def test_a_step_that_failed_is_named_with_its_hint(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.fail["packages"] = StepFailed("dpkg: it broke", hint="look at its log")
    host.deliver(host.release(2, host.document(packages="nano\n")))
    host.work()
    text = explained(host)
    assert "packages failed: dpkg: it broke" in text
    assert text.endswith("look at its log")


def test_an_old_release_that_only_heals_and_one_that_was_refused(host: Bench) -> None:
    host.settle()
    host.clock.advance(2 * 86400)
    assert "only heals" in explained(host)
    host.start()
    host.connect()
    host.deliver(host.release(2, host.document(commit="other")))
    assert "refused (equivocation)" in explained(host)


def test_a_release_that_waits_for_its_go(host: Bench) -> None:
    host.settle()
    host.deliver(host.release(4, host.document(packages="hello\n"), needs_go=True))
    assert "release 4 waits for its go" in explained(host)
