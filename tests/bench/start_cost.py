"""What a command costs before it does anything: CPU seconds of the whole process, user and system, median of runs.

Run by hand: `python -m tests.bench.start_cost [RUNS]`. The bar for `orch --version` is 0.10 s.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

COMMANDS = {
    "orch --version": ("orch.master.cli", "--version"),
    "orch --help": ("orch.master.cli", "--help"),
    "orch-master --version": ("orch.master", "--version"),
    "orch-minion --version": ("orch.minion", "--version"),
}


def cost(argv: tuple[str, ...]) -> float:
    """CPU seconds of one run."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as child:
        _pid, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime


def measure(runs: int = 15) -> dict[str, float]:
    """What `orch --version` costs."""
    module, *words = COMMANDS["orch --version"]
    argv = (sys.executable, "-m", module, *words)
    return {"cli_version_cpu_s": statistics.median(cost(argv) for _ in range(runs))}


def main(runs: int) -> None:
    """Print a line a command, and Python's own start as what nobody can go below."""
    floor = statistics.median(cost((sys.executable, "-c", "pass")) for _ in range(runs))
    print(f"{'python -c pass':24} {floor:.3f} s")
    for name, (module, *words) in COMMANDS.items():
        used = statistics.median(cost((sys.executable, "-m", module, *words)) for _ in range(runs))
        print(f"{name:24} {used:.3f} s   {used / floor:.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
