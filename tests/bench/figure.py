"""The figures that are promised: what each is, how much it may be, and what others need for the same.

Peers were measured on the same kind of machine, with the same counts: Salt 3008.5, Ansible-core 2.19, pyinfra 3.10, pkgsync 1.28.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Whether a promise is kept."""

    KEPT = "kept"
    MISSED = "MISSED"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One promise. `peer` is the best figure among the peers, which the ratio is taken of; `note` says why it is missed."""

    name: str
    about: str
    bar: float
    at_least: bool = False
    peer: float | None = None
    peers: str = ""
    note: str = ""

    def judge(self, value: float | None) -> Verdict:
        """Whether this value keeps the promise."""
        if value is None:
            return Verdict.OPEN
        kept = value >= self.bar if self.at_least else value <= self.bar
        return Verdict.KEPT if kept else Verdict.MISSED


ALL = (
    Figure(
        name="cli_version_cpu_s",
        about="`orch --version`, CPU s",
        bar=0.10,
        peer=0.30,
        peers="Salt 0.30, Ansible 0.42, pyinfra 0.46",
    ),
    Figure(
        name="cli_status_cpu_s",
        about="`orch status`, CPU s of the command",
        bar=0.15,
        peer=0.70,
        peers="cheapest remote call: Salt 0.70, Ansible 1.30, pyinfra 0.70",
    ),
    Figure(
        name="host_idle_pss_mb",
        about="idle host with 500 packages, all its processes, MB PSS",
        bar=35,
        peer=71,
        peers="Salt 71",
        note="""counted as if nobody else on the host had a library loaded; `host_idle_pss_shared_mb` is what the kernel
counts where others run Python. It is two interpreters, each with what it imports: the agent is apart from root's
process on purpose.""",
    ),
    Figure(
        name="host_idle_cpu_ms_per_min", about="the same, CPU ms a minute", bar=50, peer=300, peers="Salt about 300"
    ),
    Figure(
        name="noop_10_files_cpu_s",
        about="no-op apply of 10 files, CPU s of the host",
        bar=0.03,
        peer=0.35,
        peers="Salt 0.35-0.54",
    ),
    Figure(
        name="noop_10_files_bytes",
        about="the same, bytes on the wire, both ways",
        bar=2_000,
        peer=33_000,
        peers="Salt 33,000",
    ),
    Figure(
        name="noop_500_packages_cpu_s",
        about="no-op check of 500 packages, warm, CPU s",
        bar=0.02,
        peer=0.15,
        peers="Salt 0.15-0.33 in the state itself, 1.01 in all; pyinfra 0.53, Ansible 2.08, pkgsync 5.09",
    ),
    Figure(
        name="noop_500_packages_cold_cpu_s",
        about="the same, the first after a change, CPU s",
        bar=0.3,
        peer=0.53,
        peers="Salt 1.01, pyinfra 0.53, Ansible 2.08, pkgsync 5.09",
    ),
    Figure(
        name="push_to_first_step_s",
        about="operator's enter to the first step on a host, s",
        bar=1.0,
        note="a time of the wall, taken while other programs kept the machine busy; on a quiet one it has not been measured.",
    ),
    Figure(
        name="apply_50_hosts_reported",
        about="50 hosts, 10 files each, in one go: share that reported",
        bar=1.0,
        at_least=True,
    ),
    Figure(
        name="apply_50_hosts_cpu_s",
        about="the same, CPU s of all processes",
        bar=4.78,
        peer=47.8,
        peers="Salt 47.8",
    ),
    Figure(
        name="compile_sign_10k_cpu_s",
        about="10,000 documents from 1,000 site files, compiled and signed, CPU s",
        bar=15,
    ),
    Figure(
        name="round_10k_master_cpu_s",
        about="one round to 10,000 hosts, CPU s of the master",
        bar=2.2,
        note="""a quarter is ZeroMQ's own thread, which encrypts; the rest is Python that reads, decides, signs and stores.
Hosts ask every 20 s whatever happens: where the machine is busy the round takes longer and has more questions in it,
each with a signature. `round_10k_proofs` counts the answers; 10,000 are the round's.""",
    ),
    Figure(
        name="round_10k_master_rss_mb",
        about="the same, highest resident memory of the master, MB",
        bar=700,
        note="""10,000 connections are about 520 MB before the release, and its documents 200 MB; what the rest is has not been
found out.""",
    ),
    Figure(name="reconnect_10k_s", about="10,000 hosts back after a restart of the master, s", bar=60),
)
BY_NAME = {figure.name: figure for figure in ALL}
