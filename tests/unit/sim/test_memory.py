"""What a world remembers: it makes it faster and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import replace
from enum import Enum

import pytest

from orch.common import codec, envelope
from orch.common.crypto import SigningKey
from orch.common.document import Document
from orch.common.errors import Malformed
from tests.fakes import signed_estate as estate
from tests.sim.memory import MOST, once, remembering
from tests.sim.world import run, run_slowly

HOSTS = 6


def _is_frozen(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_frozen(member) for member in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return isinstance(value, Hashable) and all(_is_frozen(member) for member in fields)
    return value is None or isinstance(value, str | bytes | int | Enum)


@pytest.mark.processes
def test_a_world_is_the_same_without_it() -> None:
    assert run(3, hosts=HOSTS).digest == run_slowly(3, hosts=HOSTS).digest


@pytest.mark.processes
def test_a_world_is_the_same_whatever_was_before_it_in_the_process() -> None:
    first = run(4, hosts=HOSTS).digest
    run(5, hosts=HOSTS)
    assert run(4, hosts=HOSTS).digest == first


def test_what_was_decoded_and_is_handed_out_again_cannot_be_changed() -> None:
    made = estate.release()
    parcel = made.parcel(0)
    with remembering():
        one = codec.decode(Document, parcel.document, limit=1 << 20)
        assert codec.decode(Document, bytes(bytearray(parcel.document)), limit=1 << 20) is one
    assert _is_frozen(one)
    assert _is_frozen(codec.decode(type(estate.POLICY), codec.encode(estate.POLICY), limit=1 << 20))


def test_what_is_refused_is_refused_again() -> None:
    with remembering():
        for _ in range(2):
            with pytest.raises(Malformed):
                codec.decode(Document, b"\xc1", limit=10)


def test_a_signature_is_right_for_what_was_signed_and_for_nothing_else() -> None:
    key, other = estate.keys("anna", "mallory")
    with remembering():
        made = envelope.open_envelope(envelope.seal("orch/this/1", b"this", (key,)), type="orch/this/1", limit=100)
        that = replace(made, body=b"that")
        forged = replace(made, signatures=(replace(made.signatures[0], signature=bytes(64)),))
        misnamed = replace(made, signatures=(replace(made.signatures[0], key_id=envelope.key_id(other.public)),))
        for _ in range(2):
            assert envelope.signers(made, [key.public, other.public]) == {key.public}
            for wrong in (that, forged, misnamed):
                assert not envelope.signers(wrong, [key.public, other.public])


def test_is_gone_when_the_world_is_over() -> None:
    before = codec.decode, vars(envelope)["verify"], SigningKey.sign
    with remembering():
        assert codec.decode is not before[0]
        assert SigningKey.sign is not before[2]
    assert (codec.decode, vars(envelope)["verify"], SigningKey.sign) == before


def test_begins_anew_when_it_is_full() -> None:
    asked: list[int] = []

    def real(number: int) -> int:
        asked.append(number)
        return number

    remembered = once(real, {})
    for number in range(MOST + 1):
        remembered(number)
    remembered(MOST)
    remembered(0)
    assert asked == [*range(MOST + 1), 0]
