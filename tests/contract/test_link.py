"""A connection over what lies between a host and its centre: a line that dies silently, a proxy, a name that moves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orch.common.clock import SystemClock
from orch.common.errors import Unreachable
from orch.common.wire import Context, Dial, Event, Link, Pulse, Sent, make_keys
from orch.common.wire.centre import CentreSocket
from orch.common.wire.relay import Relay
from tests.fakes.bad_proxy import BadProxy
from tests.fakes.middleman import GRANTED, NO_PASSWORD, Middleman, Proxy

pytestmark = pytest.mark.processes

TOP = Path(__file__).parents[2]
PATIENCE = 20.0
QUICK = Pulse(every=200, answer=400, trust=600)


class Ends:
    """A centre's socket, and one connection to it."""

    def __init__(self) -> None:
        self.context, self.keys, self.me = Context(), make_keys(), make_keys()
        self.centre = CentreSocket(self.context, secret=self.keys.secret)
        self.centre.bind("tcp://127.0.0.1:*")
        self.events: list[Event] = []
        self.heard: list[bytes] = []
        self.peers: list[bytes] = []
        self.gone: list[bytes] = []
        self.answers: list[tuple[bytes, ...]] = []
        self.link: Link | None = None

    @property
    def port(self) -> int:
        return urlsplit(self.centre.endpoint).port or 0

    def dial(self, address: str, *, proxy: str = "", hasty: bool = False) -> None:
        self.link = Link(
            self.context,
            Dial(
                address=address,
                server=self.keys.public,
                keys=self.me,
                proxy=proxy,
                proxy_patience=0.3 if hasty else 10.0,
                pulse=QUICK,
            ),
        )
        self.link.send((b"hello",))

    def until(self, condition: Callable[[], object]) -> None:
        end = SystemClock().boottime() + PATIENCE
        while not condition():
            for found in self.centre.receive():
                self.heard.append(found.frames[0])
                self.peers.append(found.peer)
            self.gone += self.centre.gone()
            if self.link is not None:
                self.events += self.link.events()
                self.answers += self.link.receive()
            assert SystemClock().boottime() < end, (self.events, self.heard, self.gone)


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    if made.link is not None:
        made.link.close()
    made.centre.close()
    made.context.close()


def test_a_half_open_line_is_noticed_by_both_ends_within_the_pulse(ends: Ends) -> None:
    with Middleman(ends.port) as relay:
        ends.dial(f"tcp://127.0.0.1:{relay.port}")
        ends.until(lambda: ends.heard)
        pinged = SystemClock().boottime() + 1.0  # the first ping tells the centre how long to wait for the next
        ends.until(lambda: SystemClock().boottime() > pinged)
        relay.deaf = True
        ends.until(lambda: Event.DOWN in ends.events)
        ends.until(lambda: ends.gone)


def test_a_quiet_line_that_lives_is_not_taken_for_a_dead_one(ends: Ends) -> None:
    with Middleman(ends.port) as relay:
        ends.dial(f"tcp://127.0.0.1:{relay.port}")
        ends.until(lambda: ends.heard)
        quiet_until = SystemClock().boottime() + 2.0
        ends.until(lambda: SystemClock().boottime() > quiet_until)
        assert ends.events == [Event.UP]
        assert ends.gone == []


def test_goes_through_a_socks_proxy_which_is_told_the_centres_name(ends: Ends) -> None:
    with Proxy(ends.port) as proxy:
        ends.dial(f"tcp://localhost:{ends.port}", proxy=f"127.0.0.1:{proxy.port}")
        ends.until(lambda: ends.heard)
        assert proxy.asked == [("localhost", ends.port)]


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_goes_through_a_proxy_to_an_address_without_a_name(ends: Ends, address: str) -> None:
    with Proxy(ends.port) as proxy:
        ends.dial(f"tcp://{address}:{ends.port}", proxy=f"localhost:{proxy.port}")
        ends.until(lambda: ends.heard)
        assert [port for _host, port in proxy.asked] == [ends.port]


def test_much_goes_through_a_proxy_both_ways(ends: Ends) -> None:
    piece = bytes(range(256)) * 4000
    with Proxy(ends.port) as proxy:
        ends.dial(f"tcp://localhost:{ends.port}", proxy=f"127.0.0.1:{proxy.port}")
        assert ends.link is not None
        for _ in range(8):
            ends.link.send((piece,))
        ends.until(lambda: ends.heard == [b"hello", *[piece] * 8])
        for _ in range(8):
            assert ends.centre.send(ends.peers[0], (piece,)) is Sent.YES
        ends.until(lambda: len(ends.answers) == 8)
        assert ends.answers == [(piece,)] * 8


BOUND = b"\x00\x01\x00\x00\x00\x00\x00\x00"
REFUSED = {
    1: "something went wrong",
    2: "its rules do not allow it",
    3: "the centre's network is not reachable",
    4: "the centre is not reachable, or its name is not known there",
    5: "the centre refuses the connection",
    6: "no answer came in time",
    7: "it makes no connections",
    8: "it does not take this kind of address",
    200: "error 200",
}


def troubles(ends: Ends, proxy: BadProxy, *, hasty: bool = False) -> set[str]:
    """What the proxy's trouble is called, again and again: each connection is closed, and this process lives."""
    said = set()
    for attempt in range(3):
        ends.events.clear()
        ends.dial(f"tcp://centre.example:{ends.port}", proxy=proxy.address, hasty=hasty)
        ends.until(lambda: Event.DOWN in ends.events)
        assert ends.link is not None
        said.add(ends.link.trouble)
        ends.link.close()
        ends.link = None
        assert proxy.connections == attempt + 1
    assert Event.UP not in ends.events
    return said


@pytest.mark.parametrize(("code", "words"), REFUSED.items())
def test_a_proxy_that_does_not_connect_is_quoted_and_does_no_harm(ends: Ends, code: int, words: str) -> None:
    with BadProxy(NO_PASSWORD, bytes([5, code]) + BOUND) as proxy:
        assert troubles(ends, proxy) == {f"the proxy {proxy.address} does not connect: {words}"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((), "ended the connection"),
        ((NO_PASSWORD,), "ended the connection"),
        ((NO_PASSWORD, GRANTED[:3]), "ended the connection"),
        ((NO_PASSWORD, GRANTED), "ended the connection"),
        ((b"\x05\xff",), "wants a password, and orch has none to give"),
        ((b"\x05\x02",), "wants a password, and orch has none to give"),
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "does not speak SOCKS 5"),
        ((b"\x04\x00",), "does not speak SOCKS 5"),
        ((NO_PASSWORD, b"SSH-2.0-OpenSSH\r\n"), "does not speak SOCKS 5"),
        ((NO_PASSWORD, b"\x05\x00\x00\x09" + bytes(20)), "does not speak SOCKS 5"),
    ],
)
def test_a_proxy_that_ends_or_talks_garbage_is_named_and_does_no_harm(
    ends: Ends, answers: tuple[bytes, ...], words: str
) -> None:
    with BadProxy(*answers) as proxy:
        assert troubles(ends, proxy) == {f"the proxy {proxy.address} {words}"}


def test_garbage_instead_of_the_centre_behind_a_proxy_does_no_harm(ends: Ends) -> None:
    with BadProxy(NO_PASSWORD, GRANTED + b"\x00garbage" * 100) as proxy:
        # It depends on who notices first that there is no use in going on: the proxy, or ZeroMQ, which says no more.
        assert troubles(ends, proxy) <= {"", f"the proxy {proxy.address} ended the connection"}


@pytest.mark.parametrize("answers", [(), (NO_PASSWORD,), (NO_PASSWORD, GRANTED[:5])])
def test_a_proxy_that_hangs_is_given_up(ends: Ends, answers: tuple[bytes, ...]) -> None:
    with BadProxy(*answers, hangs=True) as proxy:
        assert troubles(ends, proxy, hasty=True) == {f"the proxy {proxy.address} does not answer"}


def test_no_proxy_where_one_should_be_is_said(ends: Ends) -> None:
    ends.dial(f"tcp://127.0.0.1:{ends.port}", proxy="127.0.0.1:1")
    ends.until(lambda: Event.DOWN in ends.events)
    assert ends.link is not None
    assert ends.link.trouble == "the proxy 127.0.0.1:1 is not reached: Connection refused"


@pytest.mark.parametrize(
    "proxy", ["nonsense", ":1080", "host:", "host:0", "host:65536", "host:\u00b2", "x" * 256 + ":1"]
)
def test_a_proxy_that_is_no_address_is_refused(ends: Ends, proxy: str) -> None:
    with pytest.raises(Unreachable, match="is not an address") as caught:
        ends.dial(f"tcp://127.0.0.1:{ends.port}", proxy=proxy)
    assert "HOST:PORT" in caught.value.hint


def test_nobody_else_on_the_machine_gets_to_the_centre_by_way_of_a_proxied_host(ends: Ends) -> None:
    with BadProxy() as proxy:
        relay = Relay(proxy.address, "tcp://127.0.0.1:4505", patience=10.0)
        program = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + sys.argv[1]); s.recv(1)"
        name = relay.endpoint.removeprefix("ipc://@")
        subprocess.run([sys.executable, "-c", program, name], check=True, timeout=PATIENCE)  # was hung up on
        relay.close()
        assert proxy.connections == 0
