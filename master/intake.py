"""What comes in signed: checked here before anything of it is kept. Bytes and what is in force in, a verdict out.

A connection is never an authority: that a login key may ask is the desk's check, that a signature counts is made here,
and every host checks all of it again. What no host could accept is refused while a person is there to read why.

Refuses to do: any I/O. Presence of contents is the caller's to check (`Taken.contents`), keeping is the store's.

Invariants:
- a release comes in whole: every leaf is a document of an admitted host of its scope, and they make the signed root;
- its number is above the scope's head, and it names the head as the one before it, so that two operators who publish
  at once cannot overtake one another unseen;
- one name, one key: a second key for a host's name needs the first to be revoked.

`take_release` and `take_question` may take seconds for thousands of hosts: they run on a worker, on a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orch.common import codec, document, trust
from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.errors import Equivocation, Malformed, Mislabelled, RolledBack
from orch.common.identity import Admission, IdentityRequest
from orch.common.merkle import Tree, leaf
from orch.common.order import PlanRequest
from orch.common.policy import Policy
from orch.common.release import Parcel, Release
from orch.common.trust import Floor, Standing
from orch.master.records import Placed, Publication, ScopeRecord
from orch.master.rsyncview import contents_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is in force while one thing is judged."""

    policy: Policy
    policy_hash: bytes
    admissions: Mapping[bytes, Admission]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The scope's newest release as taken in here, and as hosts claim it where that is newer."""

    stored: ScopeRecord
    claimed: ScopeRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A release that may be kept, and what each of its hosts gets, in leaf order."""

    release: Release
    publication: Publication
    parcels: tuple[Parcel, ...]
    again: bool = False  # it was taken before, byte for byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One host's part of a plan request."""

    admission: Admission
    document: Document
    parcel: Parcel  # `release` is the request's envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A plan request that hosts would answer."""

    request: PlanRequest
    asked: tuple[Asked, ...]
    contents: frozenset[bytes]


def take_request(envelope: bytes, *, curve: bytes, policy: Policy) -> IdentityRequest:
    """A stranger's request to be let in, for the list that operators see.

    Raises:
        Malformed: not a request.
        BadSignature: not signed with the key that it presents.
        Mislabelled: another estate, or for another key than the connection's.
    """
    request = trust.check_identity_request(envelope, estate=policy.estate)
    if request.curve != curve:
        raise Mislabelled(f"{request.host} asks for another key than it connects with")
    return request


Find = Callable[[Admission], tuple[Admission | None, Admission | None]]
"""For an admission, the one in force for its key, and the one in force for its host's name."""


def take_admission(snapshot: Snapshot, envelope: bytes, find: Find) -> Admission:
    """An admission to keep.

    Raises:
        Mislabelled: the name belongs to another key.
        Refused: as trust.take_admission.
    """
    # Verified on its own first: what is in force for the key can be looked up only once the key can be believed.
    found = trust.take_admission(snapshot.policy, envelope, mine=None, current=None, now=snapshot.now)
    current, namesake = find(found)
    admission = trust.take_admission(snapshot.policy, envelope, mine=None, current=current, now=snapshot.now)
    if namesake is not None and namesake.curve != admission.curve:
        hint = f"revoke the old key first: orch key revoke {admission.host}"
        raise Mislabelled(f"{admission.host} is admitted with another key", hint=hint)
    return admission


def take_release(
    snapshot: Snapshot, envelope: bytes, documents: Sequence[bytes], *, heads: Heads, held: bool = False
) -> Taken:
    """A release to keep and to publish.

    Args:
        snapshot: what is in force.
        envelope: the release as signed.
        documents: the exact bytes of its leaves, in order.
        heads: of its scope (`scope_of`).
        held: it is a return that was signed together with its step: `heads.stored` is that step.

    Raises:
        Malformed: a document that is none.
        Refused: what every host, or one of those that it names, would refuse; or the number is not above the head.
    """
    release = trust.judge_author(snapshot.policy, envelope, now=snapshot.now)
    found = trust.endorsed(snapshot.policy, envelope)
    again = _check_order(release, found.release_hash, heads, held=held)
    tree = _tree(documents, root=release.root, count=release.count)
    parcels, placed, contents = [], [], set[bytes]()
    for index, content in enumerate(documents):
        parcel = Parcel(envelope, content, tree.proof(index))
        me = _whose(snapshot, content)
        contents |= contents_of(trust.judge_host(snapshot.policy, found, me, parcel=parcel, now=snapshot.now))
        parcels.append(parcel)
        placed.append(Placed(curve=me.curve, document=sha256(content), leaf=leaf(content)))
    if len({item.curve for item in placed}) != len(placed):
        raise Mislabelled("the release names a host twice")
    publication = Publication(
        scope=release.scope,
        epoch=release.epoch,
        number=release.number,
        hash=found.release_hash,
        envelope=envelope,
        held=held,
        received=snapshot.now,
        placed=tuple(placed),
        contents=frozenset(contents),
    )
    return Taken(release=release, publication=publication, parcels=tuple(parcels), again=again)


def scope_of(policy: Policy, envelope: bytes) -> str:
    """The scope of a release that somebody known signed.

    Raises:
        Refused: as trust.endorsed.
    """
    return trust.endorsed(policy, envelope).release.scope


def take_question(snapshot: Snapshot, envelope: bytes, documents: Sequence[bytes]) -> Question:
    """A plan request to pass on to the hosts that it names.

    Raises:
        Malformed: a document that is none.
        Refused: what one of those hosts would refuse.
    """
    if not documents:
        raise Malformed("a plan request names at least one host")
    tree = Tree([leaf(content) for content in documents])
    asked: list[Asked] = []
    request: PlanRequest | None = None
    for index, content in enumerate(documents):
        me = _whose(snapshot, content)
        standing = Standing(policy=snapshot.policy, policy_hash=snapshot.policy_hash, me=me, floor=Floor())
        proof = tree.proof(index)
        request, found = trust.judge_plan_request(standing, envelope, document=content, proof=proof, now=snapshot.now)
        asked.append(Asked(admission=me, document=found, parcel=Parcel(envelope, content, proof)))
    if (
        request is None
        or request.count != len(documents)
        or len({item.admission.curve for item in asked}) != len(asked)
    ):
        raise Mislabelled("the plan request is for other hosts than these documents")
    contents = frozenset(name for item in asked for name in contents_of(item.document))
    return Question(request=request, asked=tuple(asked), contents=contents)


def _check_order(release: Release, name: bytes, heads: Heads, *, held: bool) -> bool:
    stored = heads.stored
    place, top = (release.epoch, release.number), (stored.epoch, stored.number)
    if held:
        if release.returns != stored.release or place != (top[0], top[1] + 1):
            raise Mislabelled("the return does not belong to the step that it came with")
        return False
    if place == top:
        if name != stored.release:
            raise Equivocation(f"release {release.number} of scope {release.scope} exists already with other content")
        return True
    if place < top:
        hint = "somebody published in between: look at it, then orch apply again"
        raise RolledBack(f"release {release.number} where {stored.number} is the newest of {release.scope}", hint=hint)
    if stored.number and release.epoch == stored.epoch:
        known = {stored.release, heads.claimed.release}
        if release.previous not in known:
            hint = "somebody published in between: look at it, then orch apply again"
            raise RolledBack(f"release {release.number} does not follow {stored.number}", hint=hint)
    return False


def _tree(documents: Sequence[bytes], *, root: bytes, count: int) -> Tree:
    if len(documents) != count:
        raise Mislabelled(f"{len(documents)} documents for a release of {count}")
    tree = Tree([leaf(content) for content in documents])
    if tree.root != root:
        raise Mislabelled("these are not the documents that were signed")
    return tree


def _whose(snapshot: Snapshot, content: bytes) -> Admission:
    found = codec.decode(Document, content, limit=document.LIMIT)
    me = snapshot.admissions.get(found.curve)
    if me is None:
        hint = f"orch key list; orch key accept {found.host}"
        raise Mislabelled(f"{found.host} is not admitted with the key that its document names", hint=hint)
    return me
