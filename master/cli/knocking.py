"""Keys as the centre lists them: what each asked for, its check words, and which one a person means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orch.common import codec, phrase, trust
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.errors import Malformed, Refused, UsageError
from orch.common.identity import ADMISSION_TYPE, LIMIT, REQUEST_TYPE, Admission, IdentityRequest
from orch.common.operations import KeyRow
from orch.master.cli.group import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A key and what is known of it."""

    row: KeyRow
    request: IdentityRequest | None
    words: str
    admission: Admission | None

    @property
    def host(self) -> str:
        """Its name: as admitted, else as it calls itself."""
        if self.admission is not None:
            return self.admission.host
        return self.request.host if self.request else "-"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the connection's key."""
        return sha256(self.row.curve).hex()


def read(row: KeyRow, *, estate: str) -> Knock:
    """What a row says; a request that is not in order is no request."""
    request, words = None, ""
    if row.request:
        try:
            request = trust.check_identity_request(row.request, estate=estate)
            words = words_of(row.request)
        except (Malformed, Refused):
            request = None
    admission = None
    if row.admission:
        body = open_envelope(row.admission, type=ADMISSION_TYPE, limit=LIMIT).body
        admission = codec.decode(Admission, body, limit=LIMIT)
    return Knock(row=row, request=request, words=words, admission=admission)


def words_of(request: bytes) -> str:
    """The check words of an identity request: of its body, which holds all of the host's keys and its name."""
    return phrase.check_words(open_envelope(request, type=REQUEST_TYPE, limit=LIMIT).body)


_ADMITTED, _REJECTED = "{host} is admitted already", "{host} was turned away already"
_REVOKED = "the key of {host} was revoked"
_ANEW = "a revoked key stays revoked: enrol the machine anew (orch-minion enrol), then accept its new key"
_OTHERWISE = {
    ("accept", "admitted"): (_ADMITTED, "see: orch status {host}"),
    ("accept", "revoked"): (_REVOKED, _ANEW),
    ("reject", "admitted"): (_ADMITTED, "to end its key: orch key revoke {host}"),
    ("reject", "rejected"): (_REJECTED, "to let it in after all: orch key accept {host}"),
    ("reject", "revoked"): (_REVOKED + " already", "nothing more is to be done: it gets no connection"),
    ("revoke", "pending"): ("{host} only asks, it was never admitted", "to turn it away: orch key reject {host}"),
    ("revoke", "rejected"): (_REJECTED + ", it was never admitted", "nothing more is to be done: see orch key list"),
    ("revoke", "revoked"): (_REVOKED + " already", _ANEW),
}
"""What a verb says of a key in a state for which it is not made: how the key stands, and the verb that is right."""


def refuse_state(text: str, knocks: Iterable[Knock], *, verb: str) -> None:
    """Say so where a person means a key for which this is not the verb.

    Raises:
        UsageError: with the key's state and the right verb.
    """
    for item in _called(text, knocks):
        if (verb, item.row.state) in _OTHERWISE:
            said, hint = _OTHERWISE[verb, item.row.state]
            raise UsageError(said.format(host=item.host), hint=hint.format(host=item.host))


def _called(text: str, knocks: Iterable[Knock]) -> list[Knock]:
    known = list(knocks)
    wanted = " ".join(text.lower().split())
    found = [item for item in known if wanted in (item.host, item.words)]
    if not found:
        found = [item for item in known if wanted == item.host.rpartition("/")[2]]
    if not found and len(wanted) >= 6:
        found = [item for item in known if item.fingerprint.startswith(wanted)]
    return found


def meant(text: str, knocks: Iterable[Knock], *, verb: str, states: tuple[str, ...]) -> Knock:
    """The one key that a host's name, check words or the beginning of a fingerprint means.

    Args:
        text: what the person wrote.
        knocks: every key that the centre knows.
        verb: what is to be done: accept, reject.
        states: in which states of a key that can be done.

    Raises:
        UsageError: none or several, or one in another state; says which was probably meant, or the right verb.
    """
    every = list(knocks)
    known = [item for item in every if item.row.state in states]
    found = _called(text, known)
    if len(found) == 1:
        return found[0]
    if found:
        marks = ", ".join(item.fingerprint[:12] for item in found)
        raise UsageError(f"{len(found)} keys ask as {text!r}", hint=f"name one by its fingerprint: {marks}")
    refuse_state(text, every, verb=verb)
    near = did_you_mean(text, [item.host for item in known])
    raise UsageError(f"no key is meant by {text!r}{near}", hint="see who asks: orch key list --pending")
