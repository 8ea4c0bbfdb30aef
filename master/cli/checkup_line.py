"""What `orch doctor` looks at on the way to the centre, and of the centre itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orch
from orch.common.clock import ago
from orch.common.errors import OrchError, Unreachable
from orch.common.keyfile import LoginKey
from orch.common.operations import CentreState
from orch.common.policy import Policy
from orch.common.rows import Nothing
from orch.master.cli import finding, fleet
from orch.master.cli.context import Desk
from orch.master.cli.finding import Finding
from orch.master.cli.fleet import Fleet
from orch.master.cli.line import Centre, Dialling

PATIENCE = 5.0
"""Seconds for each address and key."""
_CLOCKS = 5
_CLOCKS_WRONG = 120
_FEW = 100 << 20
_SCARCE = 1 << 30


@dataclass(slots=True)
class Met:
    """The centre, if any address leads to it, and what was found on the way."""

    findings: list[Finding] = field(default_factory=list)
    centre: Centre | None = None


def dial(desk: Desk, policy: Policy, login: LoginKey) -> Met:
    """Try every address with every key by which the centre may prove itself; the first line that stands is kept."""
    met = Met()
    for address in policy.centre.addresses:
        found, centre = _address(desk, policy, login, address=address)
        met.findings.append(found)
        if centre is not None and met.centre is None:
            met.centre = centre
        elif centre is not None:
            centre.close()
    return met


def _address(desk: Desk, policy: Policy, login: LoginKey, *, address: str) -> tuple[Finding, Centre | None]:
    surroundings = desk.surroundings
    if why := surroundings.reach(address, PATIENCE):
        return finding.wrong(
            "line", f"{address}: {why}", do="is orch-master running there? does a firewall let you?"
        ), None
    for place, server in enumerate(policy.centre.curve):
        began = surroundings.clock.boottime()
        try:
            centre = surroundings.dial(
                Dialling(addresses=(address,), servers=(server,), secret=login.curve, timeout=PATIENCE)
            )
        except Unreachable:
            continue
        took = round(1000 * (surroundings.clock.boottime() - began))
        if place == 0:
            return finding.good("line", f"{address} answers, and is your centre; connected in {took} ms"), centre
        text = f"{address} answers with key {place + 1} of {len(policy.centre.curve)}: a centre that was recovered"
        return finding.look("line", text, do="take the newest policy out of git"), centre
    text = f"{address}: somebody listens there, and has none of the {len(policy.centre.curve)} keys of your centre"
    return finding.wrong(
        "line", text, do="is that your centre's address? a recovered centre needs its newest policy"
    ), None


def look(desk: Desk, policy: Policy, centre: Centre) -> tuple[list[Finding], Fleet | None]:
    """The centre itself, and the rows of its hosts."""
    try:
        rows = fleet.fetch(centre, desk.surroundings.clock)
        state = centre.ask("centre.get", Nothing(), CentreState)
    except OrchError as err:
        return [finding.failed("centre", err)], None
    view = rows.view
    assert view is not None  # noqa: S101  there is at least one page (queries.views)
    found = [
        finding.good("centre", f"up for {ago(view.time - view.since)}, policy {view.policy}, version {state.version}"),
        _clock(state.time - desk.surroundings.clock.wall()),
        *_room(state),
    ]
    if state.version != orch.__version__:
        found.append(
            finding.look(
                "version", f"you have {orch.__version__}, the centre {state.version}", do="update the older one"
            )
        )
    if view.policy < policy.version:
        text = f"the centre has policy {view.policy}, your files have {policy.version}"
        found.append(finding.look("policy", text, do="orch key list gives it the newer one; so do plan and apply"))
    if view.policy > policy.version:
        text = f"the centre has policy {view.policy}, your files have only {policy.version}"
        found.append(finding.look("policy", text, do="git pull; or orch key list takes it from the centre"))
    return found, rows


def _clock(difference: int) -> Finding:
    if abs(difference) <= _CLOCKS:
        return finding.good("clock", "yours and the centre's are the same to a few seconds")
    text = f"the centre's clock is {ago(abs(difference))} {'ahead of' if difference > 0 else 'behind'} yours"
    mend = "timedatectl on both machines: which one is not synchronised?"
    return (finding.wrong if abs(difference) > _CLOCKS_WRONG else finding.look)("clock", text, do=mend)


def _room(state: CentreState) -> Iterator[Finding]:
    text = f"{_size(state.free)} of {_size(state.size)} are free on the centre's disk"
    if state.free < _FEW:
        yield finding.wrong("disk", text, do="make room there: what cannot be written is not acknowledged")
    elif state.free < _SCARCE and state.free * 10 < state.size:
        yield finding.look("disk", text, do="make room there, before reports cannot be kept")
    else:
        yield finding.good("disk", text)
    if state.contents * 10 > state.contents_limit * 9:
        text = f"contents take {_size(state.contents)} of the {_size(state.contents_limit)} that they may"
        yield finding.look("disk", text, do="raise limits.blobs in master.toml at the centre")


def _size(count: int) -> str:
    for unit, shift in (("TiB", 40), ("GiB", 30), ("MiB", 20)):
        if count >= 1 << shift:
            return f"{count / (1 << shift):.1f} {unit}"
    return f"{count >> 10} KiB"
