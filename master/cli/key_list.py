"""`orch key list`: hosts that ask to be let in, and those that were decided on."""

from __future__ import annotations

import click

from orch.common import enrolment
from orch.common.clock import ago, rfc3339
from orch.common.envelope import open_envelope
from orch.common.policy import LIMIT, TYPE
from orch.master.cli import catchup, knocking
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import NamingCommand
from orch.master.cli.knocking import Knock
from orch.master.cli.output import Data, Each, Output, table

_ORDER = {"pending": 0, "admitted": 1, "rejected": 2, "revoked": 3}
_SIGNS = {"pending": "? pending", "admitted": "✓ admitted", "rejected": "✗ rejected", "revoked": "✗ revoked"}


@click.command("list", cls=NamingCommand)
@click.option("--pending", is_flag=True, help="Only those that ask and wait for an answer.")
@click.pass_context
def list_(context: click.Context, *, pending: bool) -> None:
    """Hosts that ask to be let in, with the words to compare, and those that were decided on."""
    desk = desk_of(context)
    with desk.line() as centre:
        known = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output)
    knocks = [knocking.read(row, estate=known.policy.estate) for row in known.keys.values()]
    knocks.sort(key=lambda item: (_ORDER.get(item.row.state, 9), item.host))
    if pending:
        knocks = [item for item in knocks if item.row.state == "pending"]
    now = desk.surroundings.clock.wall()
    if desk.output.structured:
        members: dict[str, Data] = {"estate": known.policy.estate, "keys": [_data(item) for item in knocks]}
        desk.output.data("orch/keys/1", members, each=Each("keys", "host"))
        return
    desk.output.lines(_screen(desk.output, knocks, now=now) or ["  nobody asks" if pending else "  no keys yet"])
    if any(item.row.state == "pending" for item in knocks) or desk.output.verbose:
        desk.output.note(f"\n  check words of {known.policy.estate}.enrol: {enrolment.words(_pin(desk))}")
    waiting = next((item for item in knocks if item.row.state == "pending" and item.request), None)
    if waiting is not None:
        desk.output.next(f"orch key accept {waiting.host}")
    else:
        desk.output.next("orch status")


def _pin(desk: Desk) -> bytes:
    """SHA-256 of the newest policy: what the enrolment file beside it makes a host believe."""
    return open_envelope(desk.folder.policies()[-1], type=TYPE, limit=LIMIT).hash


def _screen(output: Output, knocks: list[Knock], *, now: int) -> list[str]:
    if not knocks:
        return []
    made = [["HOST", "KEY IS", "SCOPE", "RING", "FIRST", "SEEN", "FROM", "MACHINE", "CHECK WORDS"]]
    for item in knocks:
        row, admission, request = item.row, item.admission, item.request
        made.append(
            [
                item.host,
                _SIGNS.get(row.state, row.state),
                admission.scope if admission else "-",
                admission.ring if admission else "-",
                f"{ago(now - row.first)} ago" if row.first else "-",
                f"{ago(now - row.last)} ago" if row.last else "-",
                row.address.removeprefix("::ffff:") or "-",
                (request.machine if request else "") or "-",
                item.words if row.state == "pending" or output.verbose else "",
            ]
        )
    keep = [at for at in range(len(made[0])) if any(row[at] not in ("-", "") for row in made[1:])]
    lines = table([[row[at] for at in keep] for row in made])
    if output.colour:
        for text in _SIGNS.values():
            lines = [line.replace(text, output.sign(text), 1) for line in lines]
    return lines


def _data(item: Knock) -> dict[str, Data]:
    row, admission = item.row, item.admission
    return {
        "host": item.host,
        "state": row.state,
        "fingerprint": item.fingerprint,
        "key": row.curve.hex(),
        "words": item.words or None,
        "machine": item.request.machine if item.request else None,
        "address": row.address or None,
        "first": rfc3339(row.first) if row.first else None,
        "last": rfc3339(row.last) if row.last else None,
        "scope": admission.scope if admission else None,
        "ring": admission.ring if admission else None,
        "serial": admission.serial if admission else None,
    }
