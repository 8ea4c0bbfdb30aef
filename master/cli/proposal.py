"""A policy that waits for root signatures: the file that goes from one holder of a root key to the next.

It holds the next policy's envelope, unsigned or partly signed, and nothing else: what it changes is always worked out
from the policy that the reader believes, never from the file. A signature in it that does not fit its content is a
reason to stop: somebody changed it after it was signed.

Called by the commands that change, sign and publish policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orch.common import armour, chain, codec, phrase
from orch.common.envelope import Envelope, key_id, open_envelope, signers
from orch.common.errors import BadSignature, Malformed, UsageError
from orch.common.policy import LIMIT, TYPE, KeySet, Policy
from orch.master.cli import files
from orch.master.cli.wording import mark

KIND = "PROPOSAL"
_LIMIT = 2 * LIMIT
_HINT = "have the file sent again, whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What shall follow `before`, and who has signed it."""

    before: Policy
    following: Policy
    envelope: bytes

    @property
    def opened(self) -> Envelope:
        """Type, body and signatures."""
        return open_envelope(self.envelope, type=TYPE, limit=LIMIT)

    @property
    def words(self) -> str:
        """Check words of exactly this content, whoever signed it."""
        return phrase.check_words(self.opened.body)

    @property
    def lacking(self) -> tuple[str, ...]:
        """Which threshold is not reached yet; empty where it can be published."""
        old, new = self.before, self.following
        told = [_lacking(self.opened, old.root, f"version {old.version}, which is in force")]
        if new.root != old.root:
            told.append(_lacking(self.opened, new.root, f"version {new.version} itself"))
        return tuple(item for item in told if item)

    @property
    def signed(self) -> tuple[bytes, ...]:
        """The root keys that signed."""
        return tuple(sorted(signers(self.opened, (*self.before.root.keys, *self.following.root.keys))))


def _lacking(opened: Envelope, keys: KeySet, whose: str) -> str:
    have = len(signers(opened, keys.keys))
    return "" if have >= keys.threshold else f"{have} of the {keys.threshold} root signatures that {whose} asks for"


def judged(before: Policy, envelope: bytes) -> Proposal:
    """A proposal that may be signed: it could follow, and no signature in it is false.

    Raises:
        Malformed: not a policy.
        Mislabelled, RolledBack, Equivocation: it could not follow (chain.py).
        BadSignature: it was signed with a key that is no root key, or changed after it was signed.
    """
    opened = open_envelope(envelope, type=TYPE, limit=LIMIT)
    # Decoded before anything is verified: it is looked at by people, who decide whether to sign it.
    following = codec.decode(Policy, opened.body, limit=LIMIT)
    if following != before:
        chain.check_follows(before, following)
    known = {key_id(key): key for key in (*before.root.keys, *following.root.keys)}
    good = {key_id(key) for key in signers(opened, known.values())}
    for item in opened.signatures:
        if item.key_id not in known:
            raise BadSignature(
                "it is signed with a key that is no root key of this estate", hint="ask who made it, and do not sign it"
            )
        if item.key_id not in good:
            raise BadSignature(
                f"it was changed after the root key {mark(known[item.key_id])} had signed it",
                hint="do not sign it; have whoever proposed it send it again, and compare the check words",
            )
    return Proposal(before=before, following=following, envelope=envelope)


def read(path: Path, before: Policy) -> Proposal:
    """The proposal of a file.

    Raises:
        UsageError: the file cannot be read, or holds none.
        Refused: as for `judged`.
    """
    text = files.read(path, limit=2 * _LIMIT).decode("utf-8", "replace")
    try:
        envelope = armour.read(KIND, text, limit=_LIMIT, hint=_HINT)
    except Malformed as err:
        raise UsageError(f"{path}: {err.text}", hint=err.hint) from err
    return judged(before, envelope)


def write(path: Path, made: Proposal, *, new: bool) -> None:
    """Write it for the next person.

    Raises:
        UsageError: it cannot be written, or, where it is to be new, something is there.
    """
    if new and path.exists():
        raise UsageError(f"{path} is there already: nothing was done", hint="name another file: --proposal FILE")
    following = made.following
    head = [
        f"orch proposal of policy {following.version} of the estate {following.estate}",
        f"check words: {made.words}",
        f"signed by: {', '.join(mark(key) for key in made.signed) or 'nobody yet'}",
        "",
        "Whoever holds a root key of the estate looks at it and signs it with: orch policy sign THIS_FILE",
        "",
    ]
    files.needs_folder(path)
    files.write(path, armour.write(KIND, made.envelope, head=head))
