"""Signs documents as releases and gives them to the centre: one release a scope, numbers in pairs.

A release names exactly the hosts that are meant. Hosts that may remove more than their ceiling get a release of their
own, so that the word for one site is never a word for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orch.common import authoring
from orch.common.authoring import Authored, Draft
from orch.common.crypto import SigningKey, sha256
from orch.common.errors import NotAllowed
from orch.common.operations import Publish, ScopeAsked, ScopeHead
from orch.common.operations import Published as Taken
from orch.master.cli import upload
from orch.master.cli.line import Centre
from orch.master.cli.numbers import Numbers
from orch.master.cli.work import Work
from orch.master.estate.compiler import Compiled

REMOVALS = 10_000
"""Packages beyond its ceiling that a host may remove where --yes-remove named its site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """With which key, and what the person allowed."""

    key: SigningKey
    removing: frozenset[str]  # sites
    accepting: int = 0  # a number up to which releases are signed however far it is above the last
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published: the release that each host is to have."""

    wanted: dict[str, bytes]  # host to SHA-256 of the release's body
    names: tuple[str, ...]  # of the releases, for people


def behind(begun: Work, centre: Centre, compiled: Sequence[Compiled]) -> tuple[str, ...]:
    """For each scope of which the centre lacks releases that hosts hold or that this operator signed, what to say.

    A centre that came back from an older backup is so; then the same content is signed anew, above all of those.
    """
    told: list[str] = []
    for scope in sorted({item.document.scope for item in compiled}):
        head, epoch = centre.ask("scope.head", ScopeAsked(scope), ScopeHead), begun.policy.epoch(scope)
        signed = Numbers(begun.desk.keyring).last(scope, epoch=epoch)
        if not head.claimed and signed <= (head.number if head.epoch == epoch else 0):
            continue
        held = f"hosts hold {head.epoch}:{head.number}" if head.claimed else f"you signed {epoch}:{signed}"
        told.append(
            f"the centre lacks releases of {scope}: {held}, and it never had that or lost it (an older backup?)."
            f" No host goes back: the next release is {epoch}:{_next(begun, scope, head)}"
        )
    return tuple(told)


def publish(begun: Work, centre: Centre, compiled: Sequence[Compiled], *, signing: Signing) -> Published:
    """Upload, sign and publish.

    Raises:
        NotAllowed: the centre names a number far above what this operator knows, or a host could not open a secret;
            nothing is published then.
        Refused: the centre found that no host would accept it, e.g. as somebody else published in between.
    """
    for item in compiled:
        for secret in item.unsealed:
            raise NotAllowed(f"the secret {secret.secret} is not sealed to {item.place}", hint="orch secret reseal")
    output, numbers = begun.desk.output, Numbers(begun.desk.keyring)
    heads = _heads(begun, centre, compiled, accepted=signing.accepting)
    blobs = {digest: content for item in compiled for digest, content in item.blobs.items()}
    upload.contents(centre, blobs, output=output)
    wanted: dict[str, bytes] = {}
    names: list[str] = []
    for scope in heads:
        for more in (False, True):
            part = [
                item
                for item in compiled
                if item.document.scope == scope and (item.place.site in signing.removing) is more
            ]
            if not part:
                continue
            draft = _draft(begun, scope, heads[scope], removals=REMOVALS if more else 0, note=signing.note)
            authored = authoring.sign_release(draft, [item.data for item in part], keys=(signing.key,))
            numbers.keep(scope, epoch=draft.epoch, number=draft.number)
            taken = _give(centre, authored)
            heads[scope] = ScopeHead(draft.epoch, draft.number, authored.hash)
            names.append(f"{draft.epoch}:{draft.number} of {scope}")
            wanted.update((str(item.place), authored.hash) for item in part)
            output.note(
                output.sign(f"✓ release {names[-1]}")
                + f" signed for {taken.hosts} host{'' if taken.hosts == 1 else 's'}, sent to {taken.sent} of them"
            )
    return Published(wanted=wanted, names=tuple(names))


def _heads(begun: Work, centre: Centre, compiled: Sequence[Compiled], *, accepted: int) -> dict[str, ScopeHead]:
    """What is newest in each scope. All are looked at before the first is signed: it is published whole or not."""
    numbers = Numbers(begun.desk.keyring)
    heads: dict[str, ScopeHead] = {}
    for scope in sorted({item.document.scope for item in compiled}):
        head = heads[scope] = centre.ask("scope.head", ScopeAsked(scope), ScopeHead)
        epoch = begun.policy.epoch(scope)
        number = _next(begun, scope, head)
        numbers.check(scope, epoch=epoch, number=number, accepted=accepted)
    return heads


def _give(centre: Centre, authored: Authored) -> Taken:
    upload.documents(centre, authored.documents)
    hashes = tuple(sha256(content) for content in authored.documents)
    return centre.ask("release.put", Publish(release=authored.envelope, documents=hashes), Taken)


def _draft(begun: Work, scope: str, head: ScopeHead, *, removals: int, note: str) -> Draft:
    now = begun.desk.surroundings.clock.wall()
    epoch = begun.policy.epoch(scope)
    return Draft(
        estate=begun.estate.name,
        scope=scope,
        epoch=epoch,
        number=_next(begun, scope, head),
        previous=head.release if head.epoch == epoch else b"",
        created=now,
        expires=now + begun.estate.expires,
        removals=removals,
        note=note,
    )


def _next(begun: Work, scope: str, head: ScopeHead) -> int:
    """The next number: above all that the centre knows, and above all that this operator signed.

    A centre that came back from a backup may not know the newest, and the hosts that hold it may be away.
    """
    epoch = begun.policy.epoch(scope)
    signed = Numbers(begun.desk.keyring).last(scope, epoch=epoch)
    newest = max(signed, head.number if head.epoch == epoch else 0)
    return newest + 2 - newest % 2  # 2k is a step, 2k+1 would be its return
