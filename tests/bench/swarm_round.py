"""One round to thousands of simulated hosts with real CURVE sockets, and their return after a restart of the master.

Run by hand: `python -m tests.bench.swarm_round [HOSTS]`. What the master pays is its own CPU alone: the hosts are other
processes. The round begins when the operator is told that the release is published, and ends when the last report is
acknowledged: every host got a document of 20 KiB of its own, proved once that nothing is newer, and reported. Taking the release
in (signature, tree, database) is measured apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from orch.common import codec
from orch.common.authoring import Authored, sign_release
from orch.common.crypto import sha256
from orch.common.document import File
from orch.common.operations import Publish, Published
from orch.master.cli import upload
from tests.bench import apart
from tests.bench.centre import OPERATOR, MeasuredCentre
from tests.bench.swarm import Swarm, name_of
from tests.fakes import signed_estate as estate

FIGURES = ("round_10k_master_cpu_s", "round_10k_master_rss_mb", "reconnect_10k_s")
PATIENCE = 300.0
SPREAD = 0.002
"""Seconds of the first dialling per host: the storm is what the restart measures."""
ROOM = 4_000
"""Descriptors that the master needs beside one for each host. A process of the swarm takes four for each of its hosts, and as
many again where connections break and are made anew."""
FILES, SIZE = 10, 1_850
"""Of a document: 20 KiB in all."""


def short(hosts: int) -> str:
    """A number as it stands in a figure's name: 10k, 100."""
    return f"{hosts // 1000}k" if hosts % 1000 == 0 else str(hosts)


def document(name: str) -> bytes:
    """What this host must be: files with contents that nobody else has."""
    line = f"# {name} keeps this because its operator said so\n".encode()
    files = []
    for number in range(FILES):
        content = (line * (SIZE // len(line) + 1))[: SIZE - 1] + b"\n"
        path = f"/etc/orch-bench/{number}"
        files.append(File(path=path, sha256=sha256(content), size=len(content), content=content))
    return codec.encode(replace(estate.document(estate.admission(name)), files=tuple(files)))


def release(names: list[str]) -> Authored:
    """A release to all of them, made a minute ago."""
    now = int(time.time())
    draft = replace(estate.draft(2), created=now - 60, expires=now + estate.DAY)
    return sign_release(draft, [document(name) for name in names], keys=estate.keys(OPERATOR))


def measure(hosts: int) -> dict[str, float]:
    """All figures of a swarm of that size."""
    apart.make_room(hosts + ROOM)
    names = [name_of(number) for number in range(hosts)]
    label, figures = short(hosts), dict[str, float]()
    with tempfile.TemporaryDirectory() as folder, Swarm(hosts) as swarm:
        centre = MeasuredCentre(Path(folder) / "centre")
        centre.admit(names)
        centre.start()
        try:
            idle = centre.usage()
            swarm.dial(centre.address, spread=hosts * SPREAD)
            swarm.until(lambda tally: tally.up == hosts, what="every host", seconds=PATIENCE)
            connected = centre.usage()
            figures[f"connect_{label}_master_cpu_s"] = connected.cpu - idle.cpu
            figures[f"connected_{label}_master_rss_mb"] = connected.rss
            figures.update(_round(centre, swarm, release(names)))
            began = time.monotonic()
            centre.stop()
            centre.start()
            swarm.until(
                lambda tally: tally.up == hosts <= tally.dials // 2, what="the return of every host", seconds=PATIENCE
            )
            figures[f"reconnect_{label}_s"] = time.monotonic() - began
            figures[f"reconnect_{label}_master_cpu_s"] = centre.usage().cpu
            figures[f"reconnect_{label}_dials_per_host"] = (swarm.count().dials - hosts) / hosts
        finally:
            centre.stop()
    return figures


def _round(centre: MeasuredCentre, swarm: Swarm, made: Authored) -> dict[str, float]:
    label, before = short(swarm.hosts), swarm.count()
    operator = centre.operator()
    start = centre.usage()
    upload.documents(operator, made.documents)
    hashes = tuple(sha256(content) for content in made.documents)
    operator.ask("release.put", Publish(release=made.envelope, documents=hashes), Published)
    published, began = centre.usage(), time.monotonic()
    operator.close()
    swarm.until(lambda tally: tally.acknowledged == swarm.hosts, what="every report", seconds=PATIENCE)
    end, tally = centre.usage(), swarm.count()
    if tally.delivered != swarm.hosts or tally.faults:
        raise SystemExit(f"not every host was given its own document: {tally}")
    return {
        f"round_{label}_intake_cpu_s": published.cpu - start.cpu,
        f"round_{label}_master_cpu_s": end.cpu - published.cpu,
        f"round_{label}_wall_s": time.monotonic() - began,
        f"round_{label}_proofs": float(tally.proofs - before.proofs),
        f"round_{label}_master_rss_mb": end.peak,
    }


def main(hosts: int = 10_000) -> None:
    """Measure and print."""
    apart.show(measure(hosts))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
