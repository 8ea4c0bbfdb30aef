"""Envelopes: what is signed, by whom, and what is not counted."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import codec, envelope
from orch.common.crypto import sha256
from orch.common.envelope import add_signature, key_id, open_envelope, pae, seal, signers
from orch.common.errors import Malformed, Mislabelled
from tests.fakes.signed_estate import signing

TYPE = "orch/thing/1"
A, B, C = (signing(name) for name in "abc")
SEALED = seal(TYPE, b"body", (A, B))


def opened(data: bytes) -> envelope.Envelope:
    return open_envelope(data, type=TYPE, limit=1000)


def entry(key_bytes: bytes = bytes(16), signature: bytes = bytes(64)) -> list[bytes]:
    return [key_bytes, signature]


def test_encodes_what_it_signs_as_dsse_does() -> None:
    # The example of the DSSE protocol page.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_says_who_signed() -> None:
    found = opened(SEALED)
    assert (found.type, found.body, found.hash) == (TYPE, b"body", sha256(b"body"))
    assert signers(found, (A.public, B.public, C.public)) == {A.public, B.public}
    assert signers(found, (C.public,)) == frozenset()
    assert signers(found, ()) == frozenset()


def test_keeps_the_body_as_it_came() -> None:
    body = b"\x82\xa1a\x01\xa1a\x02 not even msgpack"
    assert opened(seal(TYPE, body, (A,))).body == body


def test_one_key_counts_once_however_often_it_signed() -> None:
    signature = A.sign(pae(TYPE, b"body"))
    data = codec.encode([TYPE, b"body", [entry(key_id(A.public), signature)] * 3])
    assert signers(opened(data), (A.public, B.public)) == {A.public}


def test_one_key_counts_once_under_other_key_ids() -> None:
    """CVE-2020-6174: a signature counted again under another key id."""
    signature = A.sign(pae(TYPE, b"body"))
    data = codec.encode([TYPE, b"body", [entry(key_id(A.public), signature), entry(key_id(B.public), signature)]])
    assert signers(opened(data), (A.public, B.public)) == {A.public}


def test_a_wrong_signature_does_not_spoil_a_good_one() -> None:
    good = entry(key_id(A.public), A.sign(pae(TYPE, b"body")))
    for others in ([entry(key_id(A.public)), good], [good, entry(key_id(A.public))], [entry(), good]):
        assert signers(opened(codec.encode([TYPE, b"body", others])), (A.public,)) == {A.public}


def test_a_signature_is_for_one_type() -> None:
    data = codec.encode(
        ["orch/other/1", b"body", [[item.key_id, item.signature] for item in opened(SEALED).signatures]]
    )
    found = open_envelope(data, type="orch/other/1", limit=1000)
    assert signers(found, (A.public, B.public)) == frozenset()


def test_type_and_body_do_not_run_into_each_other() -> None:
    assert pae("ab", b"c") != pae("a", b"bc")
    assert pae("a 1 b", b"") != pae("a", b"b 0 ")


def test_refuses_another_type() -> None:
    with pytest.raises(Mislabelled, match="orch/thing/1"):
        open_envelope(SEALED, type="orch/release/1", limit=1000)


def test_counts_unknown_signatures_against_the_limit() -> None:
    sixteen = codec.encode([TYPE, b"body", [entry(bytes([at]) * 16) for at in range(16)]])
    assert len(opened(sixteen).signatures) == 16
    with pytest.raises(Malformed, match="17 signatures"):
        opened(codec.encode([TYPE, b"body", [entry(bytes([at]) * 16) for at in range(17)]]))


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        [TYPE, b"body"],
        [TYPE, b"body", [], []],
        [1, b"body", []],
        [TYPE, "body", []],
        [TYPE, b"body", {}],
        ["", b"body", []],
        ["x" * 65, b"body", []],
        [TYPE, b"body", [1]],
        [TYPE, b"body", [[bytes(16)]]],
        [TYPE, b"body", [[bytes(16), bytes(64), b""]]],
        [TYPE, b"body", [["0123456789abcdef", bytes(64)]]],
        [TYPE, b"body", [[bytes(16), "x"]]],
        [TYPE, b"body", [[bytes(15), bytes(64)]]],
        [TYPE, b"body", [[bytes(16), bytes(63)]]],
    ],
)
def test_refuses_what_is_no_envelope(value: object) -> None:
    with pytest.raises(Malformed):
        opened(codec.encode(value))


def test_the_limit_is_that_of_the_body() -> None:
    largest = seal(TYPE, bytes(1000), tuple(signing(str(at)) for at in range(16)))
    assert len(opened(largest).signatures) == 16
    with pytest.raises(Malformed, match="1001 bytes"):
        opened(seal(TYPE, bytes(1001), (A,)))
    with pytest.raises(Malformed, match="allowed"):
        opened(bytes(1000 + envelope.OVERHEAD + 1))


@pytest.mark.parametrize("size", [1, envelope.MAX_TYPE])
def test_a_type_has_a_size(size: int) -> None:
    kind = "x" * size
    assert open_envelope(seal(kind, b"", (A,)), type=kind, limit=9).type == kind


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    with suppress(Malformed, Mislabelled):
        opened(data)


def test_a_second_person_signs_the_same_bytes() -> None:
    once = seal(TYPE, b"body", (A,))
    twice = add_signature(once, B)
    assert opened(twice).body == b"body"
    assert signers(opened(twice), (A.public, B.public)) == {A.public, B.public}
    assert add_signature(twice, B) == twice


def test_an_envelope_has_room_for_sixteen() -> None:
    full = seal(TYPE, b"body", tuple(signing(str(at)) for at in range(16)))
    with pytest.raises(Malformed, match="at most 16"):
        add_signature(full, A)
    assert add_signature(full, signing("3"))
