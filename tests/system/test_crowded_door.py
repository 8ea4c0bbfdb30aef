"""600 connections that say nothing, and a master that may open 200 files: whoever speaks is served.

The master is a real process on loopback; hosts are scripted ones with the real sessions and sockets (swarmhost.py).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orch.common import codec
from orch.common import operations as op
from orch.common.clock import SystemChance
from orch.common.crypto import sha256
from orch.common.wire import Event
from tests.fakes import signed_estate as estate
from tests.fakes.real_master import TOP, Master
from tests.fakes.running_centre import FakeOperator
from tests.fakes.swarmhost import SwarmHost

pytestmark = pytest.mark.system

DESCRIPTORS, SILENT = 200, 600
HOSTS = 8


@contextmanager
def crowd(address: str) -> Iterator[None]:
    """Half of the connections are silent before the handshake, half of them after it."""
    argv = [sys.executable, "-m", "tests.fakes.silent_crowd", address, estate.curve("centre").public.hex()]
    with subprocess.Popen(
        [*argv, str(SILENT // 2), str(SILENT // 2)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"there\n"
        try:
            yield
        finally:
            child.kill()


class Town:
    """A master with few descriptors, some hosts, an operator who comes when there is something to do."""

    def __init__(self, folder: Path) -> None:
        self.master = Master(folder, descriptors=DESCRIPTORS)
        names = [f"site{number}/dom0" for number in range(HOSTS)]
        self.hosts = [SwarmHost(name, clock=self.master.clock, chance=SystemChance()) for name in names]

    def until(self, condition: Callable[[], object]) -> None:
        """Everybody goes on trying, as hosts do."""

        def turned() -> bool:
            for host in self.hosts:
                if host.link is None or Event.DOWN in host.events:
                    host.events.clear()
                    host.connect(self.master.context, self.master.address)
                host.turn()
            return bool(condition())

        self.master.until(turned)

    def close(self) -> None:
        for host in self.hosts:
            host.disconnect()
        self.master.kill()
        self.master.context.close()

    def publish(self) -> None:
        """A release for every host."""
        contents = tuple(codec.encode(estate.document(host.me)) for host in self.hosts)
        now = self.master.clock.wall()
        made = estate.release(estate.draft(created=now, expires=now + 3600), contents=contents)
        hashes = tuple(sha256(content) for content in made.documents)
        self.ask(
            ("document.hold", op.Documents(made.documents)),
            ("release.put", op.Publish(release=made.envelope, documents=hashes)),
        )

    def ask(self, *requests: tuple[str, object]) -> None:
        """An operator connects, asks one thing after the other, and goes; all of it anew where it was cut off."""
        for _ in range(20):
            operator = FakeOperator("anna", self.master.context, self.master.address)
            try:
                if all(self._answered(operator, *request) for request in requests):
                    return
            finally:
                operator.link.close()
        raise AssertionError(f"nobody answered {requests}")

    def _answered(self, operator: FakeOperator, operation: str, arguments: object) -> bool:
        number = operator.send(operation, arguments)

        def over() -> bool:
            operator.turn()
            return operator.cut or any(answer.final for answer in operator.to(number))

        self.until(over)
        answers = operator.to(number)
        assert all(answer.code == "" for answer in answers), answers
        return bool(answers)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "centre")
    made.master.start()
    made.master.connect()
    made.master.host.disconnect()
    yield made
    made.close()


def test_hosts_and_operators_are_served_as_if_nobody_else_were_there(town: Town) -> None:
    with crowd(town.master.address):
        time.sleep(2.0)  # the crowd is there, and has been cut and has come again
        town.until(lambda: all("pending" in host.standing for host in town.hosts))
        for host in town.hosts:
            town.ask(("key.admit", op.Signed(estate.admission_bytes(estate.admission(host.name)))))
        town.until(lambda: all("admitted" in host.standing for host in town.hosts))
        town.publish()
        town.until(lambda: all(host.held.number == 2 for host in town.hosts))
        for host in town.hosts:
            host.report()
        town.until(lambda: all(host.acknowledged == 1 for host in town.hosts))
    log = town.master.log.read_text()
    print(log[-3000:])
    assert "visitors-dismissed" in log
    assert "host-gone" not in log  # and nobody lost a connection for it
