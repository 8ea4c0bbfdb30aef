"""What was signed once: believed by any of the estate's policies, document by document."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import past
from orch.common.errors import BadSignature, Malformed, Mislabelled
from tests.fakes import signed_estate as estate

NEWER = replace(estate.POLICY, version=2, operators=(estate.BERT,))


def test_a_release_is_its_signers_though_they_are_operators_no_more() -> None:
    found = past.judge_signed((estate.POLICY, NEWER), estate.release().envelope)
    assert (found.people, found.policy) == (("anna",), 1)
    with pytest.raises(BadSignature):
        past.judge_signed((NEWER,), estate.release().envelope)


def test_the_newest_policy_that_knows_the_signer_is_named() -> None:
    found = past.judge_signed((estate.POLICY, replace(estate.POLICY, version=2)), estate.release().envelope)
    assert found.policy == 2


def test_a_release_of_long_ago_is_looked_at_though_it_has_expired() -> None:
    made = estate.release(estate.draft(created=1, expires=2))
    assert past.judge_signed((estate.POLICY,), made.envelope).release.expires == 2


def test_a_release_of_another_estate_is_none_of_ours() -> None:
    parcel = estate.forged_parcel(members={"estate": "other"})
    with pytest.raises(Mislabelled, match="estate other"):
        past.judge_signed((estate.POLICY,), parcel.release)


def test_a_document_is_among_those_that_were_signed() -> None:
    signed, found = past.judge_document((estate.POLICY,), estate.release().parcel(0))
    assert (signed.release.number, found.host) == (2, "library/dom0")


@pytest.mark.parametrize("at", range(0, 40, 7))
def test_a_document_that_was_changed_is_not(at: int) -> None:
    parcel = estate.release().parcel(0)
    changed = bytearray(parcel.document)
    changed[at] ^= 1
    with pytest.raises(Mislabelled):
        past.judge_document((estate.POLICY,), replace(parcel, document=bytes(changed)))


def test_a_document_in_the_release_of_another_scope_is_refused() -> None:
    parcel = estate.forged_parcel(members={"scope": "other"})
    with pytest.raises(Mislabelled, match="in a release of another"):
        past.judge_document((estate.POLICY,), parcel)


def test_too_much_is_no_document() -> None:
    with pytest.raises(Malformed, match="at most"):
        past.judge_document((estate.POLICY,), replace(estate.release().parcel(0), document=bytes(1 << 21)))
