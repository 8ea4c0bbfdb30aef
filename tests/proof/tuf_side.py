"""The same estate in the words of The Update Framework: roles, metadata and verdicts by python-tuf, our oracle.

What corresponds to what, and what does not, is said in docs/explanation/compared-with-tuf.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from securesystemslib.signer import CryptoSigner, Key
from tuf.api import exceptions
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import CanonicalJSONSerializer, JSONSerializer
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

S = TypeVar("S", Root, Timestamp)
POOL: tuple[CryptoSigner, ...] = tuple(CryptoSigner.generate_ed25519() for _ in range(6))
"""Keys by number. They are new in each process: which key it is decides nothing."""
REFUSED, KEPT, TAKEN = "refused", "kept", "taken"


def day(seconds: int) -> dt.datetime:
    """Seconds since 1970 in its own words."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _public(numbers: Iterable[int]) -> dict[str, Key]:
    return {POOL[number].public_key.keyid: POOL[number].public_key for number in numbers}


def _signed(content: S, by: Sequence[int], bad: Sequence[int]) -> bytes:
    """Signed by some keys; the signatures of the bad ones are wrong."""
    made: Metadata[S] = Metadata(content)
    message = CanonicalJSONSerializer().serialize(content)
    for number in by:
        signature = POOL[number].sign(message)
        if number in bad:
            turned = f"{int(signature.signature[:2], 16) ^ 1:02x}"
            signature.signature = turned + signature.signature[2:]
        made.signatures[signature.keyid] = signature
    return made.to_bytes(JSONSerializer())


def root(
    version: int,
    *,
    keys: Sequence[int],
    threshold: int,
    people: tuple[Sequence[int], int],
    by: Sequence[int],
    bad: Sequence[int] = (),
) -> bytes:
    """A root: its own keys, and those of the people who sign releases."""
    named, needed = people
    roles = {
        name: Role(list(_public(who)), count)
        for name, who, count in (
            (Root.type, keys, threshold),
            (Timestamp.type, named, needed),
            (Snapshot.type, named, needed),
            (Targets.type, named, needed),
        )
    }
    content = Root(
        version=version,
        expires=day(4_000_000_000),
        keys=_public((*keys, *named)),
        roles=roles,
        consistent_snapshot=False,
    )
    return _signed(content, by, bad)


def rotation(old: bytes, new: bytes) -> str:
    """What a client says to the new root."""
    trusted = TrustedMetadataSet(old, EnvelopeType.METADATA)
    try:
        trusted.update_root(new)
    except exceptions.RepositoryError:
        return REFUSED
    return TAKEN


def timestamp(version: int, *, expires: int, by: Sequence[int], bad: Sequence[int] = ()) -> bytes:
    """The statement with a number and an end."""
    return _signed(Timestamp(version=version, expires=day(expires), snapshot_meta=MetaFile(1)), by, bad)


def release(trusted_root: bytes, held: bytes | None, offered: bytes, *, now: int) -> str:
    """What a client that holds one says to another."""
    trusted = TrustedMetadataSet(trusted_root, EnvelopeType.METADATA)
    trusted.reference_time = day(now)
    if held is not None:
        with suppress(exceptions.ExpiredMetadataError):  # it is held all the same
            trusted.update_timestamp(held)
    try:
        trusted.update_timestamp(offered)
    except exceptions.EqualVersionNumberError:
        return KEPT
    except exceptions.RepositoryError:
        return REFUSED
    return TAKEN


def content(signed: bytes, offered: bytes) -> str:
    """What a client says to content under a signed hash."""
    try:
        TargetFile.from_data("document", signed).verify_length_and_hashes(offered)
    except exceptions.LengthOrHashMismatchError:
        return REFUSED
    return TAKEN
