"""What real hosts cost: one that is told something new and nothing new, and fifty that get ten files each in one go.

Run by hand, as root: `python -m tests.bench.real_hosts one`, or `many [HOSTS]`.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time

from tests.bench import apart, usage
from tests.bench.yard import RealHost, Yard

FILES = 10
RUNS = 5
HOSTS = 50
ONE = (
    "noop_10_files_cpu_s",
    "noop_10_files_bytes",
    "push_to_first_step_s",
)
MANY = ("cli_status_cpu_s", "apply_50_hosts_reported", "apply_50_hosts_cpu_s")


def measure_one() -> dict[str, float]:
    """One host, alone."""
    with Yard(1) as yard:
        host = yard.hosts[0]
        yard.write_files(FILES)
        yard.orch("apply", "--yes")
        return {"push_to_first_step_s": _pushes(yard, host), **_noops(yard, host)}


def _pushes(yard: Yard, host: RealHost) -> float:
    """Seconds from the start of `orch apply` to the first file that is different on the host."""
    took = []
    for version in range(2, 2 + RUNS):
        yard.write_files(FILES, version=version)
        ran = yard.orch("apply", "--yes")
        written = min(path.stat().st_ctime for path in (host.root / "etc/bench").iterdir())
        took.append(written - ran.began)
    return statistics.median(took)


def _noops(yard: Yard, host: RealHost) -> dict[str, float]:
    """A release that says the same once more: the host verifies it, looks, writes nothing, reports."""
    cpu, size = [], []
    for _ in range(RUNS):
        used, sent = sum(map(usage.cpu, host.pids)), _bytes(host)
        yard.orch("apply", "--yes", "--again")
        cpu.append(sum(map(usage.cpu, host.pids)) - used)
        size.append(_bytes(host) - sent)
    return {"noop_10_files_cpu_s": statistics.median(cpu), "noop_10_files_bytes": statistics.median(size)}


def _bytes(host: RealHost) -> float:
    """What the host's connection has carried so far, both ways, as TCP counts it."""
    said = subprocess.run(["ss", "-tinpHO"], capture_output=True, text=True, check=True).stdout
    mine = [line for line in said.splitlines() if any(f"pid={pid}," in line for pid in host.pids)]
    if len(mine) != 1:
        raise SystemExit(f"{host.name} has {len(mine)} connections")
    return float(sum(int(number) for number in re.findall(r"bytes_(?:sent|received):(\d+)", mine[0])))


def measure_many(count: int = HOSTS) -> dict[str, float]:
    """Many hosts, in one go."""
    with Yard(count) as yard:
        yard.write_files(FILES)
        before, began = yard.cpu(), time.monotonic()
        ran = yard.orch("apply", "--yes", codes=(0, 1, 4))
        wall = time.monotonic() - began
        cpu = yard.cpu() - before + ran.cpu
        rows = json.loads(yard.orch("status", "--output", "json").out)["hosts"]
        done = sum(row["outcome"] == "applied" and row["running"] == row["wanted"] for row in rows)
        status = statistics.median(yard.orch("status").cpu for _ in range(RUNS))
    return {
        "cli_status_cpu_s": status,
        f"apply_{count}_hosts_reported": done / count,
        f"apply_{count}_hosts_wall_s": wall,
        f"apply_{count}_hosts_cpu_s": cpu,
        f"apply_{count}_hosts_operator_cpu_s": ran.cpu,
    }


def main(which: str, count: int = HOSTS) -> None:
    """Measure and print."""
    apart.need_root()
    apart.show(measure_many(count) if which == "many" else measure_one())


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:]))
