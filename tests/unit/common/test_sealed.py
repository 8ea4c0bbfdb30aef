from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import sealed
from orch.common.crypto import CurveKey, SigningKey, reading_of
from orch.common.document import BOX_LIMIT, COPY
from orch.common.errors import Malformed, Shut
from orch.common.sealed import Closed, Slot, Value

SEED = bytes(range(32))
WHAT = Value(estate="netgate", secret="apps-join", value=bytes(range(16)))
SLOT = Slot(
    estate="netgate", scope="main", host="library/srv1", path="/etc/apps/join", secret="apps-join", value=WHAT.value
)
HOST = CurveKey.generate()


def closed(value: bytes, slot: Slot = SLOT, *, seed: bytes = SEED, host: CurveKey = HOST) -> Closed:
    key = sealed.for_host(seed, slot, host.public)
    return Closed(slot=slot, key=key, box=sealed.close(value, slot.what, seed=seed))


@given(st.binary(min_size=1, max_size=1000))
def test_the_host_opens_what_was_sealed_to_it(value: bytes) -> None:
    assert sealed.open_here(HOST, closed(value)) == value


def test_a_value_of_the_largest_size_travels_and_a_larger_one_or_none_at_all_does_not() -> None:
    largest = bytes(sealed.MOST)
    found = closed(largest)
    assert sealed.open_here(HOST, found) == largest
    assert len(found.box) <= BOX_LIMIT
    assert len(found.key) == COPY
    for value in (b"", bytes(sealed.MOST + 1)):
        with pytest.raises(Malformed, match="1 to 16384 bytes"):
            sealed.close(value, WHAT, seed=SEED)


@pytest.mark.parametrize(
    "change",
    [
        {"estate": "other"},
        {"scope": "far"},
        {"host": "library/srv2"},
        {"path": "/var/www/join"},
        {"secret": "apps-other"},
        {"value": bytes(16)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_moved_opens_nowhere(change: dict[str, str]) -> None:
    found = closed(b"correct horse")
    with pytest.raises(Shut, match="cannot be opened here"):
        sealed.open_here(HOST, replace(found, slot=replace(SLOT, **change)))  # type: ignore[arg-type]


def test_another_host_opens_nothing_of_it() -> None:
    with pytest.raises(Shut):
        sealed.open_here(CurveKey.generate(), closed(b"correct horse"))


def test_what_is_not_sealed_to_a_host_yet_says_so() -> None:
    with pytest.raises(Shut, match="was not sealed to this host yet"):
        sealed.open_here(HOST, replace(closed(b"x"), key=b""))


def test_a_box_under_another_secrets_key_stays_shut() -> None:
    other = replace(SLOT, secret="other")
    found = closed(b"of the other", other, seed=bytes(32))
    with pytest.raises(Shut):
        sealed.open_here(HOST, replace(closed(b"x"), box=found.box))
    with pytest.raises(Shut):
        sealed.open_here(HOST, replace(closed(b"x"), key=found.key))


@given(part=st.sampled_from(["key", "box"]), at=st.integers(0, 80 * 8 - 1))
def test_what_was_altered_by_a_bit_stays_shut(part: str, at: int) -> None:
    found = closed(b"correct horse")
    altered = bytearray(found.key if part == "key" else found.box)
    altered[at // 8] ^= 1 << at % 8
    with pytest.raises(Shut):
        sealed.open_here(HOST, replace(found, **{part: bytes(altered)}))  # type: ignore[arg-type]


def test_the_same_is_sealed_to_the_same_bytes_by_everybody() -> None:
    assert closed(b"correct horse") == closed(b"correct horse")


def test_no_ephemeral_key_serves_twice() -> None:
    slots = [SLOT, *(replace(SLOT, path=f"/etc/{name}") for name in ("a", "b")), replace(SLOT, host="library/srv2")]
    made = [sealed.for_host(SEED, slot, HOST.public) for slot in slots]
    made += [sealed.for_host(SEED, SLOT, CurveKey.generate().public), sealed.for_host(bytes(32), SLOT, HOST.public)]
    assert len({copy[:32] for copy in made}) == len(made)


def test_a_copy_does_not_name_the_seed_or_the_value() -> None:
    found = closed(b"correct horse battery staple")
    assert b"correct horse" not in found.key + found.box
    assert SEED not in found.key + found.box
    assert "key" not in repr(found).partition("slot")[0]
    assert repr(found.box)[2:20] not in repr(found)


@pytest.mark.parametrize(("size", "as_long_as"), [(1, 252), (5, 200), (253, 508)])
def test_the_length_of_a_value_is_hidden_up_to_256_bytes(size: int, as_long_as: int) -> None:
    assert len(closed(b"x" * size).box) == len(closed(b"x" * as_long_as).box)


def test_a_reader_gets_the_value_by_the_signing_key() -> None:
    anna, bob = SigningKey.generate(), SigningKey.generate()
    copy = sealed.for_reader(SEED, WHAT, reading_of(anna.public), ephemeral=CurveKey.generate())
    seed = sealed.seed_of(anna.reading, WHAT, copy)
    assert seed == SEED
    assert sealed.value_of(seed, WHAT, sealed.close(b"correct horse", WHAT, seed=SEED)) == b"correct horse"
    with pytest.raises(Malformed):
        sealed.seed_of(bob.reading, WHAT, copy)
    with pytest.raises(Malformed):
        sealed.seed_of(anna.reading, replace(WHAT, secret="other"), copy)


def test_a_hosts_copy_is_no_readers_copy() -> None:
    with pytest.raises(Malformed):
        sealed.seed_of(HOST, WHAT, sealed.for_host(SEED, SLOT, HOST.public))


@given(st.binary(min_size=32, max_size=32))
def test_the_reading_key_of_a_public_half_is_that_of_the_secret_half(seed: bytes) -> None:
    key = SigningKey.from_seed(seed)
    assert reading_of(key.public) == key.reading.public


def test_the_reading_key_is_the_one_that_libsodium_makes() -> None:
    key = SigningKey.from_seed(bytes.fromhex("421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee"))
    assert key.reading.public.hex() == "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50"
    assert reading_of(key.public) == key.reading.public


@pytest.mark.parametrize("wrong", [bytes(31), (1).to_bytes(32, "little"), b"\xff" * 32])
def test_what_is_no_signing_key_cannot_be_sealed_to(wrong: bytes) -> None:
    with pytest.raises(Malformed, match="not an Ed25519 key"):
        reading_of(wrong)


def test_who_has_no_key_opens_nothing() -> None:
    with pytest.raises(Shut, match="there is no key for secrets"):
        sealed.open_nowhere(closed(b"x"))
