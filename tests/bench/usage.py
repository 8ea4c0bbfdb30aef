"""What processes have used of the machine, as the kernel counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds so far, and resident memory in MB (10^6 bytes): now, and at its highest."""

    cpu: float
    rss: float
    peak: float


def of_process(pid: int) -> Usage:
    """One process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Usage(
        cpu=(int(fields[11]) + int(fields[12])) / TICKS,
        rss=_megabytes(status["VmRSS"]),
        peak=_megabytes(status["VmHWM"]),
    )


def pss(pids: Iterable[int]) -> float:
    """Memory of processes in MB, what they share counted once."""
    total = 0.0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(_megabytes(line.partition(":")[2]) for line in lines if line.startswith("Pss:"))
    return total


def cpu(pid: int) -> float:
    """CPU seconds of a process with all its threads, those that have ended too, to the nanosecond.

    Its clock is named as clock_getcpuclockid(3) does; /proc counts in steps of 10 ms.
    """
    return time.clock_gettime((~pid << 3) | 2)


def family(pid: int) -> float:
    """CPU seconds of a process, and of all that it started and that has ended; those in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return cpu(pid) + (int(fields[13]) + int(fields[14])) / TICKS


def alone(pids: Iterable[int]) -> float:
    """Memory of processes in MB as on a machine where nobody else has their libraries loaded.

    PSS divides a library by everybody who has it, so it looks small where much Python runs. Here what is the processes' own counts
    in full, and of each file that they map the largest share that one of them holds.
    """
    own, files = 0, dict[str, int]()
    for pid in pids:
        mapped: dict[str, int] = {}
        name, anonymous = "", True
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                anonymous, name = words[4] == "0", " ".join(words[5:])
            elif words[0] == "Rss:":
                shared = 0 if anonymous else int(words[1])
                own += int(words[1]) - shared
                mapped[name] = mapped.get(name, 0) + shared
            elif words[0] == "Anonymous:" and not anonymous:  # written pages of a private mapping
                own += int(words[1])
                mapped[name] -= int(words[1])
        for name, size in mapped.items():
            files[name] = max(files.get(name, 0), size)
    return (own + sum(files.values())) * 1024 / 1e6


def _megabytes(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) * 1024 / 1e6
