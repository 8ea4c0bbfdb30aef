"""Did this host really say that? The signatures of reports and plans, checked by whoever does not trust the centre.

Refuses to do: judge what a host did, or the order of its reports: sequence and `previous` are compared by whoever has
several of them (`orch audit`).

Called by the operator's tool; the centre's collector only reads. Import it through trust.py.
"""

from __future__ import annotations

from orch.common import codec, report
from orch.common.envelope import open_envelope, signers
from orch.common.errors import BadSignature, Mislabelled
from orch.common.identity import Admission
from orch.common.report import PlanAnswer, Report


def read_report(envelope: bytes) -> Report:
    """What a report says, its signature not looked at.

    The collector knows the host by its connection and compares key and sequence with that (design section 3).

    Raises:
        Malformed: not a report.
        Mislabelled: another type.
    """
    body = open_envelope(envelope, type=report.TYPE, limit=report.LIMIT).body
    return codec.decode(Report, body, limit=report.LIMIT)


def judge_report(me: Admission, envelope: bytes) -> Report:
    """A report that this host's own key signed.

    The centre's collector goes by the connection and the sequence alone (`read_report`); an audit asks here.

    Raises:
        Malformed: not a report.
        BadSignature: not signed with the host's key.
        Mislabelled: another type, or another host's name or key inside.
    """
    opened = open_envelope(envelope, type=report.TYPE, limit=report.LIMIT)
    if not signers(opened, (me.sign,)):
        raise BadSignature(f"the report is not signed by {me.host}")
    found = codec.decode(Report, opened.body, limit=report.LIMIT)
    _check_reporter(me, host=found.host, curve=found.curve)
    return found


def judge_plan_answer(me: Admission, envelope: bytes, *, request: bytes) -> PlanAnswer:
    """What this host says that it would do, in answer to that request.

    Raises:
        Malformed: not a plan answer.
        BadSignature: not signed with the host's key.
        Mislabelled: another type or request, or another host's name or key inside.
    """
    opened = open_envelope(envelope, type=report.PLAN_ANSWER_TYPE, limit=report.LIMIT)
    if not signers(opened, (me.sign,)):
        raise BadSignature(f"the plan is not signed by {me.host}")
    found = codec.decode(PlanAnswer, opened.body, limit=report.LIMIT)
    _check_reporter(me, host=found.host, curve=found.curve)
    if found.request != request:
        raise Mislabelled(f"{me.host} answers another request")
    return found


def _check_reporter(me: Admission, *, host: str, curve: bytes) -> None:
    if (host, curve) != (me.host, me.curve):
        raise Mislabelled(f"{me.host} signed something in the name of {host}")
