"""The bad line of the laboratory is as bad as was asked: every test about bad lines stands on this."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.line import PLAIN, End, Quality, Traffic, Way
from tests.lab.network import CENTRE, Network, inside

pytestmark = pytest.mark.system

HOST = "site/host"
MEASURE = str(Path(command.__file__).with_name("measure.py"))


@dataclass(frozen=True, slots=True)
class Arrived:
    number: int
    sent: float
    arrived: float
    whole: bool

    @property
    def took(self) -> float:
        return self.arrived - self.sent


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A centre and one host's line, without a host."""
    made = Network(tmp_path_factory.mktemp("net"))
    made.create()
    made.attach(HOST)
    yield made
    made.detach(HOST)
    made.remove()


@pytest.fixture
def line(network: Network) -> Iterator[Network]:
    yield network
    network.heal(HOST)
    network.set_quality(HOST, PLAIN)


def measured(
    network: Network, *, count: int, size: int = 100, gap: float = 0.001, to_host: bool = False
) -> list[Arrived]:
    line = network.line(HOST)
    ends = [str(line.namespace), str(network.centre), line.here]
    if to_host:
        ends = [str(network.centre), str(line.namespace), line.there]
    done = command.run([command.PYTHON, "-S", MEASURE, *ends, str(count), str(size), str(gap)])
    return [Arrived(*one) for one in json.loads(done.out)]


def pings(network: Network, count: int = 3) -> int:
    argv = ["ping", "-c", str(count), "-i", "0.02", "-W", "0.4", CENTRE]
    told = command.run(inside(network.line(HOST).namespace, argv), check=False).out
    return int(told.partition(" received")[0].rpartition(" ")[2])


# ---- as asked


@pytest.mark.parametrize("to_host", [False, True])
def test_a_packet_takes_as_long_as_the_delay_says(line: Network, *, to_host: bool) -> None:
    line.set_quality(HOST, Quality(delay=0.1))
    found = measured(line, count=200, to_host=to_host)
    assert len(found) == 200
    least = min(one.took for one in found)
    assert 0.1 <= least < 0.3


def test_a_jittering_line_varies_and_keeps_its_order(line: Network) -> None:
    line.set_quality(HOST, Quality(delay=0.1, jitter=0.05))
    found = measured(line, count=300, gap=0.002)
    assert [one.number for one in found] == list(range(300))
    assert min(one.took for one in found) >= 0.05
    assert statistics.pstdev(one.took for one in found) > 0.001


@pytest.mark.parametrize("to_host", [False, True])
def test_the_share_that_is_lost_is_the_share_that_was_asked(line: Network, *, to_host: bool) -> None:
    line.set_quality(HOST, Quality(loss=0.2))
    found = measured(line, count=1000, to_host=to_host)
    assert 100 <= 1000 - len(found) <= 400


def test_the_rate_is_not_exceeded_and_nearly_reached(line: Network) -> None:
    line.set_quality(HOST, Quality(rate=1_000_000))
    found = measured(line, count=100, size=1208, gap=0)  # 1,250 bytes with their headers: 10 ms each
    assert len(found) == 100
    took = found[-1].arrived - found[0].sent
    assert 1.0 <= took < 3.0


def test_what_waits_too_long_for_the_rate_is_dropped(line: Network) -> None:
    line.set_quality(HOST, Quality(rate=1_000_000, queue=0.2))
    found = measured(line, count=100, size=1208, gap=0)
    assert 15 <= len(found) <= 80


def test_packets_arrive_twice_late_or_with_a_bit_turned_as_often_as_was_asked(line: Network) -> None:
    line.set_quality(HOST, Quality(duplicate=0.1))
    found = measured(line, count=1000)
    assert {one.number for one in found} == set(range(1000))
    assert 50 <= len(found) - 1000 <= 200

    line.set_quality(HOST, Quality(reorder=0.1, late=0.02))
    found = measured(line, count=1000)
    assert len(found) == 1000
    late = sum(1 for before, after in itertools.pairwise(found) if after.number < before.number)
    assert 20 <= late <= 200

    before = line.carried(HOST).to_centre.corrupted
    line.set_quality(HOST, Quality(corrupt=0.1))
    found = measured(line, count=1000)
    # What was hit in its headers was dropped on its way.
    hit = line.carried(HOST).to_centre.corrupted - before
    assert 50 <= hit <= 200
    assert 1 <= sum(not one.whole for one in found) <= hit
    assert len([one for one in found if one.whole]) >= 1000 - hit


def poured(network: Network, content: bytes, where: Path) -> bytes:
    """What arrives at the centre of some bytes that the host sends by TCP."""
    line, sent, arrived = network.line(HOST), where / "sent", where / "arrived"
    sent.write_bytes(content)
    pour = "import socket, sys; s = socket.create_connection((sys.argv[1], 4444)); s.sendfile(open(sys.argv[2], 'rb'))"
    take = "import socket, sys; l = socket.create_server(('', 4444)); c, _ = l.accept(); f = open(sys.argv[1], 'wb')\n"
    take += "while d := c.recv(65536): f.write(d)"
    with subprocess.Popen(inside(network.centre, [command.PYTHON, "-c", take, str(arrived)])) as taking:
        listens = "until ss -Hltn sport = :4444 | grep -q .; do sleep 0.02; done"
        command.run(inside(network.centre, ["sh", "-c", listens]), timeout=20)
        command.run(inside(line.namespace, [command.PYTHON, "-c", pour, line.here, str(sent)]))
        taking.wait(timeout=20)
    return arrived.read_bytes()


def test_no_packet_is_larger_than_a_cable_carries(line: Network, tmp_path: Path) -> None:
    line.set_quality(HOST, Quality(delay=0.001))
    before = line.carried(HOST).to_centre
    poured(line, bytes(1 << 20), tmp_path)
    after = line.carried(HOST).to_centre
    assert after.size - before.size > 1 << 20
    assert (after.size - before.size) / (after.packets - before.packets) <= 1514


def test_a_forging_line_changes_what_arrives_and_a_corrupting_one_does_not(line: Network, tmp_path: Path) -> None:
    content = bytes(range(256)) * 400
    line.set_quality(HOST, Quality(corrupt=0.05))
    assert poured(line, content, tmp_path) == content
    line.set_quality(HOST, Quality(forge=0.5))
    assert poured(line, content, tmp_path) != content


# ---- shut


def test_a_line_open_one_way_carries_that_way_only(line: Network) -> None:
    line.set_quality(HOST, Quality(to_host=False))
    assert len(measured(line, count=50)) == 50
    assert measured(line, count=50, to_host=True) == []
    line.set_quality(HOST, Quality(to_centre=False))
    assert measured(line, count=50) == []


def test_a_flapping_line_carries_half_of_the_time(line: Network) -> None:
    line.set_quality(HOST, Quality(flap=0.2))
    found = measured(line, count=200, gap=0.01)
    assert 40 <= len(found) <= 160


def test_cutting_and_healing_leave_the_quality_as_it_is(line: Network) -> None:
    line.set_quality(HOST, Quality(delay=0.05))
    line.cut(HOST)
    assert line.is_cut(HOST)
    assert pings(line) == 0
    line.set_quality(HOST, PLAIN)
    assert pings(line) == 0
    line.set_quality(HOST, Quality(delay=0.1))
    assert pings(line) == 0
    line.heal(HOST)
    assert min(one.took for one in measured(line, count=20)) >= 0.1


# ---- without a trace


def test_a_host_hears_nothing_of_a_change_of_its_line(line: Network, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with heard.open("wb") as stream:
        argv = inside(line.line(HOST).namespace, ["ip", "monitor", "link", "address", "route"])
        with subprocess.Popen(argv, stdout=stream) as monitor:
            command.run(["sleep", "0.2"])
            for quality in (Quality(delay=0.01), Quality(loss=0.5), PLAIN):
                line.set_quality(HOST, quality)
            assert pings(line) == 3
            monitor.terminate()
    assert heard.read_text() == ""


def test_a_bad_line_stays_bad_when_its_host_goes_and_comes(line: Network) -> None:
    line.set_quality(HOST, Quality(delay=0.1))
    line.detach(HOST)
    line.set_quality(HOST, Quality(delay=0.2))
    line.attach(HOST)
    assert min(one.took for one in measured(line, count=20)) >= 0.2


def test_a_plain_line_leaves_nothing_of_the_bad_one(line: Network) -> None:
    line.set_quality(HOST, Quality(delay=0.1))
    line.set_quality(HOST, PLAIN)
    assert line.line(HOST).tap not in command.run(inside(line.centre, ["ip", "link"])).out
    assert pings(line) == 3
    with pytest.raises(LabError, match="give it a quality first"):
        line.carried(HOST)


def test_the_same_seed_loses_the_same_packets() -> None:
    def lost(seed: int) -> list[int]:
        traffic, end = Traffic(seed, 0.0), End(target=-1, way=Way())
        traffic.quality = Quality(loss=0.5)
        counts = []
        for number in range(100):
            traffic.take(bytes(60), end, is_open=True, now=float(number))
            counts.append(end.way.lost)
        return counts

    assert lost(7) == lost(7)
    assert lost(7) != lost(8)
