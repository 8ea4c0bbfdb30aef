"""The centre's socket against those who connect and never say a whole message: real sockets, real CURVE."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orch.common.clock import SystemClock
from orch.common.wire import CentreSocket, Context, Dial, Event, Link, Received, Room, Sent, Shared, Waiter, make_keys
from tests.fakes.clock import ManualClock

PATIENCE = 20.0
"""Seconds that anything may take on a machine that is busy with other things."""
MIB = 1 << 20


@dataclass
class Site:
    """A centre's socket with little room, and whoever calls it."""

    context: Context  # of those who call; the centre has its own, as it has its own machine
    clock: ManualClock
    server: bytes
    centre: CentreSocket
    waiter: Waiter
    stack: ExitStack
    arrived: list[Received] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    dismissed: list[tuple[str, str, int]] = field(default_factory=list)

    def link(self) -> Link:
        """Somebody who speaks CURVE."""
        made = Link(self.context, Dial(address=self.centre.endpoint, server=self.server, keys=make_keys()))
        self.stack.callback(made.close)
        return made

    def plain(self) -> socket.socket:
        """Somebody who connects and sends nothing at all."""
        port = urlsplit(self.centre.endpoint).port
        assert port is not None
        made = self.stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        made.settimeout(0)
        return made

    def turn(self, seconds: float = 0.05) -> None:
        """The centre's turn."""
        self.waiter.wait(seconds)
        self.arrived += self.centre.receive()
        self.gone += self.centre.gone()
        self.dismissed += self.centre.weigh()

    def until(self, condition: Callable[[], object]) -> None:
        end = SystemClock().boottime() + PATIENCE
        while SystemClock().boottime() < end:
            if condition():
                return
            self.turn()
        raise AssertionError(f"did not come about; dismissed {self.dismissed}, gone {self.gone}")

    def saw(self, link: Link, event: Event) -> None:
        self.until(lambda: event in link.events())

    def answers(self, link: Link) -> bool:
        """Whether somebody who says something is heard, and answered."""
        before = len(self.arrived)
        link.send((b"hello",))
        self.until(lambda: len(self.arrived) > before)
        return self.centre.send(self.arrived[-1].peer, (b"welcome",)) is Sent.YES


def ended(plain: socket.socket) -> bool:
    """Whether the centre has hung up; its greeting is no matter."""
    try:
        while data := plain.recv(4096):
            assert data
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    room = getattr(request, "param", Room(silent=20, patience=30.0))
    context, here, keys, clock = Context(), Context(), make_keys(), ManualClock()
    centre = CentreSocket(here, secret=keys.secret, room=room, clock=clock)
    centre.bind("tcp://127.0.0.1:*")
    waiter = Waiter()
    waiter.add(centre)
    with ExitStack() as stack:
        yield Site(context, clock, keys.public, centre, waiter, stack)
    centre.close()
    here.close()
    context.close()


class TestConnectionsThatSayNothing:
    def test_neighbours_who_return_at_once_and_speak_are_all_heard_however_many(self, site: Site) -> None:
        links = [site.link() for _ in range(60)]  # three times as many as may be silent
        for link in links:
            link.send((b"hello",))
        up = 0
        end = SystemClock().boottime() + PATIENCE
        while up < len(links) and SystemClock().boottime() < end:  # the centre is busy with something else meanwhile
            up += sum(event is Event.UP for link in links for event in link.events())
        assert up == len(links)
        Waiter().wait(0.5)  # what they said arrives
        site.until(lambda: len(site.arrived) == len(links))
        assert site.dismissed == []
        assert site.gone == []

    def test_end_after_a_while_and_those_that_said_something_stay(self, site: Site) -> None:
        silent, plain, honest = site.link(), site.plain(), site.link()
        site.saw(silent, Event.UP)
        assert site.answers(honest)
        site.clock.advance(29)
        site.turn()
        site.turn()
        assert Event.DOWN not in silent.events()
        site.clock.advance(2)
        site.saw(silent, Event.DOWN)
        site.until(lambda: ended(plain))
        assert site.answers(honest)
        assert site.gone == []  # nobody was told of them, so nobody has to be told of their end

    def test_are_no_more_than_there_is_room_for(self, site: Site) -> None:
        honest = site.link()
        assert site.answers(honest)
        crowd = [site.plain() for _ in range(60)]
        site.until(lambda: sum(ended(each) for each in crowd) >= 40)
        assert [ended(each) for each in crowd].count(False) == 20
        assert site.answers(honest)
        assert site.answers(site.link())  # whoever comes and speaks finds room

    def test_leave_no_descriptor_behind_when_they_are_cut(self, site: Site) -> None:
        link = site.link()
        assert site.answers(link)
        before = _open_descriptors()
        site.centre.cut(site.arrived[-1].peer)
        site.saw(link, Event.DOWN)
        assert _open_descriptors() < before  # at least the centre's end is closed


class TestMessagesThatNeverEnd:
    @pytest.mark.parametrize("site", [Room(unread=8 * MIB)], indirect=True)
    def test_cost_the_connection_before_they_cost_much_memory(self, site: Site) -> None:
        honest, greedy = site.link(), site.link()
        site.saw(greedy, Event.UP)
        before = _resident()
        greedy.send((Shared(b"x" * 1_000_000),) * 4000)  # four gigabytes in one message
        site.saw(greedy, Event.DOWN)
        assert _resident() - before < 1000 * MIB
        assert [reason for _address, reason, _count in site.dismissed] == ["sends without an end"]
        assert site.answers(honest)

    @pytest.mark.parametrize("site", [Room(unread=64 * MIB, unread_all=24 * MIB)], indirect=True)
    def test_are_bounded_together_too(self, site: Site) -> None:
        greedy = [site.link() for _ in range(3)]
        for link in greedy:
            site.saw(link, Event.UP)
        for link in greedy:
            link.send((Shared(b"x" * 1_000_000),) * 4000)
        # All of them, as libzmq 4.3.5 aborts where a connection breaks while its sender closes it in mid-message.
        for link in greedy:
            site.saw(link, Event.DOWN)

    @pytest.mark.parametrize("site", [Room(unread=8 * MIB)], indirect=True)
    def test_are_not_mistaken_for_a_long_life(self, site: Site) -> None:
        busy = site.link()
        for _ in range(40):
            busy.send((b"x" * 500_000, b"y" * 500_000))
            site.until(lambda: len(site.arrived) > 0)
            site.arrived.clear()
            site.clock.advance(20)
            site.turn(0)
        assert site.dismissed == []


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
