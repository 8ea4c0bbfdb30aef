"""What lies in a centre's directory, read as a thief reads it: every secret, every signed thing, nothing asked of orch.

It shows what a stolen master has: the secret of its connection, the key that proves freshness, all that operators ever
signed, and what hosts said. And what it has not: any key that could author one of these things.

Called by `thief` and by the system tests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from orch.common import codec, identity, keyfile, policy, release, report
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope
from orch.common.identity import Admission
from orch.common.merkle import Tree
from orch.common.policy import Policy
from orch.common.release import Parcel, Release
from orch.common.report import Report

B = TypeVar("B", Admission, Policy, Release, Report)
ROOM = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A release as one host was to get it."""

    release: Release
    hash: bytes
    parcel: Parcel


class Loot:
    """A copy of a centre's directory."""

    def __init__(self, folder: Path) -> None:
        """Look into this folder; the master that it was taken from no longer runs."""
        self.folder = folder
        found = keyfile.read_centre((folder / "centre.key").read_text("utf-8"))
        self.estate = found.estate
        self.curve = found.curve
        self.fresh = SigningKey.from_seed(found.fresh)

    def policies(self) -> list[bytes]:
        """The signed policies, the oldest first."""
        return [row[0] for row in self._rows("SELECT envelope FROM policies ORDER BY version")]

    def policy(self) -> Policy:
        """The policy in force."""
        return body_of(Policy, self.policies()[-1], type=policy.TYPE)

    def admissions(self) -> dict[str, tuple[Admission, bytes]]:
        """Who is admitted, with the signed admission, by name."""
        query = "SELECT admission FROM keys WHERE state = 'admitted'"
        found = [(body_of(Admission, row[0], type=identity.ADMISSION_TYPE), row[0]) for row in self._rows(query)]
        return {made.host: (made, envelope) for made, envelope in found}

    def parcels(self, host: str) -> list[Placed]:
        """Every release that was ever made for a host, the oldest first."""
        curve = self.admissions()[host][0].curve
        query = (
            "SELECT r.hash, r.envelope, p.leaf_index, d.body FROM releases r"
            " JOIN placements p ON p.release = r.hash JOIN documents d ON d.hash = p.document"
            " WHERE p.curve = ? ORDER BY r.epoch, r.number"
        )
        found = []
        for digest, envelope, index, document in self._rows(query, curve):
            leaves = [row[0] for row in self._rows(_LEAVES, digest)]
            parcel = Parcel(envelope, document, Tree(leaves).proof(index))
            found.append(Placed(release=body_of(Release, envelope, type=release.TYPE), hash=digest, parcel=parcel))
        return found

    def reports(self, host: str) -> list[bytes]:
        """The signed reports of a host, the oldest first."""
        curve = self.admissions()[host][0].curve
        return [row[0] for row in self._rows("SELECT envelope FROM reports WHERE curve = ? ORDER BY sequence", curve)]

    def read_reports(self, host: str) -> list[Report]:
        """What a host has reported, the oldest first; no signature is looked at."""
        return [body_of(Report, envelope, type=report.TYPE) for envelope in self.reports(host)]

    def _rows(self, query: str, *values: bytes) -> Iterator[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "store.db")) as database:
            yield from database.execute(query, values).fetchall()


_LEAVES = "SELECT leaf FROM placements WHERE release = ? ORDER BY leaf_index"


def body_of(cls: type[B], envelope: bytes, *, type: str) -> B:  # noqa: A002  the envelope's own word
    """What an envelope says; nothing is verified."""
    return codec.decode(cls, open_envelope(envelope, type=type, limit=ROOM).body, limit=ROOM)
