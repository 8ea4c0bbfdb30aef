"""What `orch doctor` looks at of the estate's hosts, as the centre knows them."""

from __future__ import annotations

from collections.abc import Iterator

from orch.common.clock import ago
from orch.common.errors import OrchError
from orch.common.rows import Row
from orch.master.cli import catchup, finding, past
from orch.master.cli.condition import Condition, condition, number, sign_of_life, standing
from orch.master.cli.context import Desk
from orch.master.cli.finding import Finding
from orch.master.cli.fleet import Fleet
from orch.master.cli.line import Centre

SILENT = 86_400
"""Seconds of silence after which a host is named."""
SOON = 7 * 86_400
"""Seconds before the end of a release in which it is said."""
_RELEASES = 20


def look(desk: Desk, centre: Centre, fleet: Fleet) -> Iterator[Finding]:
    """Everything of hosts."""
    rows = standing(fleet.ordered())
    yield from _conditions(rows)
    yield from _silent(fleet, rows)
    yield from _waiting(desk, centre, rows)
    yield from _ending(desk, centre, rows)


def _conditions(rows: list[Row]) -> Iterator[Finding]:
    how: dict[Condition, list[Row]] = {}
    for row in rows:
        how.setdefault(condition(row), []).append(row)
    for state in (Condition.FAILED, Condition.REFUSED):
        for row in how.get(state, [])[:10]:
            text = f"{row.host} {state.word} {number(row.wanted)}: {row.text.partition(chr(10))[0]}"
            yield finding.wrong("host", text, do=f"orch explain {row.host}")
    if ahead := [row.host for row in rows if row.ahead]:
        text = f"this centre is behind: newer releases than it knows are held by {finding.some(ahead)}"
        yield finding.wrong("centre", text, do="orch apply")
    for row in [row for row in rows if row.listeners][:10]:
        text = f"{row.host} listens where no document allows it: {', '.join(row.listeners)}"
        yield finding.wrong("listens", text, do=f"orch explain {row.host}")
    if warned := [row for row in rows if row.warning]:
        text = f"{warned[0].host}: {warned[0].warning}" + (f", and {len(warned) - 1} more" if warned[1:] else "")
        yield finding.look("warning", text, do=f"orch explain {warned[0].host}")
    well = len(how.get(Condition.CONVERGED, []))
    yield finding.good("hosts", f"{well} of {finding.many(len(rows), 'host')} are on the line and as they should be")


def _silent(fleet: Fleet, rows: list[Row]) -> Iterator[Finding]:
    now = fleet.now.time
    gone = sorted((row for row in rows if not row.connected), key=sign_of_life)
    long = [row for row in gone if now - sign_of_life(row) > SILENT]
    if long:
        said = (
            f"{row.host} ({ago(now - sign_of_life(row))})" if sign_of_life(row) else f"{row.host} (never heard)"
            for row in long
        )
        text = f"{finding.many(len(long), 'host')} silent for more than a day: {finding.some(said)}"
        yield finding.look("silent", text, do=f"orch explain {long[0].host}")


def _waiting(desk: Desk, centre: Centre, rows: list[Row]) -> Iterator[Finding]:
    keys = catchup.key_rows(centre)
    pending = [key for key in keys.values() if key.state == "pending"]
    if pending:
        text = f"{finding.many(len(pending), 'machine')} ask{'s' if len(pending) == 1 else ''} to be let in"
        yield finding.look("keys", text, do="orch key list --pending")
    kept = desk.folder.admissions()
    here, there = set(kept), {row.host for row in rows}
    if lacking := sorted(here - there):
        text = f"admitted in your files and unknown to the centre: {finding.some(lacking)}"
        yield finding.look("keys", text, do="orch key list gives them to it; so do plan and apply")
    if foreign := sorted(there - here):
        text = f"admitted at the centre and not in your files: {finding.some(foreign)}"
        yield finding.look(
            "keys", text, do="git pull; or orch key list takes them from the centre, after checking them"
        )
    yield from _named(desk, here | there)


def _named(desk: Desk, admitted: set[str]) -> Iterator[Finding]:
    from orch.master.estate import loader

    try:
        named = {str(place) for place in loader.load(desk.folder.path).places}
    except OrchError:
        return  # that the files are wrong was said
    if missing := sorted(named - admitted):
        text = f"written in your files and never admitted: {finding.some(missing)}"
        yield finding.look("hosts", text, do="orch-minion enrol there, then: orch key list --pending")
    if left := sorted(admitted - named):
        text = f"admitted, and in no file any more: {finding.some(left)}. What they were told last still holds"
        yield finding.look("hosts", text, do=f"write it again, or: orch key revoke {left[0]}")


def _ending(desk: Desk, centre: Centre, rows: list[Row]) -> Iterator[Finding]:
    """Releases that end soon: after it a host heals and changes nothing more."""
    now, policies = desk.surroundings.clock.wall(), past.chain(desk)
    one = {row.wanted_release: row for row in rows if row.wanted_release}
    hosts = {name: sum(row.wanted_release == name for row in rows) for name in one}
    ending: list[tuple[int, str]] = []
    for name, row in list(one.items())[:_RELEASES]:
        try:
            found = next(
                (item.signed for item in past.releases(policies, centre, row.host, most=1) if item.signed), None
            )
        except OrchError as err:
            yield finding.failed("release", err)
            continue
        if found is None or found.hash != name:
            text = f"what the centre keeps for {row.host} is not what operators signed"
            yield finding.wrong("release", text, do="orch doc verify")
        elif found.release.expires < now + SOON:
            which = f"{past.named(found)} of {found.release.scope}, for {finding.many(hosts[name], 'host')}"
            ending.append((found.release.expires, which))
    for expires, which in sorted(ending):
        if expires < now:
            text = f"release {which}, ended {ago(now - expires)} ago: they change nothing any more"
            yield finding.wrong("release", text, do="orch apply --again")
        else:
            text = f"release {which}, ends in {ago(expires - now)}; after that they change nothing"
            yield finding.look("release", text, do="orch apply --again")
