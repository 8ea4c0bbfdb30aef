"""The envelope: exact bytes, what they claim to be, and who signed them (design section 3).

On the wire it is the msgpack list `[type, body, [[key id, signature], ...]]`. A signature is Ed25519 over DSSE's
pre-authentication encoding of type and body, so one kind of statement can never be taken for another.

Refuses to do: decode a body (verify first, decode after), re-encode one, or say who may sign what (authority.py).

Invariants:
- the body is kept and hashed as it came;
- a threshold counts different public keys: entries and key ids prove nothing, doubles count once (CVE-2020-6174);
- signatures of unknown keys are passed over, but every entry counts against the limit of sixteen, so that nobody
  can make a verifier work for ever;
- there is no way to ask for "the signatures" without naming the keys that are believed.

Called by trust and its neighbours, authoring and attest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orch.common import codec
from orch.common.crypto import SIGNATURE_SIZE, SigningKey, verify
from orch.common.errors import Malformed, Mislabelled

MAX_SIGNATURES = 16
KEY_ID_SIZE = 16
MAX_TYPE = 64
OVERHEAD = 2048
"""Most bytes that an envelope may have beyond its body: the type, sixteen signatures, msgpack's heads."""

LARGEST = 1024 * 1024
"""Largest body of any kind: for readers that do not care which kind (`add_signature`)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Which key says so, and the proof."""

    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A statement as it travels; nothing about it is verified yet."""

    type: str
    body: bytes
    signatures: tuple[Signature, ...]

    @property
    def hash(self) -> bytes:
        """SHA-256 of the body: the statement's name, whoever signs it later."""
        return hashlib.sha256(self.body).digest()


def key_id(public: bytes) -> bytes:
    """Sixteen bytes that find a key; they prove nothing."""
    return hashlib.sha256(public).digest()[:KEY_ID_SIZE]


def pae(type_: str, body: bytes) -> bytes:
    """What is really signed (DSSE v1, pre-authentication encoding)."""
    kind = type_.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def open_envelope(data: bytes, *, type: str, limit: int) -> Envelope:  # noqa: A002  the wire's own word
    """Read an envelope that must be of one type; no signature is looked at.

    Args:
        data: the whole envelope.
        type: what it has to be, e.g. `orch/release/1`.
        limit: most bytes of the body.

    Raises:
        Malformed: not an envelope, too large, or too many signatures.
        Mislabelled: an envelope of another type.
    """
    found = _parse(data, limit)
    if found.type != type:
        raise Mislabelled(f"this is {found.type[:MAX_TYPE]!r} where {type!r} belongs")
    return found


def seal(type_: str, body: bytes, keys: Sequence[SigningKey]) -> bytes:
    """An envelope signed with each of the keys."""
    message = pae(type_, body)
    return _write(Envelope(type_, body, tuple(Signature(key_id(key.public), key.sign(message)) for key in keys)))


def add_signature(data: bytes, key: SigningKey) -> bytes:
    """The same envelope with one more signature, for a second signer; type and body stay as they are.

    A signature that the same key made before is replaced. The caller has looked at what it signs (authoring.py).

    Raises:
        Malformed: not an envelope, or it has sixteen signatures already.
    """
    found = _parse(data, LARGEST)
    mine = Signature(key_id(key.public), key.sign(pae(found.type, found.body)))
    others = tuple(item for item in found.signatures if item.key_id != mine.key_id)
    if len(others) >= MAX_SIGNATURES:
        raise Malformed(f"an envelope holds at most {MAX_SIGNATURES} signatures")
    return _write(Envelope(found.type, found.body, (*others, mine)))


def signers(envelope: Envelope, publics: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the given public keys that signed exactly this type and body.

    A wrong signature under a known key id is passed over like an unknown one: it must not be able to spoil the
    signatures beside it.
    """
    known = {key_id(public): public for public in publics}
    message = pae(envelope.type, envelope.body)
    return frozenset(
        public
        for item in envelope.signatures
        if (public := known.get(item.key_id)) is not None and verify(public, item.signature, message)
    )


def _write(envelope: Envelope) -> bytes:
    entries = [[item.key_id, item.signature] for item in envelope.signatures]
    return codec.encode([envelope.type, envelope.body, entries])


def _parse(data: bytes, limit: int) -> Envelope:
    parts = codec.parse(data, limit=limit + OVERHEAD)
    if not isinstance(parts, list) or len(parts) != 3:
        raise Malformed("an envelope is a list of type, body and signatures")
    type_, body, entries = parts
    if not isinstance(type_, str) or not isinstance(body, bytes) or not isinstance(entries, list):
        raise Malformed("an envelope is a text, bytes and a list")
    if not 1 <= len(type_) <= MAX_TYPE:
        raise Malformed(f"an envelope's type has {len(type_)} characters")
    if len(body) > limit:
        raise Malformed(f"a body of {len(body)} bytes where at most {limit} are allowed")
    if len(entries) > MAX_SIGNATURES:
        raise Malformed(f"{len(entries)} signatures where at most {MAX_SIGNATURES} are allowed")
    return Envelope(type_, body, tuple(_entry(item) for item in entries))


def _entry(value: codec.Plain) -> Signature:
    if not isinstance(value, list) or len(value) != 2:
        raise Malformed("a signature is a pair")
    name, proof = value
    if not isinstance(name, bytes) or not isinstance(proof, bytes):
        raise Malformed("a signature is a pair of bytes")
    if len(name) != KEY_ID_SIZE or len(proof) != SIGNATURE_SIZE:
        raise Malformed("a signature or its key id has the wrong size")
    return Signature(name, proof)
