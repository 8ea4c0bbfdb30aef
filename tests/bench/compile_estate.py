"""How much CPU an estate of 1,000 sites with 10 hosts each costs: reading, checking, compiling, encoding.

Run by hand: `python -m tests.bench.compile_estate [SITES] [HOSTS]`. The bar is 15 s of CPU for 10,000 documents compiled
and signed, on two slow cores.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

from orch.common.authoring import Draft, sign_release
from orch.common.identity import Admission
from orch.common.names import Place
from orch.master.estate import compiler, loader
from tests.fakes.signed_estate import DAY, NOW, signing

MAIN = """\
orch: 1
estate: bench
defaults:
  lists: [base, dom0]
  reconcile: { every: 15m, full: daily, at_boot: true }
  unlisted: remove
  protect: [essential, "linux-image-*", "grub-*", "xen-*", orch-minion, openssh-server]
  listen: [tcp/22]
  files:
    /etc/motd: { content: "This machine is looked after by a team far away.\\n" }
    /etc/issue: { content: "hello\\n", mode: "0600" }
groups:
  libraries: { match: "kind=library" }
  slow: { match: "link.down<4Mbit", reconcile: { every: 1h } }
rings:
  - { name: lab, sites: [site-0] }
  - { name: wide, sites: "*" }
"""
SITE = """\
site: {name}
title: The library of the town number {number}
labels: {{ kind: {kind}, country: fi, town: t{number} }}
location: [46.2333, 6.0500]
contact: {{ name: Library desk, mail: library-desk@example.org, locale: fr_CH }}
link: {{ down: {down}Mbit, up: 1Mbit }}
scope: main
lists: [base, dom0, extra]
files:
  /etc/site: {{ content: "{name}\\n" }}
hosts:
"""
HOST = """\
  srv{index}:
    title: Machine number {index}
    labels: {{ rack: r{index} }}
"""
OWN = """\
    files:
      /etc/role: {{ content: "server {index}\\n", mode: "0640" }}
"""


def write(directory: Path, *, sites: int, hosts: int) -> None:
    """Make an estate; every second host says something of its own."""
    (directory / "sites").mkdir()
    (directory / "lists").mkdir()
    (directory / "estate.yaml").write_text(MAIN)
    (directory / "lists/base.list").write_text("".join(f"package-{number}\n" for number in range(300)))
    (directory / "lists/dom0.list").write_text("@base\nxen-utils-common\nlvm2\n")
    (directory / "lists/extra.list").write_text("@dom0\nsmartmontools\ntelnet purge\n")
    for number in range(sites):
        name = f"site-{number}"
        text = SITE.format(name=name, number=number, kind="library" if number % 2 else "lab", down=number % 20 + 1)
        for index in range(hosts):
            text += HOST.format(index=index) + (OWN.format(index=index) if index % 2 else "")
        (directory / f"sites/{name}.yaml").write_text(text)


def admission(place: Place) -> Admission:
    """A key for a host."""
    key = str(place).encode().ljust(32, b"\0")[:32]
    return Admission(
        estate="bench",
        host=str(place),
        curve=key,
        sign=key,
        seal=key,
        scope="main",
        ring="wide",
        serial=1,
        issued=1,
    )


def cpu() -> float:
    """Seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(sites: int = 1000, hosts: int = 10) -> dict[str, float]:
    """CPU seconds of each part, and of all together; writing the operator's files counts, making hosts' keys does not."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        start = cpu()
        write(directory, sites=sites, hosts=hosts)
        written = cpu()
        estate = loader.load(directory)
        loaded = cpu()
        admissions = {place: admission(place) for place in estate.places}
        ready = cpu()
        result = compiler.compile_estate(estate, admissions, commit="0123456")
        compiled = cpu()
    draft = Draft(estate="bench", scope="main", epoch=1, number=2, created=NOW, expires=NOW + DAY)
    made = sign_release(draft, [item.data for item in result.compiled], keys=(signing("anna"),))
    done = cpu()
    if len(made.documents) != sites * hosts:
        raise SystemExit(f"{len(made.documents)} documents, not {sites * hosts}")
    label = f"{sites * hosts // 1000}k" if sites * hosts >= 1000 else str(sites * hosts)
    return {
        f"compile_sign_{label}_cpu_s": (loaded - start) + (done - ready),
        f"estate_{label}_write_cpu_s": written - start,
        f"estate_{label}_load_cpu_s": loaded - written,
        f"estate_{label}_compile_cpu_s": compiled - ready,
        f"estate_{label}_sign_cpu_s": done - compiled,
    }


def main(sites: int = 1000, hosts: int = 10) -> None:
    """Measure and print."""
    for name, value in measure(sites, hosts).items():
        print(f"{name:30} {value:7.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
