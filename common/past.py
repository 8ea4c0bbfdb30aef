"""What was signed once, and by whom: releases of the past, judged for people who look back and never for a host.

Refuses to do: let anything of it be obeyed. A past document becomes a host's again only when an operator signs it anew
(`orch undo`), which is a release like any other.

Not checked here, as it says nothing about the past: expiry, grants, and whether the signer is still an operator. Who
takes something back asks for the epoch besides: a policy that closed one did so because releases of it cannot be
believed any more.

Called by the operator's tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orch.common import codec, document, merkle, trust
from orch.common.document import Document
from orch.common.errors import BadSignature, Malformed, Mislabelled
from orch.common.policy import Policy
from orch.common.release import Parcel, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A release of the past; `policy` is the newest version by which its signers were operators."""

    release: Release
    hash: bytes  # SHA-256 of its body
    people: tuple[str, ...]
    policy: int


def judge_signed(policies: Sequence[Policy], envelope: bytes) -> Signed:
    """Who signed a release, by any of the estate's policies.

    Args:
        policies: all of them, verified as a chain.
        envelope: the release as it was signed.

    Raises:
        Malformed: not a release.
        Mislabelled: of another type or estate.
        BadSignature: no operator of any of the policies signed it.
    """
    for policy in sorted(policies, key=lambda one: one.version, reverse=True):
        try:
            found = trust.endorsed(policy, envelope)
        except BadSignature:
            continue  # perhaps by an older one; if by none, the last line says so
        if found.release.estate != policy.estate:
            raise Mislabelled(f"a release of the estate {found.release.estate}; this is {policy.estate}")
        people = tuple(person.name for person in found.people)
        return Signed(release=found.release, hash=found.release_hash, people=people, policy=policy.version)
    raise BadSignature("no operator of any policy of this estate signed this release")


def judge_document(policies: Sequence[Policy], parcel: Parcel) -> tuple[Signed, Document]:
    """A document and the signed release that it belongs to.

    Raises:
        Malformed: not a release, not a document, or larger than documents are.
        Mislabelled: the document is not among those that were signed, or is of another estate or scope.
        BadSignature: no operator of any of the policies signed the release.
    """
    signed = judge_signed(policies, parcel.release)
    if len(parcel.document) > document.LIMIT:
        raise Malformed(f"a document of {len(parcel.document)} bytes where at most {document.LIMIT} are allowed")
    root = merkle.root_from(merkle.leaf(parcel.document), parcel.proof, signed.release.count)
    if root != signed.release.root:
        raise Mislabelled("the document is not among those that were signed with this release")
    found = codec.decode(Document, parcel.document, limit=document.LIMIT)
    if (found.estate, found.scope) != (signed.release.estate, signed.release.scope):
        raise Mislabelled(f"a document of {found.estate}, scope {found.scope}, in a release of another")
    return signed, found
