"""The agent and the executor in threads of one process, against a centre with real sockets: their ways of ending."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import codec
from orch.common.clock import SystemChance, SystemClock
from orch.common.document import Document
from orch.common.enrolment import Enrolment
from orch.common.errors import HostError, SettingsError, UsageError
from orch.common.policy import Centre
from orch.common.systemd import Notifier
from orch.minion import assembly, channel, enrol
from orch.minion.adapters.process import Call, ProcessRunner, Result
from orch.minion.agent import AgentLoop, Parts
from orch.minion.assembly import Given
from orch.minion.channel import Agent, Ask, Closed, Received, SiteAsk, Up
from orch.minion.curve import read_curve
from orch.minion.executor import Bell
from orch.minion.failpoint import NoFailpoints
from orch.minion.onsite import HostExplanation, HostStatus
from orch.minion.planner import Look, Plan
from orch.minion.settings import Layout
from orch.minion.site_ask import ask
from tests.fakes import signed_estate as estate
from tests.fakes.bench import BOOT, Bench, bench
from tests.fakes.centre import StandInCentre
from tests.fakes.whole import FakeWhole

PATIENCE = 30.0


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.02)


class Running:
    """A host's executor in a thread, and on demand its agent."""

    def __init__(self, host: Bench, centre: StandInCentre) -> None:
        self.host, self.centre = host, centre
        self.stops = threading.Event()
        self.agent_stops = threading.Event()
        self.bell = Bell()
        given = Given(
            layout=host.layout,
            settings=host.settings,
            boot=BOOT,
            machine=host.machine,
            fetch=lambda line: host.fetch,
            clock=SystemClock(),
            chance=SystemChance(),
            log=host.log,
            failpoints=NoFailpoints(),
        )
        target = threading.Thread(target=assembly.run, args=(given, self.bell, self.stops.is_set))
        self.threads = [target]
        target.start()
        wait_for(lambda: channel.is_answered(host.layout.socket))

    def agent(self) -> None:
        layout = self.host.layout
        clock = SystemClock()
        secret = read_curve(layout.curve)
        parts = Parts(layout.socket, secret, clock, SystemChance(), self.host.log, Notifier(clock))
        thread = threading.Thread(target=AgentLoop(parts, self.agent_stops.is_set).run)
        self.threads.append(thread)
        thread.start()

    def status(self) -> HostStatus:
        return codec.decode(HostStatus, ask(self.host.layout.socket, SiteAsk(Ask.STATUS)), limit=1 << 20)

    def explained(self) -> tuple[str, str]:
        found = codec.decode(HostExplanation, ask(self.host.layout.socket, SiteAsk(Ask.EXPLAIN)), limit=1 << 20)
        return "\n".join(found.because), "\n".join(found.do)

    def stop(self) -> None:
        self.stops.set()
        self.bell.ring()
        self.agent_stops.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.bell.close()


@pytest.fixture
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    with StandInCentre(tmp_path / "tree") as centre:
        where = Centre((centre.address,), (estate.curve("centre").public,), (estate.signing("fresh").public,))
        policy = replace(estate.POLICY, version=2, issued=0, centre=where)
        host = bench(tmp_path / "host")
        host.settings = replace(host.settings, agent=61001, proxy=getattr(request, "param", ""))
        moved = estate.policy_bytes(policy)
        given = enrol.Wanted(
            enrolment=Enrolment(estate=estate.ESTATE, policy=moved, pin=estate.body_hash(moved)),
            settings=host.settings,
            machine="",
            again=True,
        )
        enrol.enrol(host.layout, given, host.log)
        made = Running(host, centre)
        yield made
        made.stop()


@pytest.mark.parametrize("running", ["127.0.0.1:1"], indirect=True)
def test_a_host_says_on_site_why_its_proxy_does_not_take_it_to_the_centre(running: Running) -> None:
    running.agent()
    wait_for(lambda: "proxy" in running.status().lost)
    assert running.status().lost == "the proxy 127.0.0.1:1 is not reached: Connection refused"


def test_agent_and_executor_come_together_and_part_without_harm(running: Running) -> None:
    running.agent()
    wait_for(lambda: running.status().standing == "pending")
    running.centre.admit(running.host.me.curve, estate.admission_bytes(running.host.me))
    wait_for(lambda: running.status().standing == "admitted")
    running.centre.close()
    wait_for(lambda: running.status().centre == "")
    running.centre.reopen()
    wait_for(lambda: running.status().standing == "admitted")


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(
    ("spoil", "text", "hint"),
    [
        (lambda path: path.unlink(), "is missing", "--break-enrolment"),
        (lambda path: path.write_text("no key"), "is damaged", "--break-enrolment"),
        (lambda path: path.write_text("0" * 500), "more than the 65 bytes", "--break-enrolment"),
    ],
    ids=["gone", "damaged", "larger"],
)
def test_an_agent_that_cannot_read_its_key_is_said_and_not_taken_for_a_bad_line(
    running: Running, spoil: Callable[[Path], object], text: str, hint: str
) -> None:
    layout = running.host.layout
    assert "the agent does not run" in running.explained()[0]
    spoil(layout.curve)
    result = _agent(layout)
    assert result.code == 2
    wait_for(lambda: "the agent cannot work" in running.explained()[0])
    because, do = running.explained()
    assert text in because
    assert hint in do


@pytest.mark.usefixtures("as_root")
def test_an_agent_of_the_wrong_user_names_the_commands_that_let_it_read_its_key(running: Running) -> None:
    # Root without its power over files, and not a user of its own: the checkout may lie where no user may look.
    os.chown(running.host.layout.curve, 1, 1)
    running.host.layout.curve.chmod(0o600)
    weak = ("setpriv", "--regid=61001", "--clear-groups", "--bounding-set=-dac_override,-dac_read_search")
    result = _agent(running.host.layout, by=weak)
    assert result.code == 2
    assert "Permission denied" in result.err
    assert "chgrp 61001" in result.err
    assert "chmod 640" in result.err


def _agent(layout: Layout, *, by: tuple[str, ...] = ()) -> Result:
    argv = (*by, sys.executable, "-m", "orch.minion", "--root", str(layout.root), "agent")
    env = {"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONDONTWRITEBYTECODE": "1"}
    return ProcessRunner().run(Call(argv=argv, timeout=60, env=env))


def test_only_one_executor_runs_on_a_host(running: Running) -> None:
    with pytest.raises(SettingsError, match="another executor"):
        channel.listen(running.host.layout.socket, group=0)


def test_a_host_is_not_enrolled_anew_under_a_running_executor(running: Running) -> None:
    with pytest.raises(UsageError, match="is running"):
        enrol._clear(running.host.layout, again=True)


def test_a_newer_agent_takes_the_place_of_the_older(running: Running) -> None:
    first, second = (channel.connect(running.host.layout.socket) for _agent in range(2))
    first.send(Agent())
    wait_for(lambda: bool(first.receive()))
    second.send(Agent())
    wait_for(lambda: bool(second.receive()))
    with pytest.raises(Closed):
        wait_for(lambda: bool(first.receive()))
    second.send(Up("tcp://centre:4505"))
    wait_for(lambda: running.status().centre == "tcp://centre:4505")
    first.close()
    second.close()
    wait_for(lambda: running.status().centre == "")


def test_frames_that_are_no_message_end_the_line_and_not_the_executor(running: Running) -> None:
    agent = channel.connect(running.host.layout.socket)
    agent.send(Agent())
    agent.send(Up("tcp://centre:4505"))
    agent.send(Received((b"junk",)))
    said: list[str] = []

    def hung_up() -> bool:
        said.extend(word.TAG for word in agent.receive())
        return "hang-up" in said

    wait_for(hung_up)
    assert said[0] == "dialling"
    assert running.status().centre == ""
    agent.close()


@pytest.mark.parametrize("word", [Up("tcp://x:1"), None], ids=["up before agent", "junk"])
def test_a_visitor_who_says_something_else_is_shown_out(running: Running, word: Up | None) -> None:
    visitor = channel.connect(running.host.layout.socket)
    if word is None:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(running.host.layout.socket))
            raw.sendall(b"\xff\xff\xff\xff")
            raw.settimeout(PATIENCE)
            assert raw.recv(1) == b""
    else:
        visitor.send(word)
        with pytest.raises(Closed):
            wait_for(lambda: bool(visitor.receive()))
    visitor.close()
    assert running.status().host == running.host.settings.name


def test_a_plan_on_site_waits_its_turn_and_a_host_without_a_document_says_so(running: Running) -> None:
    with pytest.raises(HostError, match="no release yet"):
        ask(running.host.layout.socket, SiteAsk(Ask.PLAN))
    running.agent()
    me = running.host.me
    running.centre.admit(me.curve, estate.admission_bytes(me))
    wait_for(lambda: running.status().standing == "admitted")
    visitors = [channel.connect(running.host.layout.socket) for _visitor in range(3)]
    for visitor in visitors:
        visitor.send(SiteAsk(Ask.STATUS))
    for visitor in visitors:
        wait_for(lambda visitor=visitor: bool(visitor.receive()))  # type: ignore[misc]
        visitor.close()


def test_nobody_answers_where_no_executor_runs(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not answer"):
        ask(tmp_path / "executor.sock", SiteAsk(Ask.STATUS))


def test_visitors_who_only_hold_the_door_do_not_keep_the_agent_out(running: Running) -> None:
    silent = [channel.connect(running.host.layout.socket) for _ in range(40)]
    running.agent()
    wait_for(lambda: running.status().standing == "pending")
    for one in silent:
        one.close()


class SlowWhole(FakeWhole):
    """Looks only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_look = threading.Event()

    def plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        self.may_look.wait(PATIENCE)
        return super().plan(document, materials, look)


def test_a_visitor_who_asks_for_a_second_plan_is_shown_out_and_the_executor_stays(tmp_path: Path) -> None:
    host = bench(tmp_path / "host")
    host.settle()
    host.core.database.close()
    host.machine = slow = SlowWhole()
    with StandInCentre(tmp_path / "tree") as centre:
        running = Running(host, centre)
        visitor = channel.connect(host.layout.socket)
        for _ in range(2):
            visitor.send(SiteAsk(Ask.PLAN))
            running.status()  # it has been heard by now
        slow.may_look.set()
        with pytest.raises(Closed):
            wait_for(lambda: bool(visitor.receive()))
        assert running.status().number == 2
        visitor.close()
        running.stop()
