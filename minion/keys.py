"""A host's own keys: made on the host at enrolment, never leave it.

Refuses to do: replace keys that are there. The connection's secret is the only one that a process without authority
may read; it opens a line and signs nothing.

Called by enrol (makes them) and by the executor (reads them). The agent and the fetcher read the connection's secret
with `read_curve`, which needs no cryptography.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orch.common.clock import Chance
from orch.common.crypto import CurveKey, SigningKey
from orch.common.errors import SettingsError
from orch.minion.adapters import files
from orch.minion.adapters.disk import Disk, Owner
from orch.minion.curve import read_curve, write_curve
from orch.minion.settings import NOT_ENROLLED, Layout

_SIZE = 32


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What a host proves itself with."""

    curve: CurveKey
    sign: SigningKey
    seal: CurveKey


def make(layout: Layout, chance: Chance, *, network: Owner | None) -> HostKeys:
    """New keys, on disk with their modes; `network` owns the connection's secret.

    Raises:
        StoreError: the disk refuses.
    """
    made = HostKeys(
        curve=CurveKey.from_secret(chance.token(_SIZE)),
        sign=SigningKey.from_seed(chance.token(_SIZE)),
        seal=CurveKey.from_secret(chance.token(_SIZE)),
    )
    disk = layout.disk
    files.make_folder(layout.keys, mode=0o700, disk=disk)
    files.make_folder(layout.curve.parent, mode=0o750, owner=network, disk=disk)
    files.write(layout.keys / "sign", made.sign.seed, disk=disk)
    files.write(layout.keys / "seal", made.seal.secret, disk=disk)
    write_curve(layout.curve, made.curve.secret, owner=network, disk=disk)
    return made


def load(layout: Layout) -> HostKeys:
    """Read them.

    Raises:
        SettingsError: one is missing or cut.
    """
    return HostKeys(
        CurveKey.from_secret(read_curve(layout.curve, disk=layout.disk)),
        SigningKey.from_seed(_read(layout.keys / "sign", layout.disk)),
        sealing(layout),
    )


def sealing(layout: Layout) -> CurveKey:
    """Only the key that secrets are sealed to.

    Raises:
        SettingsError: it is missing or cut.
    """
    return CurveKey.from_secret(_read(layout.keys / "seal", layout.disk))


def _read(path: Path, disk: Disk) -> bytes:
    data = files.read(path, limit=_SIZE, disk=disk)
    if data is None or len(data) != _SIZE:
        raise SettingsError(f"the key {path} is missing or damaged", hint=NOT_ENROLLED)
    return data
