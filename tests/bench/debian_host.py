"""What a real Debian host costs with 500 packages on its lists: at rest, and when it looks whether all are there.

Run by hand, as root: `python -m tests.bench.debian_host [SECONDS]`. The host stands in the laboratory, on Debian's own
Python and packages, with a network of its own: nobody else's sockets are looked through, and what ships is measured.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import apart, usage
from tests.lab import package
from tests.lab.fleet import ESTATE, Fleet
from tests.lab.ground import LIBRARY
from tests.lab.hosts import Host
from tests.lab.lab import Lab, Settings

CHECKOUT = Path(__file__).resolve().parents[2]
FIGURES = (
    "host_idle_pss_mb",
    "host_idle_cpu_ms_per_min",
    "noop_500_packages_cpu_s",
    "noop_500_packages_cold_cpu_s",
)
PACKAGES = 500
SPARE = "bench-499"
"""A package whose mark is changed to and fro, as an administrator does: the next look is a cold one."""
RUNS = 5
IDLE = 120.0
MAIN = f"""orch: 1
estate: {ESTATE}
defaults: {{ lists: [base], listen: [], reconcile: {{ every: 1h, full: daily, at_boot: true }} }}
"""


def main(idle: float = IDLE) -> None:
    """Measure and print."""
    apart.need_root()
    made = tuple(package.tool(f"bench-{number:03}", "one of many") for number in range(PACKAGES))
    with Lab(Settings(checkout=CHECKOUT, hosts=(LIBRARY,), packages=made)) as lab:
        fleet, host = Fleet(lab), lab.hosts[LIBRARY]
        source = lab.folder / "source"
        there = host.installed()
        _write(source, sorted(there) + [one.name for one in made[len(there) :]])
        fleet.found(files=source)
        fleet.start_master()
        fleet.admit(host, fleet.enrol(host))
        fleet.apply("--timeout", "10m")
        apart.show(dict(_figures(fleet, host, idle)))


def _figures(fleet: Fleet, host: Host, idle: float) -> Iterator[tuple[str, float]]:
    if len(found := host.installed()) != PACKAGES:
        raise SystemExit(f"{len(found)} packages are there, not {PACKAGES}")
    pids = [host.pid(name) for name in ("executor", "agent")]
    yield "noop_500_packages_cpu_s", statistics.median(_look(fleet, pids) for _ in range(RUNS))
    cold = []
    for turn in range(RUNS):
        host.chroot(["apt-mark", "manual" if turn % 2 else "auto", SPARE])
        cold.append(_look(fleet, pids))
    yield "noop_500_packages_cold_cpu_s", statistics.median(cold)
    time.sleep(5)
    before = sum(map(usage.family, pids))
    time.sleep(idle)
    yield "host_idle_cpu_ms_per_min", (sum(map(usage.family, pids)) - before) * 1000 * 60 / idle
    yield "host_idle_pss_mb", usage.alone(pids)
    yield "host_idle_pss_shared_mb", usage.pss(pids)


def _look(fleet: Fleet, pids: Iterable[int]) -> float:
    """CPU seconds of the host and of all that it starts, for a release that says the same once more."""
    before = sum(map(usage.family, pids))
    fleet.apply("--again")
    return sum(map(usage.family, pids)) - before


def _write(folder: Path, names: Iterable[str]) -> None:
    files = {
        "estate.yaml": MAIN,
        "lists/base.list": "".join(f"{name}\n" for name in names),
        "sites/library.yaml": "site: library\nhosts:\n  lib-srv1: {}\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else IDLE)
