"""Sealing to somebody's X25519 key: HPKE (RFC 9180), base mode, one message for each set-up.

The suite is fixed: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. It is built here on what
`cryptography` of Debian 12 has; newer ones bring HPKE themselves, and the RFC's own vectors hold this one to it
(tests/unit/common/test_hpke.py).

Refuses to do: say who sealed (base mode does not, the signature over the document does), choose what `info` is.

Invariants:
- nothing opens that was sealed to another key, for another `info` or `about`, or was altered by a bit;
- the ephemeral key is the caller's: a pair that served for one message must never serve for another one.

Called by sealed.py.
"""

from __future__ import annotations

import hmac
from typing import Final

from orch.common import crypto
from orch.common.crypto import KEY_SIZE, CurveKey
from orch.common.errors import Malformed

OVERHEAD: Final = KEY_SIZE + 16
"""Bytes by which what is sealed is longer: the ephemeral key, and the tag."""

_NONCE_SIZE: Final = 12
_KEM: Final = b"KEM\x00\x20"
_SUITE: Final = b"HPKE\x00\x20\x00\x01\x00\x03"
_BASE: Final = b"\x00"


def pair(material: bytes) -> CurveKey:
    """The key pair that follows from at least 32 unpredictable bytes (DeriveKeyPair, 7.1.3)."""
    return CurveKey.from_secret(_expand(_extract(b"", "dkp_prk", material, _KEM), "sk", b"", KEY_SIZE, suite=_KEM))


def seal(public: bytes, plain: bytes, *, info: bytes, ephemeral: CurveKey, about: bytes = b"") -> bytes:
    """`plain` for the holder of `public`'s other half, and nobody else.

    Args:
        public: the receiver's X25519 key.
        plain: what to seal.
        info: what it is for; whoever opens must say the same.
        ephemeral: a pair that is used for this message only.
        about: not hidden, and must be the same at opening.

    Raises:
        Malformed: `public` is no key to seal to.
    """
    shared = _shared(ephemeral.exchange(public), ephemeral.public, public)
    key, nonce = _schedule(shared, info)
    return ephemeral.public + crypto.box(key, plain, nonce=nonce, about=about)


def unseal(own: CurveKey, sealed: bytes, *, info: bytes, about: bytes = b"") -> bytes:
    """What was sealed to `own`.

    Raises:
        Malformed: it was sealed to another key or for something else, or it was altered. Which cannot be told.
    """
    if len(sealed) < OVERHEAD:
        raise Malformed("this is too short to be sealed")
    encapsulated = sealed[:KEY_SIZE]
    key, nonce = _schedule(_shared(own.exchange(encapsulated), encapsulated, own.public), info)
    return crypto.unbox(key, sealed[KEY_SIZE:], nonce=nonce, about=about)


def _shared(exchanged: bytes, encapsulated: bytes, receiver: bytes) -> bytes:
    """ExtractAndExpand (4.1)."""
    secret = _extract(b"", "eae_prk", exchanged, _KEM)
    return _expand(secret, "shared_secret", encapsulated + receiver, KEY_SIZE, suite=_KEM)


def _schedule(shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """KeySchedule (5.1) without a shared key beforehand: the message's key and nonce."""
    context = _BASE + _extract(b"", "psk_id_hash", b"", _SUITE) + _extract(b"", "info_hash", info, _SUITE)
    secret = _extract(shared, "secret", b"", _SUITE)
    key = _expand(secret, "key", context, KEY_SIZE, suite=_SUITE)
    return key, _expand(secret, "base_nonce", context, _NONCE_SIZE, suite=_SUITE)


def _extract(salt: bytes, label: str, material: bytes, suite: bytes) -> bytes:
    """LabeledExtract (4)."""
    return hmac.digest(salt, b"HPKE-v1" + suite + label.encode() + material, "sha256")


def _expand(secret: bytes, label: str, info: bytes, size: int, *, suite: bytes) -> bytes:
    """LabeledExpand (4); one block is enough for every size here."""
    told = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label.encode() + info
    return hmac.digest(secret, told + b"\x01", "sha256")[:size]
