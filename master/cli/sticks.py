"""What goes on a stick for a host, and what comes back.

The release and its document come from the centre, the contents from the operator's own files; both are checked against
what operators signed before they are written. Called by `orch doc export` and `orch import-results`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orch.common import codec, identity, stick, trust
from orch.common.document import Document
from orch.common.envelope import open_envelope
from orch.common.errors import BadSignature, Expired, Malformed, RolledBack, UsageError
from orch.common.identity import Revocation
from orch.common.names import Place
from orch.common.rows import ROWS
from orch.common.stick import Results, Stick
from orch.master.cli import files, past, upload
from orch.master.cli.line import Centre
from orch.master.cli.past import Chain, Held
from orch.master.cli.work import Work
from orch.master.estate import compiler
from orch.master.estate.compiler import NotCompilable

_RESULTS = 256 * 1024 * 1024
"""Bytes of a file of results: a host keeps at most 64 MiB of reports."""
_PAGE = 900_000
"""Bytes of reports in one message, below the largest frame (messages.FRAME_LIMIT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What one host's stick holds."""

    head: Stick
    contents: tuple[bytes, ...]
    release: str = ""  # its number; empty for none

    def write(self, path: Path) -> int:
        """Write it; its size in bytes.

        Raises:
            UsageError: it cannot be written, or is larger than a stick takes.
        """
        data = io.BytesIO()
        try:
            stick.write(data, self.head, self.contents)
        except Malformed as err:
            raise UsageError(f"{self.head.host}: {err.text}", hint="bring this host's contents by its line") from err
        files.write(path, data.getvalue())
        return len(data.getvalue())


def make(begun: Work, centre: Centre, place: Place, *, policies: Chain) -> Made:
    """One host's stick.

    Raises:
        UsageError: there is nothing that it could be told, or a content is not in the files any more.
        Refused, Malformed: what the centre or the files hold for it cannot be believed, or could not be taken.
    """
    host, now = str(place), begun.desk.surroundings.clock.wall()
    admitted = begun.desk.folder.admissions().get(host) if place in begun.admissions else None
    if admitted is None:
        return _ended(begun, host, made=now)
    admission = trust.take_admission(begun.policy, admitted.envelope, mine=None, current=None, now=now)
    head = Stick(
        estate=begun.policy.estate,
        host=host,
        curve=admission.curve,
        made=now,
        policies=_policies(begun),
        admission=admitted.envelope,
    )
    held = _newest(centre, host, policies=policies)
    if held is None:
        return Made(head=head, contents=())
    _check_current(begun, held, now=now)
    contents = _contents(begun, place, held.document)
    filled = replace(
        head,
        release=held.parcel.release,
        document=held.parcel.document,
        proof=held.parcel.proof,
        contents=stick.named(contents),
    )
    return Made(head=filled, contents=contents, release=past.named(held.signed))


def _policies(begun: Work) -> tuple[bytes, ...]:
    """The newest that fit, the oldest of them first."""
    kept: list[bytes] = []
    room = stick.POLICIES
    for envelope in reversed(begun.desk.folder.policies()):
        room -= len(envelope)
        if room < 0 and kept:
            break
        kept.append(envelope)
    return tuple(reversed(kept))


def _ended(begun: Work, host: str, *, made: int) -> Made:
    """What a host is told whose key was ended: that, and nothing else."""
    found = [(_revocation(envelope), envelope) for envelope in begun.desk.folder.revocations()]
    mine = [(ended, envelope) for ended, envelope in found if ended.host == host]
    if not mine:
        raise UsageError(f"{host} is not admitted", hint=f"let it in: orch key accept {host}")
    ended, envelope = max(mine, key=lambda item: item[0].issued)
    head = Stick(
        estate=begun.policy.estate,
        host=host,
        curve=ended.curve,
        made=made,
        policies=_policies(begun),
        revocation=envelope,
    )
    return Made(head=head, contents=())


def _revocation(envelope: bytes) -> Revocation:
    # The host judges it: it has the admission that says who may have signed it.
    opened = open_envelope(envelope, type=identity.REVOCATION_TYPE, limit=identity.LIMIT)
    return codec.decode(Revocation, opened.body, limit=identity.LIMIT)


def _newest(centre: Centre, host: str, *, policies: Chain) -> Held | None:
    found = past.releases(policies, centre, host, most=1)
    if not found:
        return None
    if found[0].signed is None:
        hint = "see what the centre hands out: orch doc verify"
        raise BadSignature(f"its newest release at the centre is not in order: {found[0].problem}", hint=hint)
    return past.document(policies, centre, host, release=found[0].signed)


def _check_current(begun: Work, held: Held, *, now: int) -> None:
    """Refuse to write what the host would refuse to take, where that can be known here."""
    host, release = held.document.host, held.signed.release
    hint = f"sign it anew: orch apply {host}"
    admission = begun.admission(host)
    if release.epoch != begun.policy.epoch(release.scope):
        raise RolledBack(f"release {past.named(held.signed)} is of an epoch that a policy has closed", hint=hint)
    if (held.document.curve, held.document.scope) != (admission.curve, admission.scope):
        raise UsageError("its newest release is for another key, or for another scope than it is in now", hint=hint)
    if now > release.expires:
        hint = f"sign it anew: orch apply {host} --again"
        raise Expired(f"release {past.named(held.signed)} expired {now - release.expires} s ago", hint=hint)


def _contents(begun: Work, place: Place, document: Document) -> tuple[bytes, ...]:
    wanted = {item.sha256: f"list {item.name}" for item in document.lists}
    wanted |= {item.sha256: f"file {item.path}" for item in document.files if item.content is None}
    have = _blobs(begun, place)
    lacking = sorted(name for digest, name in wanted.items() if digest not in have)
    if lacking:
        hint = "take your files out of git as they were when it was signed, or apply them: orch apply"
        raise UsageError(f"your files no longer have, as it was signed: {', '.join(lacking[:6])}", hint=hint)
    return tuple(have[digest] for digest in sorted(wanted))


def _blobs(begun: Work, place: Place) -> Mapping[bytes, bytes]:
    try:
        return compiler.compile_host(begun.estate, place, admission=begun.admissions[place]).blobs
    except NotCompilable:
        return {}  # then whatever the document names is lacking, which is what is said


def read_results(path: Path) -> tuple[Results, tuple[bytes, ...]]:
    """Reports out of a host's file; whose they are, only their signatures say.

    Raises:
        UsageError: it cannot be read, is no such file, or not all of it is as it was written.
    """
    data = io.BytesIO(files.read(path, limit=_RESULTS))
    try:
        head, _bytes = stick.read_head(data, Results)
        return head, tuple(stick.read_contents(data, head.contents))
    except Malformed as err:
        raise UsageError(f"{path}: {err.text}", hint=err.hint) from err


def pages(reports: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """As many as go into one message."""
    return upload.batches(reports, size=_PAGE, most=ROWS)
