"""Bad days of a fleet's lines: what is done to them for how long, and what became of the hosts.

The long ones are functions of their seconds and their seed: a proof each.

Called by the system tests and by the proofs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from orch.common.report import Report, Trigger
from orch.common.session import BEAT
from tests.lab import counted
from tests.lab.fleet import APPLIED_WITHIN, MASTER, is_applied
from tests.lab.ground import Ground, events
from tests.lab.hosts import Host, until
from tests.lab.line import PLAIN, Quality

NOTICED_WITHIN = 90.0
"""Seconds after which a dead line is noticed by the slowest machine; the figure itself is measured."""
BACK_WITHIN = 2 * 1.2 * BEAT
"""Seconds after which a host is on the line again: two heartbeats, each a fifth longer at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a host did on such a day.

    Attributes:
        seconds: for how long its line was bad.
        dialled: attempts to connect.
        connected: attempts that came to something.
        streams: times that the centre was asked for everything by rsync.
        back: seconds from the end of it until the host was on the line.
        applied: seconds from the end of it until its newest release was reported as applied.
    """

    seconds: float
    dialled: int
    connected: int
    streams: int
    back: float
    applied: float


class _Told:
    """What a host's daemons have said since this was made."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._before = {name: len(host.log(name)) for name in ("agent", "executor")}

    def count(self, daemon: str, event: str) -> int:
        return len(events(self._host.log(daemon)[self._before[daemon] :], event))


class Spell:
    """Some hosts' lines are bad from now on, until `end`."""

    def __init__(self, ground: Ground, names: Iterable[str]) -> None:
        """The caller makes the lines bad, and changes them as it likes."""
        self._ground = ground
        self._told = {name: _Told(ground.lab.hosts[name]) for name in names}
        self._streamed = {name: self._streams(name) for name in self._told}
        self._began = time.monotonic()

    def _streams(self, name: str) -> int:
        return self._ground.lab.centre.log(MASTER).count(f" stream-opened host={name} ")

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began

    def end(self, quality: Quality = PLAIN) -> dict[str, Day]:
        """Make the lines good (or no worse than `quality`); how each of their hosts fares, once all is well."""
        ground, told, lasted = self._ground, self._told, self.seconds
        before = {name: (one.count("agent", "dialling"), one.count("agent", "connected")) for name, one in told.items()}
        for name in told:
            ground.lab.hosts[name].heal()
            ground.lab.hosts[name].set_line(quality)
        ended = time.monotonic()
        back = _when(ended, told, lambda name: ground.rows()[name]["connected"], what="to be on the line")
        applied = _when(ended, told, lambda name: is_applied(ground.rows()[name]), what="to have the newest release")
        return {
            name: Day(
                seconds=lasted,
                dialled=before[name][0],
                connected=before[name][1],
                streams=self._streams(name) - self._streamed[name],
                back=back[name],
                applied=applied[name],
            )
            for name, one in told.items()
        }


def _when(ended: float, names: Iterable[str], condition: Callable[[str], object], *, what: str) -> dict[str, float]:
    """The seconds since `ended` at which each host first fulfilled a condition."""
    found: dict[str, float] = {}
    waited = list(names)

    def all_did() -> bool:
        found.update({name: time.monotonic() - ended for name in waited if name not in found and condition(name)})
        return len(found) == len(waited)

    until(all_did, timeout=APPLIED_WITHIN, every=0.2, what=f"{', '.join(waited)} {what}")
    return found


class Noticing:
    """Who notices, and after how many seconds, that a line is dead, on the host and at the centre."""

    def __init__(self, ground: Ground, names: Iterable[str]) -> None:
        """Nobody has yet; the lines have just died."""
        self._ground = ground
        self._began = time.monotonic()
        self._told = {name: _Told(ground.lab.hosts[name]) for name in names}
        self.host: dict[str, float] = {}
        self.centre: dict[str, float] = {}

    def done(self) -> bool:
        """Ask both sides; whether everybody has noticed."""
        now = time.monotonic() - self._began
        rows = self._ground.rows()
        for name, told in self._told.items():
            if name not in self.host and told.count("agent", "disconnected"):
                self.host[name] = now
            if name not in self.centre and not rows[name]["connected"]:
                self.centre[name] = now
        return len(self.host) == len(self.centre) == len(self._told)


def toggled(ground: Ground, name: str, package: str) -> None:
    """Publish a release that puts a package on a list, or takes it off."""
    path = ground.folders.estate / f"lists/{name}.list"
    lines = path.read_text("utf-8").splitlines()
    lines = [one for one in lines if one != package] if package in lines else [*lines, package]
    path.write_text("".join(f"{one}\n" for one in lines), "utf-8")
    sites = [word for host in ground.lab.hosts for word in ("--yes-remove", host.partition("/")[0])]
    ground.apply_unheard(*sites)


def once(ground: Ground, name: str, packages: Iterable[str]) -> list[str]:
    """What a host did twice, or was counted twice, or not at all; empty if all is well.

    Every change that dpkg made of `packages` stands in a report, and each release was reported as applied once.
    """
    host = ground.lab.hosts[name]
    until(lambda: not counted.made(host).unsent, timeout=60, every=0.2, what=f"the reports of {name}")
    found = counted.faults(host, ground.folders.centre)
    reports = counted.kept(ground.folders.centre, name).reports
    releases = Counter(one.number for one in reports if one.trigger is Trigger.RELEASE and one.steps)
    found += [f"{name}: release {number} was done {times} times" for number, times in releases.items() if times > 1]
    log = (host.root / "var/log/dpkg.log").read_text("utf-8").splitlines()
    for package in packages:
        for kind, is_one in (("install", _installs), ("remove", _removes)):
            by_dpkg = sum(f" {kind} {package}:" in line for line in log)
            by_report = sum(map(partial(is_one, package), reports))
            if by_dpkg != by_report:
                found.append(f"{name}: {kind} {package}: {by_dpkg} times by dpkg, {by_report} times by the reports")
    return found


def _installs(package: str, report: Report) -> int:
    return sum(one.name == package and not one.before for step in report.steps for one in step.changes)


def _removes(package: str, report: Report) -> int:
    return sum(one.name == package and not one.after for step in report.steps for one in step.changes)


# ---- the long ones


def flapping(ground: Ground, *, seconds: float, seed: int) -> list[str]:
    """Every line carries for a second, then for a second not; now and then there is a release. What is wrong then.

    TCP outlives that, so the last line also ends whatever comes in the first third of each minute: it must be dialled again.
    """
    package, names, published, minutes = "tree", list(ground.lab.hosts), 0, seconds / 60  # a tear a minute
    network, torn = ground.lab.network, False
    spell = Spell(ground, names)
    for number, name in enumerate(names):
        network.set_quality(name, Quality(flap=1.0), seed=seed + number)
    while spell.seconds < seconds:
        if spell.seconds >= published * 120 + 3:
            published += 1
            toggled(ground, "base", package)
        if torn is not (tears := spell.seconds % 60 < 20):
            (network.tear if tears else network.mend)(names[-1])
            torn = tears
        time.sleep(0.5)
    if torn:
        network.mend(names[-1])
    days = spell.end()
    found = _looked_back(ground, days, packages=(package,), torn=names[-1], tears=minutes)
    if days[names[-1]].connected < minutes / 2:
        found.append(
            f"{names[-1]}: connected {days[names[-1]].connected} times in {minutes:.0f} minutes of a torn line"
        )
    return found


def one_way(ground: Ground, *, seconds: float, seed: int) -> list[str]:
    """Of one host nothing arrives, another gets nothing; in the middle there is a release. What is wrong then."""
    to_centre, to_host, *_ = ground.lab.hosts
    lines = {to_centre: Quality(to_host=False), to_host: Quality(to_centre=False)}
    spell, noticing = Spell(ground, lines), Noticing(ground, lines)
    for number, (name, quality) in enumerate(lines.items()):
        ground.lab.network.set_quality(name, quality, seed=seed + number)
    until(noticing.done, timeout=NOTICED_WITHIN, every=0.5, what="both sides to notice")
    print(f"noticed after seconds: by the hosts {noticing.host}, by the centre {noticing.centre}")
    time.sleep(max(0.0, seconds / 2 - spell.seconds))
    toggled(ground, "base", "tree")
    time.sleep(max(0.0, seconds - spell.seconds))
    days = spell.end()
    return _looked_back(ground, days, packages=("tree",))


def _looked_back(
    ground: Ground, days: Mapping[str, Day], *, packages: Iterable[str], torn: str = "", tears: float = 0.0
) -> list[str]:
    found = ground.faults()
    for name, day in days.items():
        print(f"{name}: {day}")
        found += once(ground, name, packages) + strained(name, day, tears=tears if name == torn else 0.0)
    return found


def strained(name: str, day: Day, *, tears: float = 0.0) -> list[str]:
    """What a host did too often, or too late; its connections were ended for good `tears` times.

    Whoever is refused at once dials two keys in a round, five or six rounds in the first twenty seconds; without longer
    and longer pauses it would be forty.
    """
    found, minutes = [], day.seconds / 60
    if day.back > BACK_WITHIN:
        found.append(f"{name}: on the line {day.back:.0f} s after the end, {BACK_WITHIN:.0f} s are two heartbeats")
    if day.dialled > 10 + 8 * minutes + 15 * tears:
        found.append(f"{name}: dialled {day.dialled} times in {minutes:.1f} minutes")
    # One for its release, one where that was broken off, one for what came meanwhile; then one a minute.
    if day.streams > 3 + minutes:
        found.append(f"{name}: fetched {day.streams} times in {minutes:.1f} minutes")
    return found
