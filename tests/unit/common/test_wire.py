"""Real CURVE sockets on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from orch.common.clock import SystemClock
from orch.common.errors import SettingsError, Unreachable
from orch.common.messages import FRAME_LIMIT
from orch.common.wire import Context, Dial, Event, Keys, Link, Sent, Shared, Waiter, make_keys, public_of
from orch.common.wire.centre import CentreSocket, Received

PATIENCE = 200
"""Turns of 50 ms: ten seconds on a machine that is busy with other things."""


@dataclass
class Net:
    """A centre, some links to it and what they got."""

    context: Context
    server: Keys
    centre: CentreSocket
    waiter: Waiter
    links: list[Link] = field(default_factory=list)
    arrived: list[Received] = field(default_factory=list)
    events: dict[int, list[Event]] = field(default_factory=dict)
    got: dict[int, list[tuple[bytes, ...]]] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)

    def dial(self, keys: Keys, *, server: bytes = b"", address: str = "") -> Link:
        link = Link(
            self.context, Dial(address=address or self.centre.endpoint, server=server or self.server.public, keys=keys)
        )
        self.links.append(link)
        self.waiter.add(link)
        return link

    def until(self, condition: Callable[[], bool]) -> bool:
        for _ in range(PATIENCE):
            if condition():
                return True
            for thing in self.waiter.wait(0.05):
                if thing is self.centre:
                    self.arrived += self.centre.receive()
                    self.gone += self.centre.gone()
                elif isinstance(thing, Link):
                    self.events.setdefault(id(thing), []).extend(thing.events())
                    self.got.setdefault(id(thing), []).extend(thing.receive())
        return condition()

    def saw(self, link: Link, event: Event) -> bool:
        return self.until(lambda: event in self.events.get(id(link), []))


@pytest.fixture
def net() -> Iterator[Net]:
    context, server = Context(), make_keys()
    centre = CentreSocket(context, secret=server.secret)
    centre.bind("tcp://127.0.0.1:*")
    waiter = Waiter()
    waiter.add(centre)
    made = Net(context, server, centre, waiter)
    yield made
    for link in made.links:
        link.close()
    centre.close()
    context.close()


def test_identity_is_the_key_that_was_proven(net: Net) -> None:
    keys = make_keys()
    link = net.dial(keys)
    link.send((b"one", b"two"))
    assert net.until(lambda: bool(net.arrived))
    assert net.arrived[0].key == keys.public
    assert net.arrived[0].frames == (b"one", b"two")


def test_an_answer_finds_its_way_back_and_may_share_its_bytes(net: Net) -> None:
    links = [net.dial(make_keys()) for _ in range(3)]
    for link in links:
        link.send((b"hello",))
    assert net.until(lambda: len(net.arrived) == 3)
    body = Shared(b"z" * 20_000)
    assert all(net.centre.send(item.peer, (b"head", body)) is Sent.YES for item in net.arrived)
    assert net.until(lambda: all(net.got.get(id(link)) for link in links))
    assert all(net.got[id(link)] == [(b"head", b"z" * 20_000)] for link in links)


def test_a_connection_comes_up_and_says_so(net: Net) -> None:
    assert net.saw(net.dial(make_keys()), Event.UP)


def test_a_centre_with_another_key_is_no_centre(net: Net) -> None:
    link = net.dial(make_keys(), server=make_keys().public)
    assert net.saw(link, Event.DOWN)
    assert Event.UP not in net.events[id(link)]


def test_a_revoked_key_is_refused_at_the_door(net: Net) -> None:
    keys = make_keys()
    net.centre.revoke(frozenset([keys.public]))
    assert net.saw(net.dial(keys), Event.REFUSED)
    assert net.arrived == []


def test_a_live_connection_can_be_cut(net: Net) -> None:
    link = net.dial(make_keys())
    link.send((b"hello",))
    assert net.until(lambda: bool(net.arrived))
    net.centre.cut(net.arrived[0].peer)
    assert net.saw(link, Event.DOWN)


def test_cutting_twice_does_no_harm(net: Net) -> None:
    net.centre.cut(b"nobody")


def test_the_centre_learns_that_a_peer_went(net: Net) -> None:
    link = net.dial(make_keys())
    link.send((b"hello",))
    assert net.until(lambda: bool(net.arrived))
    net.waiter.remove(link)
    net.links.remove(link)
    link.close()
    assert net.until(lambda: net.gone == [net.arrived[0].peer])
    assert net.until(lambda: net.centre.send(net.arrived[0].peer, (b"x",)) is Sent.GONE)


def test_nobody_there_is_said_at_once(net: Net) -> None:
    assert net.saw(net.dial(make_keys(), address="tcp://127.0.0.1:1"), Event.DOWN)


def test_an_address_that_is_none_is_refused(net: Net) -> None:
    with pytest.raises(Unreachable, match="not an address"):
        Link(net.context, Dial(address="nonsense", server=net.server.public, keys=make_keys()))


def test_a_port_that_is_taken_is_a_fault_of_the_settings(net: Net) -> None:
    context = Context()
    other = CentreSocket(context, secret=make_keys().secret)
    with pytest.raises(SettingsError, match="cannot listen"):
        other.bind(net.centre.endpoint)
    other.close()
    context.close()


def test_an_oversized_message_costs_its_sender_the_connection(net: Net) -> None:
    honest, greedy = net.dial(make_keys()), net.dial(make_keys())
    assert net.saw(honest, Event.UP)
    assert net.saw(greedy, Event.UP)
    greedy.send((b"x" * (FRAME_LIMIT + 1),))
    assert net.saw(greedy, Event.DOWN)
    honest.send((b"still here",))
    assert net.until(lambda: bool(net.arrived))
    assert net.arrived[0].frames == (b"still here",)


def test_the_public_half_follows_from_the_secret_half() -> None:
    keys = make_keys()
    assert public_of(keys.secret) == keys.public


def test_waiting_for_nothing_is_a_pause_and_not_a_busy_loop() -> None:
    clock = SystemClock()
    start = clock.boottime()
    assert Waiter().wait(0.05) == []
    assert clock.boottime() - start >= 0.05
