"""The families can fail: a verdict that is lax is found out within a few cases."""

from __future__ import annotations

import pytest

from orch.common import codec, envelope, trust
from orch.common import policy as policies
from orch.common.envelope import open_envelope
from orch.common.policy import Policy
from tests.fakes.signed_estate import POLICY
from tests.proof import signed
from tests.proof.family import dice
from tests.proof.statements import Verdict


def _looks_at_no_signature(data: bytes) -> object:
    return codec.decode(
        Policy, open_envelope(data, type=policies.TYPE, limit=policies.LIMIT).body, limit=policies.LIMIT
    )


def _counts_entries(data: bytes) -> object:
    opened = open_envelope(data, type=policies.TYPE, limit=policies.LIMIT)
    if len(opened.signatures) < 2:
        return trust.take_policy(POLICY, data)
    return codec.decode(Policy, opened.body, limit=policies.LIMIT)


def _signs_no_type(data: bytes) -> object:
    opened = envelope._parse(data, policies.LIMIT)
    return codec.decode(Policy, opened.body, limit=policies.LIMIT)


@pytest.mark.parametrize("lax", [_looks_at_no_signature, _counts_entries, _signs_no_type])
def test_a_lax_verdict_is_found_out(lax: Verdict) -> None:
    with pytest.raises(AssertionError, match="an altered policy was taken"):
        _some(lax)


def test_the_real_verdict_is_not() -> None:
    _some(None)


def _some(verdict: Verdict | None) -> None:
    for number in range(200):
        signed.one("policy", dice("signed", 1, number), lax=verdict)
