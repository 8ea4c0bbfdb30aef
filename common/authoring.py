"""What people sign: policies, admissions, releases, orders and requests to plan.

Importable by the operator's tool alone (setup.cfg keeps it so): a daemon that cannot author cannot be made to.

Refuses to do: choose numbers, keys or times; sign what a host would not be able to read; sign a release that names a
host twice, which would let the centre choose between two documents of one release.

Every maker takes the keys that sign now; `cosign` adds a second person's, who has looked at the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from orch.common import codec, document, identity, order, policy, release
from orch.common.crypto import SigningKey, sha256
from orch.common.document import Document
from orch.common.envelope import add_signature, open_envelope, seal
from orch.common.errors import Malformed
from orch.common.identity import Admission, Reset, Revocation
from orch.common.merkle import Proof, Tree, leaf
from orch.common.order import Order, PlanRequest
from orch.common.policy import Policy
from orch.common.release import Go, Parcel, Release

S = TypeVar("S", Policy, Admission, Revocation, Reset, Release, Go, Order, PlanRequest)
Keys = Sequence[SigningKey]

COSIGNED = {
    policy.TYPE: policy.LIMIT,
    identity.ADMISSION_TYPE: identity.LIMIT,
    identity.REVOCATION_TYPE: identity.LIMIT,
    identity.RESET_TYPE: identity.LIMIT,
    release.TYPE: release.LIMIT,
    release.GO_TYPE: release.LIMIT,
    order.ORDER_TYPE: order.LIMIT,
}
"""What may need several people, and how large it can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A release before its documents are counted; the fields are `Release`'s."""

    estate: str
    scope: str
    epoch: int
    number: int
    previous: bytes = b""
    returns: bytes = b""
    created: int
    expires: int
    removals: int = 0
    needs_go: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A plan request before its documents are counted; the fields are `PlanRequest`'s."""

    estate: str
    scope: str
    id: bytes
    issued: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authored:
    """A signed set of documents, and what each host needs of it."""

    envelope: bytes
    hash: bytes  # SHA-256 of the body: what the next release calls `previous`, and a return calls `returns`
    documents: tuple[bytes, ...]
    proofs: tuple[Proof, ...]  # in the order of the documents

    def parcel(self, index: int) -> Parcel:
        """What the host of that document gets."""
        return Parcel(self.envelope, self.documents[index], self.proofs[index])


def sign_release(draft: Draft, documents: Sequence[bytes], *, keys: Keys) -> Authored:
    """Sign documents as one release.

    Args:
        draft: everything but root and count.
        documents: the exact bytes of each host's document, each host once.
        keys: of those who sign now.

    Raises:
        Malformed: something in it would be refused by every host.
    """
    tree = _tree(documents, estate=draft.estate, scope=draft.scope)
    body = _written(_made(Release, draft, tree, documents), release.LIMIT)
    return _authored(release.TYPE, body, keys=keys, documents=documents, tree=tree)


def sign_plan_request(question: Question, documents: Sequence[bytes], *, keys: Keys) -> Authored:
    """Sign candidate documents as a request to plan; `keys` are login keys.

    Raises:
        Malformed: something in it would be refused by every host.
    """
    tree = _tree(documents, estate=question.estate, scope=question.scope)
    body = _written(_made(PlanRequest, question, tree, documents), order.LIMIT)
    return _authored(order.PLAN_TYPE, body, keys=keys, documents=documents, tree=tree)


def sign_policy(made: Policy, *, keys: Keys) -> bytes:
    """The envelope of a policy; `keys` are root keys, of the version before too.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(policy.TYPE, _written(made, policy.LIMIT), keys)


def sign_admission(made: Admission, *, keys: Keys) -> bytes:
    """The envelope of an admission; `keys` are signing keys of operators with `enrol`, or enrolment keys.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(identity.ADMISSION_TYPE, _written(made, identity.LIMIT), keys)


def sign_revocation(made: Revocation, *, keys: Keys) -> bytes:
    """The envelope of a revocation; keys as for an admission.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(identity.REVOCATION_TYPE, _written(made, identity.LIMIT), keys)


def sign_reset(made: Reset, *, keys: Keys) -> bytes:
    """The envelope of a reset; `keys` are root keys and an operator's signing key.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(identity.RESET_TYPE, _written(made, identity.LIMIT), keys)


def sign_go(made: Go, *, keys: Keys) -> bytes:
    """The envelope of a go; `keys` are signing keys.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(release.GO_TYPE, _written(made, release.LIMIT), keys)


def sign_order(made: Order, *, keys: Keys) -> bytes:
    """The envelope of an order; `keys` are signing keys.

    Raises:
        Malformed: something in it would not be readable.
    """
    return seal(order.ORDER_TYPE, _written(made, order.LIMIT), keys)


def cosign(envelope: bytes, *, type: str, key: SigningKey) -> bytes:  # noqa: A002  the envelope's own word
    """The same statement with one more person's signature.

    Args:
        envelope: what somebody else signed; the caller has shown its content to the person.
        type: what the person believes it to be.
        key: the person's.

    Raises:
        Malformed: not an envelope, or of a type that nobody signs together.
        Mislabelled: it is something else than the person believes.
    """
    if type not in COSIGNED:
        raise Malformed(f"nothing of the type {type!r} is signed by several people")
    open_envelope(envelope, type=type, limit=COSIGNED[type])
    return add_signature(envelope, key)


def _tree(documents: Sequence[bytes], *, estate: str, scope: str) -> Tree:
    if not documents:
        raise Malformed("a release needs a document")
    hosts: set[str] = set()
    curves: set[bytes] = set()
    for content in documents:
        found = codec.decode(Document, content, limit=document.LIMIT)
        if (found.estate, found.scope) != (estate, scope):
            raise Malformed(f"the document of {found.host} is for the scope {found.scope} of {found.estate}")
        if found.host in hosts or found.curve in curves:
            raise Malformed(f"{found.host}, or its key, has two documents in one release")
        hosts.add(found.host)
        curves.add(found.curve)
    return Tree([leaf(content) for content in documents])


def _made(cls: type[S], draft: Draft | Question, tree: Tree, documents: Sequence[bytes]) -> S:
    # By way of the codec, so that what is not allowed is refused in the reader's words.
    fields = {name: getattr(draft, name) for name in codec.field_names(type(draft))}
    body = codec.encode({**fields, "root": tree.root, "count": len(documents)})
    return codec.decode(cls, body, limit=order.LIMIT)


def _written(value: S, limit: int) -> bytes:
    """The body, which the reader's own rules have passed: what is signed can be read."""
    body = codec.encode(value)
    codec.decode(type(value), body, limit=limit)
    return body


def _authored(type_: str, body: bytes, *, keys: Keys, documents: Sequence[bytes], tree: Tree) -> Authored:
    return Authored(
        envelope=seal(type_, body, keys),
        hash=sha256(body),
        documents=tuple(documents),
        proofs=tuple(tree.proof(index) for index in range(len(documents))),
    )
