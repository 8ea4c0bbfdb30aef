"""Brings the centre up to what the estate's git holds: policies, admissions, revocations that it lacks.

The files are the source of truth; a centre that was lost, restored or bypassed gets the rest by itself at the next
`plan`, `apply` or `key`. What the centre has and the files lack is taken over after checking it: policies and
admissions that somebody made on another machine and has not committed yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common import codec, envelope, identity, trust
from orch.common.errors import OrchError, ProtocolError
from orch.common.identity import ADMISSION_TYPE, Admission
from orch.common.operations import After, Envelopes, KeyRow, KeyRows, Signed
from orch.common.policy import LIMIT, TYPE, Policy
from orch.common.rows import Nothing
from orch.master.cli.folder import Folder
from orch.master.cli.line import Centre
from orch.master.cli.output import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What files and centre agree on now."""

    policy: Policy
    keys: dict[bytes, KeyRow]


def bring_up(centre: Centre, folder: Folder, policy: Policy, *, output: Output) -> Known:
    """Give the centre what it lacks.

    Args:
        centre: the line.
        folder: the estate's directory.
        policy: the newest one there, verified (context.py `Desk.verified`).
        output: for saying what was given.
    """
    policy = _policies(centre, folder, policy, output)
    rows = key_rows(centre)
    _take_admissions(rows, folder, policy, output=output)
    lacking = [item for item in folder.admissions().values() if serial_at(rows, item.admission) < item.admission.serial]
    for item in lacking:
        _give(centre, "key.admit", item.envelope, what=f"the admission of {item.admission.host}", output=output)
    ended = [item for item in folder.revocations() if not _revoked(rows, item)]
    for revocation in ended:
        _give(centre, "key.revoke", revocation, what="a revocation", output=output)
    if lacking or ended:
        output.note(f"gave the centre {len(lacking)} admissions and {len(ended)} revocations that it did not have")
        rows = key_rows(centre)
    return Known(policy=policy, keys=rows)


def key_rows(centre: Centre) -> dict[bytes, KeyRow]:
    """Every key that the centre knows."""
    found: dict[bytes, KeyRow] = {}
    for part in centre.stream("key.list", Nothing(), KeyRows):
        if part is not None:
            found.update((row.curve, row) for row in part.rows)
    return found


def serial_at(rows: dict[bytes, KeyRow], admission: Admission) -> int:
    """The serial of the admission that the centre holds for that key; 0 where it has none."""
    row = rows.get(admission.curve)
    if row is None or not row.admission:
        return 0
    # Not verified: it decides only whether ours is offered, and the centre and the host verify that.
    opened = envelope.open_envelope(row.admission, type=ADMISSION_TYPE, limit=identity.LIMIT)
    return codec.decode(Admission, opened.body, limit=identity.LIMIT).serial


def _policies(centre: Centre, folder: Folder, policy: Policy, output: Output) -> Policy:
    newer = centre.ask("policy.get", After(policy.version - 1), Envelopes).envelopes
    for item in newer:
        following = trust.take_policy(policy, item)
        if following.version > policy.version:
            folder.put_policy(item)
            output.note(f"took policy {following.version} from the centre; commit policy/ to git")
            policy = following
    if newer:
        return policy
    kept = folder.policies()
    first = policy.version - len(kept) + 1
    there = _newest_at(centre)
    lacking = [item for version, item in enumerate(kept, start=first) if version > there]
    for item in lacking:
        centre.ask("policy.put", Signed(item), Nothing)
    output.note(f"gave the centre {len(lacking)} policies that it did not have")
    return policy


def _newest_at(centre: Centre) -> int:
    """The version of the centre's newest policy."""
    version = 0
    while part := centre.ask("policy.get", After(version), Envelopes).envelopes:
        # Not verified: it decides only which ones are offered, and the centre verifies those.
        body = envelope.open_envelope(part[-1], type=TYPE, limit=LIMIT).body
        newest = codec.decode(Policy, body, limit=LIMIT).version
        if newest <= version:
            raise ProtocolError(f"the centre answers with policy {newest} where those after {version} were asked for")
        version = newest
    return version


def _take_admissions(rows: dict[bytes, KeyRow], folder: Folder, policy: Policy, *, output: Output) -> None:
    kept = folder.admissions()
    # A centre that was restored, or lies, may still hold as admitted what was revoked here.
    ended = {_key_ended(item) for item in folder.revocations()}
    taken = 0
    for row in rows.values():
        if row.state != "admitted" or not row.admission or row.curve in ended:
            continue
        try:
            # Not by this machine's clock: the signer's time in office is the host's to judge.
            found = trust.take_admission(policy, row.admission, mine=None, current=None, now=0)
        except OrchError as err:
            output.warn(f"the centre holds an admission that does not count: {err.text}")
            continue
        mine = kept.get(found.host)
        if mine is None or (mine.admission.curve == found.curve and mine.admission.serial < found.serial):
            folder.put_admission(row.admission)
            taken += 1
    if taken:
        output.note(f"took {taken} admissions from the centre; commit hosts/ to git")


def _revoked(rows: dict[bytes, KeyRow], revocation: bytes) -> bool:
    row = rows.get(_key_ended(revocation))
    return row is not None and row.state == "revoked"


def _key_ended(revocation: bytes) -> bytes:
    opened = envelope.open_envelope(revocation, type=identity.REVOCATION_TYPE, limit=identity.LIMIT)
    return codec.decode(identity.Revocation, opened.body, limit=identity.LIMIT).curve


def _give(centre: Centre, operation: str, signed: bytes, *, what: str, output: Output) -> None:
    try:
        centre.ask(operation, Signed(signed), Nothing)
    except OrchError as err:
        # One bad file must not keep the others from the centre; the person is told which.
        output.warn(f"the centre did not take {what}: {err.text}")
