"""Who listens on a host, and what its firewall's rules are, is looked at every beat; what changed is reported at once, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orch.common.session import BEAT
from tests.fakes.bench import Bench, bench


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    made = bench(tmp_path)
    made.settle()
    return made


def beat(host: Bench) -> None:
    host.tick(BEAT + 1)
    host.work()


def test_a_listener_that_comes_is_reported_within_a_beat_and_that_it_went_too(host: Bench) -> None:
    before = len(host.reports())
    host.machine.open_ports = ("tcp 0.0.0.0:8000",)
    beat(host)
    host.machine.open_ports = ()
    beat(host)
    assert [report.listeners for report in host.reports()[before:]] == [("tcp 0.0.0.0:8000",), ()]


def test_nothing_is_done_while_nothing_changes(host: Bench) -> None:
    before, turns = len(host.reports()), host.log.names().count("turn-started")
    host.machine.open_ports = ("tcp 127.0.0.1:25", "udp 0.0.0.0:40123")  # nobody outside, and a client's socket
    for _ in range(3):
        beat(host)
    assert len(host.reports()) == before
    assert host.log.names().count("turn-started") == turns


def test_a_listener_is_told_although_there_is_no_line(host: Bench) -> None:
    host.core.desk.agent_down("cut")
    before = len(host.reports())
    host.machine.open_ports = ("tcp6 [::]:22",)
    beat(host)
    assert [report.listeners for report in host.reports()[before:]] == [("tcp6 [::]:22",)]


def test_a_host_that_was_told_nothing_yet_looks_at_nothing(tmp_path: Path) -> None:
    host = bench(tmp_path)
    host.start()
    host.machine.open_ports = ("tcp 0.0.0.0:22",)
    beat(host)
    assert host.reports() == []


def test_other_rules_of_the_firewall_are_reported_within_a_beat(host: Bench) -> None:
    before = len(host.reports())
    host.machine.firewall = "let everybody in"
    opened = host.machine.rules()
    beat(host)
    beat(host)
    host.machine.firewall = ""  # the kernel does not tell any more
    beat(host)
    assert [report.rules for report in host.reports()[before:]] == [opened, b""]
