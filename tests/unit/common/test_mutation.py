"""No changed byte gets through: every byte of everything that is signed, every proof, every document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import trust
from orch.common.errors import Malformed, Refused
from orch.common.release import Parcel
from tests.fakes.signed_estate import NOW, POLICY
from tests.proof.statements import SIGNED, STATE, STEP, TEXTS


def flipped(data: bytes) -> Iterator[bytes]:
    """Each byte changed, with a pattern that goes through all bits."""
    for at, byte in enumerate(data):
        for mask in (1 << at % 8, 0xFF):
            yield data[:at] + bytes([byte ^ mask]) + data[at + 1 :]


@pytest.mark.parametrize("what", SIGNED)
def test_no_single_changed_byte_gets_through(what: str) -> None:
    data, verdict = SIGNED[what]
    assert verdict(data)
    for changed in flipped(data):
        with pytest.raises((Refused, Malformed)):
            verdict(changed)


@pytest.mark.parametrize("what", TEXTS)
def test_no_changed_character_of_what_people_carry_makes_another_thing_of_it(what: str) -> None:
    data, verdict = TEXTS[what]
    good, refused = verdict(data), 0
    assert good in (POLICY, b"correct horse")
    for changed in flipped(data):
        try:
            assert verdict(changed) == good  # a word around it, a bit that base64 does not use
        except (Refused, Malformed):
            refused += 1
    assert refused > len(data)


@pytest.mark.parametrize("what", SIGNED)
def test_nothing_cut_off_or_added_gets_through(what: str) -> None:
    data, verdict = SIGNED[what]
    for changed in (b"", data[:-1], data[1:], data + b"\x00", data + data, data[: len(data) // 2]):
        with pytest.raises((Refused, Malformed)):
            verdict(changed)


@given(st.sampled_from(sorted(SIGNED)), st.data())
def test_no_change_of_a_few_bytes_gets_through(what: str, data: st.DataObject) -> None:
    good, verdict = SIGNED[what]
    start = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.integers(0, 8))
    changed = good[:start] + data.draw(st.binary(max_size=8)) + good[start + length :]
    if changed == good:
        return
    with pytest.raises((Refused, Malformed)):
        verdict(changed)


@pytest.mark.parametrize("what", SIGNED)
def test_nothing_else_that_is_signed_gets_through(what: str) -> None:
    _, verdict = SIGNED[what]
    for other, (data, _) in SIGNED.items():
        if other == what:
            continue
        with pytest.raises((Refused, Malformed)):
            verdict(data)


def test_no_changed_proof_gets_through() -> None:
    proof = STEP.proofs[0]
    paths = [
        (*proof.path[:at], changed, *proof.path[at + 1 :])
        for at, part in enumerate(proof.path)
        for changed in flipped(part)
    ]
    wrong = [replace(proof, path=path) for path in paths]
    wrong += [replace(proof, index=index) for index in (1, 2, 3, 4, 1 << 62)]
    wrong += [replace(proof, path=path) for path in ((), proof.path[:-1], proof.path * 2, proof.path[::-1])]
    for changed in wrong:
        with pytest.raises(Refused):
            trust.judge_release(STATE, Parcel(STEP.envelope, STEP.documents[0], changed), now=NOW)
