"""RFC 9180, appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import hpke
from orch.common.crypto import CurveKey
from orch.common.errors import Malformed

VECTOR = {
    "info": "4f6465206f6e2061204772656369616e2055726e",
    "ikmE": "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
    "pkEm": "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
    "skEm": "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600",
    "ikmR": "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
    "pkRm": "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
    "skRm": "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
    "pt": "4265617574792069732074727574682c20747275746820626561757479",
    "aad": "436f756e742d30",
    "ct": "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
}
GIVEN = {name: bytes.fromhex(digits) for name, digits in VECTOR.items()}
EPHEMERAL = CurveKey.from_secret(GIVEN["skEm"])
RECEIVER = CurveKey.from_secret(GIVEN["skRm"])
INFO = GIVEN["info"]


@pytest.mark.parametrize("who", ["E", "R"])
def test_a_pair_follows_from_its_material_as_the_rfc_has_it(who: str) -> None:
    made = hpke.pair(GIVEN[f"ikm{who}"])
    assert (made.secret, made.public) == (GIVEN[f"sk{who}m"], GIVEN[f"pk{who}m"])


def test_seals_as_the_rfc_has_it() -> None:
    sealed = hpke.seal(RECEIVER.public, GIVEN["pt"], info=INFO, ephemeral=EPHEMERAL, about=GIVEN["aad"])
    assert sealed == GIVEN["pkEm"] + GIVEN["ct"]
    assert len(sealed) == len(GIVEN["pt"]) + hpke.OVERHEAD


def test_opens_as_the_rfc_has_it() -> None:
    assert hpke.unseal(RECEIVER, GIVEN["pkEm"] + GIVEN["ct"], info=INFO, about=GIVEN["aad"]) == GIVEN["pt"]


@given(at=st.integers(0, len(GIVEN["pkEm"] + GIVEN["ct"]) * 8 - 1))
def test_nothing_opens_with_a_bit_changed(at: int) -> None:
    altered = bytearray(GIVEN["pkEm"] + GIVEN["ct"])
    altered[at // 8] ^= 1 << at % 8
    if at == 255:
        # RFC 7748 has this bit ignored in a point, but the key schedule takes the bytes as they came.
        assert altered[31] & 0x80
    with pytest.raises(Malformed):
        hpke.unseal(RECEIVER, bytes(altered), info=INFO, about=GIVEN["aad"])


@pytest.mark.parametrize(
    ("own", "info", "about"),
    [(CurveKey.generate(), INFO, GIVEN["aad"]), (RECEIVER, b"", GIVEN["aad"]), (RECEIVER, INFO, b"")],
)
def test_opens_only_with_that_key_for_that_purpose(own: CurveKey, info: bytes, about: bytes) -> None:
    with pytest.raises(Malformed):
        hpke.unseal(own, GIVEN["pkEm"] + GIVEN["ct"], info=info, about=about)


@pytest.mark.parametrize("point", [bytes(32), (1).to_bytes(32, "little"), bytes(31), b""])
def test_a_key_with_which_nothing_is_secret_is_refused(point: bytes) -> None:
    with pytest.raises(Malformed):
        hpke.seal(point, b"x", info=b"", ephemeral=EPHEMERAL)
    with pytest.raises(Malformed):
        hpke.unseal(RECEIVER, point + bytes(48), info=b"")


@pytest.mark.parametrize("size", [0, 31, 47])
def test_what_is_too_short_is_refused(size: int) -> None:
    with pytest.raises(Malformed, match="too short"):
        hpke.unseal(RECEIVER, bytes(size), info=b"")
