"""What orch costs on a poor line: bytes each way, with TCP's and IP's headers, of one host with the real everything.

Run by hand: `python -m tests.bench.line_cost [SECONDS]`, as root. The line has a round trip of 300 ms, loses 5 % of its
packets each way and carries 256 kbit/s. What apt fetches from the repository is not counted: it is the packages' cost.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.bench import apart
from tests.lab import command, package
from tests.lab.fleet import PORT
from tests.lab.ground import LIBRARY, Ground
from tests.lab.lab import Lab, Settings
from tests.lab.line import Quality
from tests.lab.network import inside

CHECKOUT = Path(__file__).resolve().parents[2]
POOR = Quality(delay=0.15, jitter=0.02, loss=0.05, rate=256_000)
IDLE = 120.0
ENTRIES = ("apt", "bash", "coreutils", "dash", "dpkg", "grep", "gzip", "sed", "tar", "site-tools")
"""A list of ten: all but the last are there anyway."""
_METER = f"""
add table inet lab_meter
add counter inet lab_meter up
add counter inet lab_meter down
add chain inet lab_meter arrive {{ type filter hook input priority 0; }}
add chain inet lab_meter depart {{ type filter hook output priority 0; }}
add rule inet lab_meter arrive ip saddr ADDRESS tcp dport {PORT} counter name "up"
add rule inet lab_meter depart ip daddr ADDRESS tcp sport {PORT} counter name "down"
"""


class Meter:
    """Counts what orch says to one host, and hears of it, at the centre."""

    def __init__(self, namespace: Path, address: str) -> None:
        """Count from now on."""
        self._namespace = namespace
        command.run(inside(namespace, ["nft", "-f", "-"]), stdin=_METER.replace("ADDRESS", address))

    def read(self) -> tuple[int, int]:
        """Bytes from the host and to it, up to now."""
        told = command.run(
            inside(self._namespace, ["nft", "--json", "list", "counters", "table", "inet", "lab_meter"])
        ).out
        found = {
            one["counter"]["name"]: one["counter"]["bytes"] for one in json.loads(told)["nftables"] if "counter" in one
        }
        return int(found["up"]), int(found["down"])


def main(idle: float = IDLE) -> None:
    """Print a line a figure."""
    apart.need_root()
    with Lab(Settings(checkout=CHECKOUT, packages=package.ORDINARY)) as lab:
        ground = Ground(lab, "bench")
        ground.establish()
        ground.write({"lists/base.list": "".join(f"{name}\n" for name in ENTRIES)})
        ground.apply()
        lab.hosts[LIBRARY].set_line(POOR)
        meter = Meter(lab.centre.namespace, lab.network.line(LIBRARY).there)
        _idle(meter, idle)
        ground.write({"lists/base.list": "".join(f"{name}\n" for name in ("hostname", *ENTRIES[1:]))})
        _release(ground, meter, "list")
        _release(ground, meter, "nothing", "--again")
        ground.end()


def _idle(meter: Meter, seconds: float) -> None:
    time.sleep(5)
    before = meter.read()
    time.sleep(seconds)
    for way, first, last in zip(("up", "down"), before, meter.read(), strict=True):
        print(f"line_idle_hour_{way}_bytes {(last - first) * 3600 / seconds:.0f}")


def _release(ground: Ground, meter: Meter, name: str, *words: str) -> None:
    before, began = meter.read(), time.monotonic()
    ground.apply(*words)
    took = time.monotonic() - began
    time.sleep(3)  # until the report is acknowledged and all is repeated that was lost
    for way, first, last in zip(("up", "down"), before, meter.read(), strict=True):
        print(f"line_release_{name}_{way}_bytes {last - first}")
    print(f"line_release_{name}_s {took:.1f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else IDLE)
