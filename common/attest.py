"""What hosts and the centre sign: who they are, what they did, what is newest. Nothing here commands anybody.

Each maker takes one class and writes one type, so a daemon's key cannot be made to sign a release, a policy or an order
through this module; those makers are in authoring.py, which only the operator's tool may import. What is read here is
judged in trust.py, chain.py and audit.py.

Refuses to do: sign what its own decoder would refuse; choose keys, times or nonces.

Called by a host's executor (requests, reports, plans) and by the centre's publisher (freshness).
"""

from __future__ import annotations

from typing import TypeVar

from orch.common import codec, identity, release, report
from orch.common.crypto import SigningKey
from orch.common.envelope import seal
from orch.common.errors import Malformed
from orch.common.identity import IdentityRequest
from orch.common.release import Fresh
from orch.common.report import PlanAnswer, Report

S = TypeVar("S", IdentityRequest, Report, PlanAnswer, Fresh)


def sign_identity_request(request: IdentityRequest, key: SigningKey) -> bytes:
    """The envelope with which a host asks to be let in.

    Raises:
        Malformed: the request would not be readable, or `key` is not the one that it presents.
    """
    if key.public != request.sign:
        raise Malformed("an identity request is signed with the key that it presents")
    return seal(identity.REQUEST_TYPE, _written(request, identity.LIMIT), (key,))


def sign_report(made: Report, key: SigningKey) -> bytes:
    """The envelope of a report.

    Raises:
        Malformed: it is too large, or something in it is: cut the steps and set `truncated`.
    """
    return seal(report.TYPE, _written(made, report.LIMIT), (key,))


def sign_plan_answer(made: PlanAnswer, key: SigningKey) -> bytes:
    """The envelope of a plan.

    Raises:
        Malformed: it is too large, or something in it is.
    """
    return seal(report.PLAN_ANSWER_TYPE, _written(made, report.LIMIT), (key,))


def sign_fresh(made: Fresh, key: SigningKey) -> bytes:
    """The envelope of a proof of freshness, for one host and one nonce.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(release.FRESH_TYPE, _written(made, release.FRESH_LIMIT), (key,))


def _written(value: S, limit: int) -> bytes:
    """The body, which the reader's own rules have passed: what is signed can be read."""
    body = codec.encode(value)
    codec.decode(type(value), body, limit=limit)
    return body
