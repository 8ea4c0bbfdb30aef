"""The whole centre on loopback, and hosts that say too much, or nothing, or take nothing."""

from __future__ import annotations

from pathlib import Path

from orch.common import messages as m
from orch.common import operations as op
from orch.common.session import BEAT, GONE, UNHEARD
from orch.common.wire import Event
from tests.fakes.running_centre import RunningCentre


class TestAHostThatFloods:
    def test_is_cut_and_kept_out_for_a_while_and_nobody_else_notices(self, centre: RunningCentre) -> None:
        greedy, honest = centre.admitted("greedy/dom0"), centre.admitted("honest/dom0")
        word = m.Progress(epoch=1, number=2, step=1, steps=2, text="far")

        def flood() -> bool:
            for _ in range(200):
                greedy.say(word)
            return Event.DOWN in greedy.events

        centre.until(flood, "the cut")
        assert centre.log.said("connection-cut")[-1]["reason"] == "more words than a host has to say"
        honest.report()
        centre.until(lambda: honest.acknowledged == 1)
        assert Event.DOWN not in honest.events

        greedy.events.clear()
        greedy.connect(centre.context, centre.address)
        centre.until(lambda: Event.REFUSED in greedy.events, "the refusal at the door")
        centre.clock.skip(61)
        centre.turns(0.1)
        greedy.standing.clear()
        greedy.connect(centre.context, centre.address)
        centre.until(lambda: "admitted" in greedy.standing, "the end of the penalty")

    def test_has_no_more_rows_on_the_disk_than_its_share(self, tmp_path: Path) -> None:
        centre = RunningCentre(tmp_path / "small", settings="[limits]\nreports = 1\n[keep]\nreports = 5\n")
        try:
            host = centre.admitted()
            for _ in range(400):
                host.report()
            centre.until(lambda: host.acknowledged == 256)  # a MiB of reports that count for 4 KiB each
            centre.turns(0.5)
            assert host.acknowledged == 256
            found = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
            assert len(found.reports) == 5
        finally:
            centre.close()


class TestAHostThatTakesNothing:
    def test_delays_nobody_and_gets_the_newest_when_it_is_back(self, centre: RunningCentre) -> None:
        stopped, honest = centre.admitted("stopped/dom0"), centre.admitted("honest/dom0")
        centre.hosts.remove(stopped)  # its connection stays, and nobody there reads or says anything
        previous = b""
        for number in range(2, 42, 2):
            previous = centre.publish_to(stopped.name, honest.name, number=number, previous=previous).hash
            centre.until(lambda: honest.held.number == number)  # noqa: B023
            honest.report()
            centre.until(lambda: honest.acknowledged == honest.held.sequence)
        centre.hosts.append(stopped)
        centre.turns(0.3)
        assert len(stopped.of(m.Delivered)) == UNHEARD
        centre.clock.skip(2 * BEAT)
        centre.until(lambda: stopped.held.number == 40)
        assert len(stopped.of(m.Delivered)) == UNHEARD + 1

    def test_is_cut_when_it_says_nothing_for_long(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.hosts.remove(host)
        centre.clock.skip(GONE - 10)
        centre.turns(0.1)
        assert not centre.log.said("host-gone")
        centre.clock.skip(20)
        centre.until(lambda: centre.log.said("host-gone"))
        assert centre.log.said("connection-cut")[-1]["reason"] == "silent for too long"
        centre.hosts.append(host)
