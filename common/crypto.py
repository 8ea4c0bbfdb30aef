"""Keys, signatures and sealed key files: the only door to cryptography.

One algorithm for each purpose and no field that names one (decision 0004): Ed25519 signs, X25519 is a connection's key
or one to seal to (hpke.py), SHA-256 hashes, HKDF-SHA256 derives, ChaCha20-Poly1305 encrypts, scrypt and it keep a key
file.

Refuses to do: know what it signs (envelope.py gives it typed bytes), store anything, ask anybody for a passphrase.

Invariants:
- `verify` returns False for whatever is wrong, a malformed key or signature too; it never raises;
- no key shows its secret in `repr`, and keys do not compare or pickle;
- opening a key file never costs more memory than `MAX_COST` says, whatever the file claims.

Called by envelope.py, authoring, attest, the wire's set-up and the operator's key commands. A host's agent must not
import this module: it would cost it megabytes, and it has nothing to verify (design section 2).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import unicodedata

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from orch.common.errors import KeyFileError, Malformed

KEY_SIZE = 32
SIGNATURE_SIZE = 64
COST = 15
"""scrypt's N as a power of two for new files: 32 MiB and about 0.1 s."""

MAX_COST = 20
"""Highest cost that a file may ask for: 1 GiB."""

_FIELD = 2**255 - 19
MAX_SECRET = 4096
MAX_FILE = 16 * 1024

_HEAD = "orch sealed key, version 1"
_FILE = re.compile(
    rf"(?P<head>{_HEAD}\nkdf: scrypt n=2\^(?P<cost>[1-9][0-9]?) r=8 p=1\nsalt: (?P<salt>[A-Za-z0-9+/=]{{1,64}})\n)"
    r"box: (?P<box>[A-Za-z0-9+/=]{1,8192})\n"
)


def sha256(data: bytes) -> bytes:
    """The 32 bytes that name some content."""
    return hashlib.sha256(data).digest()


class SigningKey:
    """An Ed25519 key that signs (RFC 8032)."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Use `generate` or `from_seed`."""
        self._key = key
        self.public: bytes = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key, from the kernel's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """The key of a 32-byte seed, as a key file keeps it.

        Raises:
            KeyFileError: not 32 bytes.
        """
        return cls(Ed25519PrivateKey.from_private_bytes(_sized(seed)))

    @property
    def seed(self) -> bytes:
        """The secret, 32 bytes: for key files only."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """64 bytes over `message`; callers go through envelope.py, which adds the type."""
        return self._key.sign(message)

    @property
    def reading(self) -> CurveKey:
        """The X25519 pair of the same secret (RFC 8032 5.1.5, RFC 7748 4.1): opens what was sealed to `reading_of`."""
        return CurveKey.from_secret(hashlib.sha512(self.seed).digest()[:KEY_SIZE])

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


class CurveKey:
    """An X25519 pair (RFC 7748): a connection's key for ZeroMQ CURVE, or a key to seal secrets to."""

    __slots__ = ("_key", "public")

    def __init__(self, key: X25519PrivateKey) -> None:
        """Use `generate` or `from_secret`."""
        self._key = key
        self.public: bytes = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def generate(cls) -> CurveKey:
        """A new pair, from the kernel's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, secret: bytes) -> CurveKey:
        """The pair of a 32-byte secret.

        Raises:
            KeyFileError: not 32 bytes.
        """
        return cls(X25519PrivateKey.from_private_bytes(_sized(secret)))

    @property
    def secret(self) -> bytes:
        """The secret half, 32 raw bytes; the wire turns it into Z85."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def exchange(self, public: bytes) -> bytes:
        """The 32 bytes that only the holders of both secret halves can work out.

        Raises:
            Malformed: `public` is no key, or one with which nothing stays secret.
        """
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as err:
            raise Malformed("this is not an X25519 key that can be used") from err

    def __repr__(self) -> str:
        return f"CurveKey(public={self.public.hex()})"


def _sized(secret: bytes) -> bytes:
    if len(secret) != KEY_SIZE:
        raise KeyFileError(f"a key has {KEY_SIZE} bytes, not {len(secret)}", hint="restore the key from its backup")
    return secret


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over exactly `message` was made with the secret half of `public`."""
    if len(public) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def derive(seed: bytes, label: str) -> bytes:
    """32 bytes that follow from `seed` and `label` and tell nothing about the seed (HKDF-SHA256, RFC 5869).

    The centre's next CURVE key is derived from the recovery seed, so a lost centre can be replaced by whoever holds
    that seed, and the policy can name the key beforehand (`Centre.curve`).
    """
    return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=b"orch " + label.encode()).derive(seed)


def reading_of(public: bytes) -> bytes:
    """The X25519 key that belongs to an Ed25519 key: what is sealed to it, only that key's holder opens.

    The birational map of RFC 7748 4.1, u = (1 + y) / (1 - y). Why one secret may serve both: decision 0021.

    Raises:
        Malformed: it is no such key.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if len(public) != KEY_SIZE or y >= _FIELD or y == 1:
        raise Malformed("this is not an Ed25519 key that can be sealed to")
    return ((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD).to_bytes(KEY_SIZE, "little")


def box(key: bytes, plain: bytes, *, nonce: bytes, about: bytes) -> bytes:
    """ChaCha20-Poly1305 (RFC 8439): `plain` for whoever has the key; `about` is not hidden, and cannot be changed.

    A key and a nonce must never be used for two texts: callers use a key once.
    """
    return ChaCha20Poly1305(key).encrypt(nonce, plain, about)


def unbox(key: bytes, boxed: bytes, *, nonce: bytes, about: bytes) -> bytes:
    """What `box` was given.

    Raises:
        Malformed: another key, another `about`, or it was altered. Which of them cannot be told.
    """
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, boxed, about)
    except (InvalidTag, ValueError) as err:
        raise Malformed("this cannot be opened with this key") from err


def seal_file(secret: bytes, passphrase: str, *, cost: int = COST) -> str:
    """The text of a key file that holds `secret` under a passphrase.

    The cost stands in the file, so it can rise later without a new format. No nonce stands there: the key of the box
    comes from a salt that is used once. An empty passphrase is the caller's decision: the command line asks twice.
    """
    salt = secrets.token_bytes(16)
    head = f"{_HEAD}\nkdf: scrypt n=2^{cost} r=8 p=1\nsalt: {_to_text(salt)}\n"
    box = ChaCha20Poly1305(_stretch(passphrase, salt, cost)).encrypt(bytes(12), secret, head.encode())
    return f"{head}box: {_to_text(box)}\n"


def open_file(text: str, passphrase: str) -> bytes:
    """The secret that `seal_file` put away.

    Raises:
        KeyFileError: no key file of this version, damaged, or another passphrase. Which of the last two cannot be told.
    """
    found = _FILE.fullmatch(text) if len(text) <= MAX_FILE else None
    if found is None or not (cost := int(found["cost"])) <= MAX_COST:
        raise KeyFileError("this is not a key file that this version reads", hint="restore the file from its backup")
    try:
        salt, box = (base64.b64decode(found[name], validate=True) for name in ("salt", "box"))
        return ChaCha20Poly1305(_stretch(passphrase, salt, cost)).decrypt(bytes(12), box, found["head"].encode())
    except (InvalidTag, binascii.Error) as err:
        problem = "the passphrase is wrong, or the key file is damaged"
        raise KeyFileError(problem, hint="try the passphrase again") from err


def _stretch(passphrase: str, salt: bytes, cost: int) -> bytes:
    # NFKC: the same letters typed on another keyboard are the same passphrase.
    typed = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogateescape")
    return Scrypt(salt=salt, length=KEY_SIZE, n=1 << cost, r=8, p=1).derive(typed)


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()
