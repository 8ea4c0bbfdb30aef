"""Admissions that follow from the files: a host whose site moved to another scope or ring is admitted anew.

A host believes its admission and not its document about its scope and ring, so this comes before the release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orch.common import authoring, codec, identity, trust
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope
from orch.common.errors import Refused
from orch.common.identity import ADMISSION_TYPE, Admission, Revocation
from orch.common.operations import Signed
from orch.common.policy import Policy
from orch.common.rows import Nothing
from orch.master.cli.folder import Folder
from orch.master.cli.line import Centre
from orch.master.cli.work import Work

__all__ = ["ADMISSION_TYPE", "Renewed", "give", "lapsed", "moved", "renew"]


def moved(begun: Work) -> tuple[Work, tuple[Admission, ...]]:
    """The work with the admissions that its files ask for, and those of them that are new, still to be signed."""
    now = begun.desk.surroundings.clock.wall()
    changed = {}
    for place in begun.moved():
        site, old = begun.estate.sites[place.site], begun.admissions[place]
        changed[place] = replace(
            old, scope=site.scope, ring=site.ring, serial=old.serial + 1, issued=max(now, old.issued)
        )
    return replace(begun, admissions={**begun.admissions, **changed}), tuple(changed.values())


def give(begun: Work, centre: Centre, admissions: Sequence[Admission], *, key: SigningKey) -> None:
    """Sign admissions, give them to the centre, and keep them in the estate's directory."""
    for admission in admissions:
        envelope = authoring.sign_admission(admission, keys=(key,))
        centre.ask("key.admit", Signed(envelope), Nothing)
        begun.desk.folder.put_admission(envelope)
    if admissions:
        begun.desk.output.note(f"✓ {len(admissions)} hosts admitted anew; commit hosts/ to git")


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many were signed anew, and the hosts for which this key does not count either."""

    count: int
    left: tuple[str, ...]


def lapsed(folder: Folder, policy: Policy, *, now: int) -> tuple[str, ...]:
    """The hosts whose admission or revocation does not count by this policy."""
    return tuple(item.host for item in _lapsed(folder, policy, now))


def renew(folder: Folder, policy: Policy, *, key: SigningKey, now: int) -> Renewed:
    """Sign again what an operator signed whom the policy no longer names, or no longer lets enrol there.

    A new centre, or a host that was away, judges an admission by the policy in force then.
    """
    count, left = 0, []
    for item in _lapsed(folder, policy, now):
        if isinstance(item, Admission):
            anew = replace(item, serial=item.serial + 1, issued=max(now, item.issued))
            envelope = authoring.sign_admission(anew, keys=(key,))
        else:
            envelope = authoring.sign_revocation(replace(item, issued=now), keys=(key,))
        if not _counts(policy, envelope, item, now):
            left.append(item.host)
            continue
        if isinstance(item, Admission):
            folder.put_admission(envelope)
        else:
            folder.put_revocation(item.host, item.curve, envelope=envelope)
        count += 1
    return Renewed(count, tuple(left))


def _lapsed(folder: Folder, policy: Policy, now: int) -> list[Admission | Revocation]:
    kept: list[tuple[Admission | Revocation, bytes]]
    kept = [(item.admission, item.envelope) for item in folder.admissions().values()]
    kept += [(_revocation(envelope), envelope) for envelope in folder.revocations()]
    return [item for item, envelope in kept if not _counts(policy, envelope, item, now)]


def _counts(policy: Policy, envelope: bytes, item: Admission | Revocation, now: int) -> bool:
    try:
        if isinstance(item, Admission):
            trust.take_admission(policy, envelope, mine=None, current=None, now=now)
        else:
            trust.take_revocation(policy, envelope, admission=None, now=now)
    except Refused:
        return False
    return True


def _revocation(envelope: bytes) -> Revocation:
    opened = open_envelope(envelope, type=identity.REVOCATION_TYPE, limit=identity.LIMIT)
    return codec.decode(Revocation, opened.body, limit=identity.LIMIT)
