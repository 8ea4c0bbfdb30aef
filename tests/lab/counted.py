"""Are all reports there, each once? Read from both ends' databases, with nothing of orch in between.

Called by the system tests.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orch.common import codec, report
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.identity import ADMISSION_TYPE, Admission
from orch.common.report import Report
from tests.lab.hosts import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a host says that it has made."""

    newest: int
    committed: int
    unsent: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the centre has of one host, in the order in which it came."""

    sequences: tuple[int, ...]
    gaps: int
    bodies: tuple[bytes, ...]

    @property
    def reports(self) -> tuple[Report, ...]:
        """The reports themselves."""
        return tuple(codec.decode(Report, body, limit=report.LIMIT) for body in self.bodies)


def made(host: Host) -> Made:
    """Ask the host's journal."""
    with closing(_open(host.root / "var/lib/orch/journal.db")) as database:
        newest, committed = database.execute("SELECT newest, committed FROM counter").fetchone()
        unsent = tuple(row[0] for row in database.execute("SELECT sequence FROM report ORDER BY sequence"))
    return Made(newest=newest, committed=committed, unsent=unsent)


def kept(centre: Path, name: str) -> Kept:
    """Ask the centre's database."""
    with closing(_open(centre / "store.db")) as database:
        keys = database.execute("SELECT curve, admission FROM keys WHERE state = 'admitted'").fetchall()
        curve = next(curve for curve, admission in keys if _name(admission) == name)
        query = "SELECT sequence, gap, envelope FROM reports WHERE curve = ? ORDER BY id"
        rows = database.execute(query, (curve,)).fetchall()
    return Kept(
        sequences=tuple(row[0] for row in rows),
        gaps=sum(row[1] for row in rows),
        bodies=tuple(open_envelope(row[2], type=report.TYPE, limit=2 * report.LIMIT).body for row in rows),
    )


def faults(host: Host, centre: Path) -> list[str]:
    """What is lost or counted twice, a line each; empty if all is well."""
    there, here = made(host), kept(centre, host.name)
    found = []
    if here.sequences != tuple(range(1, len(here.sequences) + 1)) or here.gaps:
        found.append(f"{host.name}: the centre has {here.sequences}, {here.gaps} missing")
    if there.newest != len(here.sequences) or there.unsent:
        found.append(f"{host.name}: the host made {there}, the centre has {len(here.sequences)}")
    before = b""
    for number, (body, one) in enumerate(zip(here.bodies, here.reports, strict=True), start=1):
        if one.previous != before or one.sequence != number:
            found.append(f"{host.name}: report {number} does not follow the one before it")
        before = sha256(body)
    return found


def heads(centre: Path) -> list[tuple[str, int, int]]:
    """Every release at the centre: scope, epoch, number."""
    with closing(_open(centre / "store.db")) as database:
        rows = database.execute("SELECT scope, epoch, number FROM releases ORDER BY scope, epoch, number")
        return [(str(row[0]), int(row[1]), int(row[2])) for row in rows]


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=20)


def _name(admission: bytes) -> str:
    opened = open_envelope(admission, type=ADMISSION_TYPE, limit=1 << 20)
    return codec.decode(Admission, opened.body, limit=1 << 20).host
