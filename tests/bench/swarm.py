"""Thousands of hosts on one machine: several processes, each with its share of members (member.py).

A process is `python -m tests.bench.swarm FIRST COUNT`: it reads orders from its standard input, a line each, and answers
with a line each. `dial ADDRESS SECONDS` spreads the first dialling over so many seconds; `count` gives the tally.

A swarm of 10,000 needs about 40,000 descriptors in all (a ZeroMQ socket with its monitor takes four), and as many local
ports as it has hosts.
"""

from __future__ import annotations

import itertools
import json
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Protocol, Self, cast

from orch.common.clock import SystemChance, SystemClock
from orch.common.wire import Context
from tests.bench.member import Member, Tally

TOP = Path(__file__).parents[2]
SWEEP = 1.0
"""Seconds between two looks at every host, for what only time brings."""
SOCKETS = 3
"""Of ZeroMQ, for one host."""


def name_of(number: int) -> str:
    """The host of that number."""
    return f"site{number // 10:04}/srv{number % 10}"


class HasDescriptor(Protocol):
    """What of a socket can be waited for outside ZeroMQ's own poll, which looks at every socket each time."""

    def fileno(self) -> int:
        """To wait on."""


class Nest:
    """The members of one process, and what they wait for."""

    def __init__(self, first: int, count: int) -> None:
        """Make them; nobody dials yet."""
        self.tally = Tally()
        self._clock = SystemClock()
        chance = SystemChance()
        self._context = Context(sockets=count * SOCKETS * 2 + 16)
        self._members = [
            Member(name_of(number), clock=self._clock, chance=chance, tally=self.tally)
            for number in range(first, first + count)
        ]
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._at: dict[int, Member] = {}
        self._descriptors: dict[Member, tuple[int, ...]] = {}
        self._sweep_at = 0.0

    def run(self) -> None:
        """Until the standard input ends."""
        while True:
            ready = self._poll.poll(0.05)
            for member in {member for number, _event in ready if (member := self._at.get(number))}:
                self._serve(member)
            if any(number == sys.stdin.fileno() for number, _event in ready):
                line = sys.stdin.readline()
                if not line:
                    return
                self._obey(line.split())
            self._time()

    def _obey(self, words: list[str]) -> None:
        if words[0] == "dial":
            for number, member in enumerate(self._members):
                member.told(words[1], wait=float(words[2]) * number / len(self._members))
        print(json.dumps(asdict(self.tally)), flush=True)

    def _time(self) -> None:
        now = self._clock.boottime()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP / 20
        for member in self._members:
            if member.dial_at <= now:
                member.dial(self._context)
                self._watch(member)
            elif member.link is not None and member.session.due() <= now:
                self._serve(member)

    def _watch(self, member: Member) -> None:
        if member.link is None:
            return
        numbers = tuple(cast(HasDescriptor, raw).fileno() for raw in member.link.pollable())
        for number in numbers:
            self._poll.register(number, select.EPOLLIN)
            self._at[number] = member
        self._descriptors[member] = numbers

    def _serve(self, member: Member) -> None:
        if member.serve():
            return
        for number in self._descriptors.pop(member, ()):
            self._at.pop(number, None)


class Swarm:
    """All processes of a swarm; a context manager that ends them."""

    def __init__(self, hosts: int, *, processes: int = 8) -> None:
        """Start them."""
        self.hosts = hosts
        shares = [hosts * at // processes for at in range(processes + 1)]
        self._children = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.bench.swarm", str(first), str(end - first)],
                cwd=TOP,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for first, end in itertools.pairwise(shares)
            if end > first
        ]
        self.count()  # they are ready when they answer

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """They end with their input."""
        for child in self._children:
            _pipe(child.stdin).close()
        for child in self._children:
            child.wait(timeout=60)
            _pipe(child.stdout).close()

    def dial(self, address: str, *, spread: float) -> None:
        """Have everybody dial within so many seconds."""
        self._say(f"dial {address} {spread}")

    def count(self) -> Tally:
        """How far they are now."""
        return self._say("count")

    def until(self, condition: Callable[[Tally], bool], *, what: str, seconds: float) -> float:
        """Wait for it; how many seconds that took."""
        began = time.monotonic()
        while not condition(found := self.count()):
            if time.monotonic() > began + seconds:
                raise SystemExit(f"{what} did not come within {seconds:g} s: {found}")
            time.sleep(0.1)
        return time.monotonic() - began

    def _say(self, words: str) -> Tally:
        for child in self._children:
            pipe = _pipe(child.stdin)
            pipe.write(f"{words}\n")
            pipe.flush()
        total = Tally()
        for child in self._children:
            total = total.plus(Tally(**json.loads(_pipe(child.stdout).readline())))
        return total


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the process was started without pipes")
    return pipe


if __name__ == "__main__":
    Nest(int(sys.argv[1]), int(sys.argv[2])).run()
