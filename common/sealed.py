"""What is sealed of a secret, for whom, and what it is bound to. Bytes in, bytes out.

Each value of a secret has a *seed*, 32 unpredictable bytes of its own, from which follow the key of its *box* and the
ephemeral key of every host's copy:

    box             the value, padded, under the box's key; the same for everybody (in git, in every document)
    reader's copy   the seed, sealed to an operator (in git)
    host's copy     the box's key, sealed to one host for one place (in git, in that host's document)

So a value can be sealed to one more host without touching the box, and whoever does it writes the same bytes: an estate
that has not changed compiles to the documents that it had (decision 0021).

Invariants:
- a host's copy opens only there: with that host's key, in its estate and scope, for that path, secret and value;
- the key of a host's copy tells nothing of the seed, and so of the other copies;
- the length of a box tells the value's length only up to the next 256 bytes;
- an ephemeral key of a host's copy is never used for another text: it follows from the seed, the slot and the host's
  key, and the text follows from the seed.

Called by the operator's tool (seals) and by the executor (opens, at the moment of use). A centre holds copies and
boxes, and no key that opens one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from orch.common import codec, crypto, hpke
from orch.common.codec import Bytes16
from orch.common.crypto import CurveKey, sha256
from orch.common.errors import Malformed, Shut
from orch.common.names import HostName, Name, Path

MOST: Final = 16 * 1024
"""Bytes that a secret's value may have."""

_STEP: Final = 256
_HEAD: Final = 4
_ONCE: Final = bytes(12)  # the nonce of a box: its key is used once


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a secret: named by chance, so that the name tells nothing of it."""

    estate: Name
    secret: Name
    value: Bytes16


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where a value may be opened, and nowhere else."""

    estate: Name
    scope: Name
    host: HostName
    path: Path
    secret: Name
    value: Bytes16

    @property
    def what(self) -> Value:
        """The value, wherever it is."""
        return Value(estate=self.estate, secret=self.secret, value=self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A secret as it came to a host."""

    slot: Slot
    key: bytes = field(repr=False)
    box: bytes = field(repr=False)


Opener: TypeAlias = Callable[[Closed], bytes]
"""Opens what was sealed to this host; raises Shut."""


def close(value: bytes, what: Value, *, seed: bytes) -> bytes:
    """The box of a value.

    Raises:
        Malformed: it is empty or too large.
    """
    if not 0 < len(value) <= MOST:
        raise Malformed(f"a secret has 1 to {MOST} bytes, not {len(value)}")
    padded = len(value).to_bytes(_HEAD, "big") + value
    padded += bytes(-len(padded) % _STEP)
    return crypto.box(_box_key(seed), padded, nonce=_ONCE, about=_about("box", what))


def value_of(seed: bytes, what: Value, box: bytes) -> bytes:
    """The value, for whoever has the seed.

    Raises:
        Malformed: the box is of another value, or was altered.
    """
    return _opened(_box_key(seed), what, box)


def for_reader(seed: bytes, what: Value, public: bytes, *, ephemeral: CurveKey) -> bytes:
    """A reader's copy.

    Args:
        seed: of the value.
        what: which value.
        public: the reader's X25519 key (crypto.reading_of).
        ephemeral: a new pair.

    Raises:
        Malformed: the key cannot be sealed to.
    """
    return hpke.seal(public, seed, info=_about("reader", what), ephemeral=ephemeral)


def seed_of(own: CurveKey, what: Value, copy: bytes) -> bytes:
    """The seed out of a reader's copy.

    Raises:
        Malformed: it was sealed to somebody else or for another value, or was altered.
    """
    return hpke.unseal(own, copy, info=_about("reader", what))


def for_host(seed: bytes, slot: Slot, public: bytes) -> bytes:
    """A host's copy: for the same arguments always the same bytes.

    Raises:
        Malformed: the key cannot be sealed to.
    """
    about = _about("host", slot)
    ephemeral = hpke.pair(crypto.derive(seed, f"secret copy {sha256(about + public).hex()}"))
    return hpke.seal(public, _box_key(seed), info=about, ephemeral=ephemeral)


def open_here(own: CurveKey, closed: Closed) -> bytes:
    """The value, on the host that it was sealed to.

    Raises:
        Shut: it was not sealed to this host for this slot, or was altered.
    """
    slot = closed.slot
    if not closed.key:
        raise Shut(f"the secret {slot.secret} for {slot.path} was not sealed to this host yet")
    try:
        return _opened(hpke.unseal(own, closed.key, info=_about("host", slot)), slot.what, closed.box)
    except Malformed as err:
        raise Shut(
            f"the secret {slot.secret} for {slot.path} cannot be opened here: it was sealed to another host, for"
            " another place or estate, or it was altered"
        ) from err


def open_nowhere(closed: Closed) -> bytes:
    """An Opener for who has no key.

    Raises:
        Shut: always.
    """
    raise Shut(f"the secret {closed.slot.secret} cannot be opened here: there is no key for secrets")


def _box_key(seed: bytes) -> bytes:
    return crypto.derive(seed, "secret box")


def _opened(key: bytes, what: Value, box: bytes) -> bytes:
    padded = crypto.unbox(key, box, nonce=_ONCE, about=_about("box", what))
    size = int.from_bytes(padded[:_HEAD], "big")
    if len(padded) < _HEAD + size:
        raise Malformed("what is in the box is not a value")
    return padded[_HEAD : _HEAD + size]


def _about(kind: str, what: Value | Slot) -> bytes:
    """What a sealed thing is bound to, in one way to write it."""
    return f"orch/secret-{kind}/1\n".encode() + codec.encode(what)
