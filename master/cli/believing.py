"""Whether what the centre says of a host is what the host itself signed.

The centre's rows are quick to read and are the centre's word. A stolen centre could say `applied` for a host that was
never told; it cannot make the host's signature. `orch explain` and `orch plan` always check; `orch apply` checks at its
end, `orch status` when it is asked to (decision 0015).
"""

from __future__ import annotations

from collections.abc import Iterable

from orch.common import trust
from orch.common.errors import Malformed, OrchError, Refused, Unreachable
from orch.common.identity import Admission
from orch.common.operations import Detail, HostAsked
from orch.common.report import Report
from orch.common.rows import Row
from orch.master.cli.condition import number
from orch.master.cli.context import Desk
from orch.master.cli.line import Centre


def doubts(desk: Desk, centre: Centre, rows: Iterable[Row]) -> dict[str, str]:
    """Hosts whose outcome no report with their own signature bears out, and why not."""
    admissions = desk.folder.admissions()
    found: dict[str, str] = {}
    for row in rows:
        if row.revoked or not row.outcome:
            continue  # nothing is claimed
        kept = admissions.get(row.host)
        if kept is None or kept.admission.curve != row.curve:
            found[row.host] = "your files hold no admission of its key: run orch key list, which fetches it"
            continue
        if why := _doubt(kept.admission, row, _reports(centre, row.host)):
            found[row.host] = why
    return found


def _reports(centre: Centre, host: str) -> tuple[bytes, ...]:
    try:
        return centre.ask("host.explain", HostAsked(host), Detail).reports
    except Unreachable:
        raise
    except OrchError:
        return ()


def _doubt(me: Admission, row: Row, envelopes: Iterable[bytes]) -> str:
    about: list[Report] = []
    for envelope in envelopes:
        try:
            report = trust.judge_report(me, envelope)
        except (Malformed, Refused) as err:
            return err.text
        if report.release == row.wanted_release and report.refused in ("", "release"):
            about.append(report)
    if not about:
        return f"the centre says {row.outcome}, and has no report of {number(row.wanted)} with the host's signature"
    newest = max(about, key=lambda report: report.sequence).outcome.value
    return "" if newest == row.outcome else f"the centre says {row.outcome}, the host's signed report says {newest}"
