"""Lines as sites have them: slow, losing, flapping, open one way only, gone in the middle of a transfer, turning bits.

One bad minute (`minute`) is lived through once, by all three hosts at the same time; many tests look at what became of
it. The long ones are proofs: `make proof FAMILY=flap`, `FAMILY=oneway`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from orch.common.report import Outcome
from tests.lab import counted, weather
from tests.lab.fleet import APPLIED_WITHIN, is_applied
from tests.lab.ground import FILES, LAB, LIBRARY, SCHOOL, Ground, said
from tests.lab.hosts import Host, until
from tests.lab.line import PLAIN, Counts, Quality
from tests.lab.weather import BACK_WITHIN, Day, Noticing, Spell

pytestmark = pytest.mark.system

SEED = int(os.environ.get("ORCH_SEED") or random.SystemRandom().randrange(1 << 32))
SLOW = 800_000
"""Bits in a second while the large file is under way."""
LARGE = 600_000
"""Bytes of it."""
ENOUGH = 400_000
"""Bytes after which the line dies under it."""
POOR = Quality(delay=0.15, jitter=0.02, loss=0.05, rate=256_000)
TURNING = Quality(corrupt=0.05, forge=0.08)
TURNED = 10.0
"""Seconds for which it does: who never finds it whole for long enough may get nothing done meanwhile."""
FLAPPING = Quality(flap=1.0)


@dataclass(kw_only=True)
class Minute:
    """What was seen while the lines were bad, and what they carried."""

    ground: Ground
    noticing: Noticing
    days: dict[str, Day]
    status: str  # while two lines were dead
    before: dict[str, Counts]  # what the two had carried when they died
    after: dict[str, Counts]  # and when all was well again
    turned: Counts  # what the third carried until it was good again
    flapped: bool  # the third had its release while its line flapped


@pytest.fixture(scope="module")
def minute(established: Ground) -> Minute:
    """Two lines die under a transfer, each in one direction; meanwhile the third flaps, is poor, and turns bits."""
    ground, network = established, established.lab.network
    ground.calm()
    print(f"\nORCH_SEED={SEED}")
    dying = {LIBRARY: Quality(rate=SLOW, to_centre=False), SCHOOL: Quality(rate=SLOW, to_host=False)}
    large = random.Random(SEED).randbytes(LARGE // 2).hex()
    with_large = FILES["estate.yaml"] + "    /etc/large: { source: large }\n"
    ground.write({"estate.yaml": with_large, "files/large": large})
    spell = Spell(ground, ground.lab.hosts)
    for name in dying:
        network.set_quality(name, Quality(rate=SLOW), seed=SEED)
    network.set_quality(LAB, FLAPPING, seed=SEED)
    ground.apply_unheard()
    for name in dying:
        carried = f"{ENOUGH} bytes to {name}"
        until(lambda: network.carried(name).to_host.size > ENOUGH, timeout=90, every=0.1, what=carried)  # noqa: B023
    noticing, before = Noticing(ground, dying), {}
    for name, quality in dying.items():
        before[name] = network.carried(name)
        network.set_quality(name, quality)
    flapped = _has(ground.lab.hosts[LAB], "etc/large", large)
    turned = _third(ground, noticing)
    until(noticing.done, timeout=weather.NOTICED_WITHIN, every=0.3, what="both sides to notice")
    status = said(ground.orch("status"))
    days = spell.end(Quality(rate=10 * SLOW))
    after = {name: network.carried(name) for name in dying}
    for host in ground.lab.hosts.values():
        host.set_line(PLAIN)
    return Minute(
        ground=ground,
        noticing=noticing,
        days=days,
        status=status,
        before=before,
        after=after,
        turned=turned,
        flapped=flapped,
    )


def _third(ground: Ground, noticing: Noticing) -> Counts:
    """A poor line, then one that turns bits: a release each, both with a list that has to be fetched."""
    host = ground.lab.hosts[LAB]
    host.set_line(POOR)
    began = time.monotonic()
    weather.toggled(ground, "lab", "tree")
    _applied(ground, noticing)
    print(f"{POOR}: {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    host.set_line(TURNING)
    weather.toggled(ground, "lab", "reading-room")
    until(lambda: noticing.done() or time.monotonic() - began > TURNED, timeout=60, every=0.3, what="the time")
    turned = host.carried()
    host.set_line(PLAIN)
    _applied(ground, noticing)
    print(f"{TURNING}: {time.monotonic() - began:.1f} s")
    return turned


def _applied(ground: Ground, noticing: Noticing) -> None:
    def applied() -> bool:
        noticing.done()
        return is_applied(ground.rows()[LAB])

    until(applied, timeout=APPLIED_WITHIN, every=0.3, what=f"{LAB} to have the newest release")


def _has(host: Host, path: str, content: str) -> bool:
    until((host.root / path).is_file, timeout=60, every=0.2, what=path)
    return (host.root / path).read_text() == content


# ---- a line that is open one way only


def test_a_line_that_carries_one_way_is_noticed_on_both_sides(minute: Minute) -> None:
    noticing = minute.noticing
    print(f"\nafter seconds: by the hosts {noticing.host}, by the centre {noticing.centre}")
    assert noticing.host.keys() == noticing.centre.keys() == {LIBRARY, SCHOOL}


def test_status_names_the_silent_ones_and_since_when(minute: Minute) -> None:
    offline = {line.split()[0] for line in minute.status.splitlines() if "? offline" in line}
    assert offline == {"library", "school"}


def test_after_a_bad_line_a_host_is_back_within_two_heartbeats_and_has_everything(minute: Minute) -> None:
    for name, day in minute.days.items():
        print(f"\n{name}: {day}")
        # The third had three releases in this minute, and some of its fetches were broken on purpose.
        assert day.back < BACK_WITHIN if name == LAB else weather.strained(name, day) == []
    large = (minute.ground.folders.estate / "files/large").read_text()
    for host in minute.ground.lab.hosts.values():
        assert (host.root / "etc/large").read_text() == large


def test_whatever_the_line_did_everything_was_done_once_and_reported_once(minute: Minute) -> None:
    for name in minute.ground.lab.hosts:
        assert weather.once(minute.ground, name, ["tree", "reading-room"]) == []


# ---- a transfer


def test_a_transfer_that_the_line_broke_goes_on_where_it_was(minute: Minute) -> None:
    for name in (LIBRARY, SCHOOL):
        first = minute.before[name].to_host.size
        then = minute.after[name].to_host.size - first
        print(f"\n{name}: {first} bytes before the line died, {then} after, of {LARGE}")
        assert first + then < LARGE + ENOUGH * 0.9


# ---- flapping, turning bits


def test_a_flapping_line_is_good_enough_for_a_release(minute: Minute) -> None:
    assert minute.flapped
    assert minute.days[LAB].connected <= 3


def test_turned_bits_are_noticed_and_never_become_anything(minute: Minute) -> None:
    print(f"\n{minute.turned}")
    assert minute.turned.to_host.forged + minute.turned.to_centre.forged > 0
    host, centre = minute.ground.lab.hosts[LAB], minute.ground.folders.centre
    assert "refused" not in [line.split()[1] for line in host.log("executor").splitlines()]
    outcomes = {report.outcome for report in counted.kept(centre, LAB).reports}
    assert outcomes <= {Outcome.APPLIED, Outcome.WAITING}


# ---- a stopped host


@contextmanager
def stopped(host: Host) -> Iterator[None]:
    """A machine that hangs: its kernel answers, its daemons do not."""
    pids = [host.pid(name) for name in ("executor", "agent")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_stopped_host_delays_nobody_else(minute: Minute) -> None:
    ground = minute.ground

    def applied(motd: str) -> float:
        began = time.monotonic()
        ground.write({"files/motd": motd})
        ground.apply_unheard()
        ground.wait_applied([LIBRARY, SCHOOL])
        return time.monotonic() - began

    alone = applied("one\n")
    ground.wait_applied([LAB])
    with stopped(ground.lab.hosts[LAB]):
        beside = applied("two\n")
    print(f"\napplied after {alone:.1f} s, beside a stopped host after {beside:.1f} s: {beside / alone:.2f} times")
    ground.wait_applied([LAB])
