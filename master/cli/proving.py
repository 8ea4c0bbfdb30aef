"""What hosts themselves have signed about who listens there, checked against the admissions in the estate's files.

A host signs in every report which programs listen beyond what its document allows, and the hash of its firewall's
rules. It looks every beat, and reports at once where either changes (minion/watch.py): so the newest report of a host
that is on the line holds now, however old it is; of a host that is silent, it held then.

Called by status.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from orch.common import trust
from orch.common.clock import rfc3339
from orch.common.errors import Malformed, OrchError, Refused, Unreachable
from orch.common.identity import Admission
from orch.common.operations import Detail, HostAsked
from orch.common.report import Report
from orch.common.rows import Row
from orch.master.cli.condition import sign_of_life
from orch.master.cli.context import Desk
from orch.master.cli.exits import Exit
from orch.master.cli.fleet import Fleet
from orch.master.cli.line import Centre
from orch.master.cli.output import Data, Output, table

_SHOWN = 12
"""Digits of a rule set's hash that people are shown."""


class Standing(Enum):
    """What is proven of one host."""

    OPEN = "✗ open"
    UNPROVEN = "✗ unproven"
    SILENT = "? silent"
    CLOSED = "✓ nowhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One host: what it signed, when, and what that is worth."""

    row: Row
    standing: Standing
    signed: int = 0  # the host's clock; 0: nothing
    listeners: tuple[str, ...] = ()
    rules: bytes = b""  # SHA-256 of the firewall's rules; empty: not known
    why: str = ""


def no_inbound(desk: Desk, centre: Centre, rows: Iterable[Row]) -> list[Proof]:
    """The proof of each host whose key counts."""
    admissions = desk.folder.admissions()
    found: list[Proof] = []
    for row in rows:
        kept = admissions.get(row.host)
        if row.revoked:
            continue
        if kept is None or kept.admission.curve != row.curve:
            why = "your files hold no admission of its key: orch key list fetches it"
            found.append(Proof(row=row, standing=Standing.UNPROVEN, why=why))
        else:
            found.append(_proof(centre, row, kept.admission))
    return found


def _proof(centre: Centre, row: Row, me: Admission) -> Proof:
    try:
        report = _newest(centre, row, me)
    except (Malformed, Refused) as err:
        return Proof(row=row, standing=Standing.UNPROVEN, why=err.text)
    if report is None:
        return Proof(row=row, standing=Standing.UNPROVEN, why="it has reported no turn yet")
    if report.listeners:
        standing, why = Standing.OPEN, ""
    elif row.listeners:
        standing, why = Standing.UNPROVEN, "the centre says that it listens, and its newest signed report does not"
    else:
        standing, why = (Standing.CLOSED if row.connected else Standing.SILENT), ""
    return Proof(
        row=row,
        standing=standing,
        signed=report.time,
        listeners=report.listeners,
        rules=report.rules,
        why=why,
    )


def _newest(centre: Centre, row: Row, me: Admission) -> Report | None:
    """The newest report of a turn; a refusal says nothing of who listens.

    Raises:
        Malformed, Refused: the centre hands out something else as a report of this host.
    """
    try:
        envelopes = centre.ask("host.explain", HostAsked(row.host), Detail).reports
    except Unreachable:
        raise
    except OrchError:
        return None
    turns = [found for found in (trust.judge_report(me, item) for item in envelopes) if not found.refused]
    return max(turns, key=lambda found: found.sequence, default=None)


def exit_code(found: Iterable[Proof]) -> Exit:
    """1 where somebody listens or nothing is proven, 4 where a host is silent, 0 where all is proven."""
    how = {proof.standing for proof in found}
    if how & {Standing.OPEN, Standing.UNPROVEN}:
        return Exit.FAILED
    return Exit.UNCONFIRMED if Standing.SILENT in how else Exit.DONE


def screen(output: Output, fleet: Fleet, found: list[Proof]) -> list[str]:
    """A line for each host, and what is proven of all."""
    rows: list[tuple[str, ...]] = [("HOST", "LISTENS", "SIGNED", "ON THE LINE", "RULES", "NOTE")]
    rows += [_cells(fleet, proof) for proof in sorted(found, key=lambda item: item.row.host)]
    lines = table(rows)
    if output.colour:
        for standing in Standing:
            lines = [line.replace(standing.value, output.sign(standing.value), 1) for line in lines]
    closed = [proof for proof in found if proof.standing is Standing.CLOSED]
    told = f"nothing listens where no document allows it: proven for {len(closed)} of {len(found)} hosts"
    return [*lines, "", f"  {told}", f"  {_told_rules(found)}"]


def _told_rules(found: list[Proof]) -> str:
    """Whether firewalls are alike, which is what a person compares hashes for."""
    sets = {proof.rules for proof in found if proof.rules}
    unknown = sum(1 for proof in found if not proof.rules)
    many = "no rules are known" if not sets else "1 set of rules" if len(sets) == 1 else f"{len(sets)} sets of rules"
    more = f"; unknown of {unknown}" if unknown and sets else ""
    return f"firewalls of {len(found)} hosts: {many}{more}"


def _cells(fleet: Fleet, proof: Proof) -> tuple[str, ...]:
    row = proof.row
    where = f"✗ {', '.join(proof.listeners)}" if proof.standing is Standing.OPEN else proof.standing.value
    signed = f"{fleet.now.ago(proof.signed)} ago" if proof.signed else "never"
    line = "now" if row.connected else f"{fleet.now.ago(sign_of_life(row))} ago" if sign_of_life(row) else "never"
    note = "held then" if proof.standing is Standing.SILENT else proof.why
    return (row.host, where, signed, line, proof.rules.hex()[:_SHOWN] or "not known", note)


def data(found: Iterable[Proof]) -> list[Data]:
    """For scripts."""
    return [
        {
            "host": proof.row.host,
            "standing": proof.standing.name.lower(),
            "listeners": list(proof.listeners),
            "signed": rfc3339(proof.signed) if proof.signed else None,
            "connected": proof.row.connected,
            "heard": rfc3339(proof.row.heard) if proof.row.heard else None,
            "rules": proof.rules.hex() or None,
            "why": proof.why or None,
        }
        for proof in found
    ]
