"""`make bench`: every figure that is promised, a table of them, and build/bench.json.

    make bench ARGS="--only cli_version_cpu_s,compile_sign_10k_cpu_s"
    make bench ARGS="--only swarm --hosts 1000"     a smaller swarm; its figures carry their own names and are not judged
    make bench ARGS=--page                          write the page of the documentation, too

A figure that misses its promise is printed as missed. The end is 0 unless something could not be measured. With --only, the
file and the page keep what an earlier run has measured of the rest.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import zmq

from tests.bench import compile_estate, debian_host, real_hosts, start_cost, swarm_round, table
from tests.bench.apart import measured as apart
from tests.bench.figure import ALL, BY_NAME, Verdict
from tests.lab.command import PYTHON

TOP = Path(__file__).parents[2]
JSON = TOP / "build" / "bench.json"
PAGE = TOP / "docs" / "explanation" / "figures.md"


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that come from one measurement."""

    name: str
    figures: tuple[str, ...]
    measure: Callable[[], Mapping[str, float]]


def families(hosts: int) -> tuple[Family, ...]:
    """All measurements, the short ones first."""
    return (
        Family("start", ("cli_version_cpu_s",), start_cost.measure),
        Family("compile", ("compile_sign_10k_cpu_s",), compile_estate.measure),
        Family("host", real_hosts.ONE, lambda: apart("tests.bench.real_hosts", "one")),
        Family("debian", debian_host.FIGURES, lambda: apart("tests.bench.debian_host", python=PYTHON, network=True)),
        Family("flock", real_hosts.MANY, lambda: apart("tests.bench.real_hosts", "many")),
        Family("line", (), lambda: apart("tests.bench.line_cost", python=PYTHON, network=True)),
        Family("swarm", swarm_round.FIGURES, lambda: apart("tests.bench.swarm_round", str(hosts))),
    )


def main(words: list[str]) -> int:
    """Measure, print, write."""
    asked = _arguments(words)
    measured, code = run(_chosen(asked.only, families(asked.hosts)))
    if asked.only:
        measured = {**table.read(JSON), **measured}
    table.write(measured, JSON)
    if asked.page:
        PAGE.write_text(table.page(measured, where=_where()), "utf-8")
    return code


def run(chosen: Sequence[Family]) -> tuple[dict[str, float], int]:
    """Measure and print; the figures, and the exit code."""
    measured: dict[str, float] = {}
    failed = False
    for family in chosen:
        print(f"== {family.name} {', '.join(family.figures)}", flush=True)
        try:
            measured.update(family.measure())
        except SystemExit as err:
            print(f"   not measured: {err}", flush=True)
            failed = True
    wanted = [figure for figure in ALL if any(figure.name in family.figures for family in chosen)]
    print("\n".join(table.lines(measured, wanted)))
    missed = [figure.name for figure in wanted if figure.judge(measured.get(figure.name)) is Verdict.MISSED]
    print(f"missed: {', '.join(missed)}" if missed else "nothing is missed of what was measured")
    return measured, 1 if failed else 0


def _where() -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    machine = f"{platform.system()} {platform.release().split('-')[0]}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{day}, {machine}, libzmq {zmq.zmq_version()}, load on it {_load()}."


def _load() -> str:
    return Path("/proc/loadavg").read_text("utf-8").split()[0]


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", default="", help="names of figures or of measurements, with commas between them")
    parser.add_argument("--hosts", type=int, default=10_000, help="size of the swarm")
    parser.add_argument("--page", action="store_true", help="write docs/explanation/figures.md")
    return parser.parse_args(words)


def _chosen(only: str, known: Iterable[Family]) -> list[Family]:
    names = {name for name in only.split(",") if name}
    found = [family for family in known if not names or names & {family.name, *family.figures}]
    unknown = names - {name for family in found for name in (family.name, *family.figures)}
    if unknown:
        raise SystemExit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(BY_NAME)}")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
