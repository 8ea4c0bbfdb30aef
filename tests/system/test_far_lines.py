"""Connections over lines that take seconds, and to names that move: two processes, real sockets, real name lookups."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.lab import command
from tests.lab.line import Quality
from tests.lab.network import CENTRE, Network, inside

pytestmark = pytest.mark.system

TOP = Path(__file__).parents[2]
FAR = "site/host"
PATIENCE = 60.0
END = (command.PYTHON, "-m", "tests.system.far_ends")


@contextmanager
def running(argv: Sequence[str]) -> Iterator[IO[bytes]]:
    """A process, until it is not wanted any more; what it says."""
    env = {**os.environ, "PYTHONPATH": str(TOP)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=env) as child:
        assert child.stdout is not None
        try:
            yield child.stdout
        finally:
            child.kill()


def says(stream: IO[bytes]) -> str:
    """Its next line."""
    assert select.select([stream], [], [], PATIENCE)[0], "it said nothing in time"
    return stream.readline().decode().strip()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path / "net")
    made.create()
    made.attach(FAR)
    yield made
    made.detach(FAR)
    made.remove()


def test_a_host_whose_line_takes_three_seconds_there_and_back_connects(network: Network, tmp_path: Path) -> None:
    network.set_quality(FAR, Quality(delay=1.5))
    address = f"tcp://{CENTRE}:4505"
    with running(inside(network.centre, [*END, "centre", address])) as centre:
        argv = [*END, "host", address, says(centre), str(tmp_path / "names"), ""]
        with running(inside(network.line(FAR).namespace, argv)) as host:
            assert says(host) == "up"
            assert says(centre) == "hello from afar"


def test_a_name_is_looked_up_at_each_attempt_so_that_a_centre_may_move(tmp_path: Path) -> None:
    address = "tcp://centre.example:45051"
    names = tmp_path / "names"
    names.touch()
    with running([*END, "centre", "tcp://127.0.0.3:45051"]) as centre:
        argv = [*END, "host", address, says(centre), str(names), "127.0.0.2 centre.example", "127.0.0.3 centre.example"]
        program = f'mount --bind {names} /etc/hosts && exec "$@"'
        with running(["unshare", "--mount", "sh", "-c", program, "sh", *argv]) as host:
            assert says(host) == "down"  # nobody is there
            assert says(host) == "up"
            assert says(centre) == "hello from afar"


def test_a_line_that_dies_before_the_first_ping_is_noticed_by_the_centre(network: Network, tmp_path: Path) -> None:
    address = f"tcp://{CENTRE}:4505"
    with running(inside(network.centre, [*END, "centre", address])) as centre:
        argv = [*END, "host", address, says(centre), str(tmp_path / "names"), ""]
        with running(inside(network.line(FAR).namespace, argv)) as host:
            assert says(host) == "up"
            assert says(centre) == "hello from afar"
            network.cut(FAR)
            assert says(centre) == "gone"
