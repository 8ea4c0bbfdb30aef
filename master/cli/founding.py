"""The keys and the policy of a new estate, and of one whose operator or centre was lost. No files, no clock.

What follows from the recovery seed (crypto.derive), and therefore can be had again by whoever holds it:

- a root key (label `root`), so that it can sign the next policy alone;
- the centre's next connection keys (labels `centre-curve-1`, `-2`, ...). Every policy names the key in use and the next
  two, so hosts recognise a new centre at the old address without a visit, even those that missed one recovery.

Which of them is in use is found by trying: the policy itself says it, and there is no counter to lose.

Called by init.py and recover.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from orch.common import authoring
from orch.common.crypto import CurveKey, SigningKey, derive, sha256
from orch.common.envelope import open_envelope
from orch.common.errors import NotAllowed
from orch.common.keyfile import CentreKey, LoginKey, OperatorPart, RecoveryKey
from orch.common.policy import LIMIT, TYPE, Centre, Grant, KeySet, Operator, Policy, ScopeEpoch, Verb

AHEAD = 2
"""Connection keys of later centres that a policy names beside the one in use."""

EVERYTHING = (Grant(scopes=("*",), rings=("*",), verbs=tuple(Verb)),)
"""What the first operator is granted."""

_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line said."""

    estate: str
    operator: str
    addresses: tuple[str, ...]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The keys of one person."""

    login: LoginKey
    signing: SigningKey
    part: OperatorPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """All that has to be written down: the signed policy, and the secrets for four places."""

    policy: Policy
    envelope: bytes
    own: Own
    root: SigningKey
    recovery: RecoveryKey
    centre: CentreKey

    @property
    def policy_hash(self) -> bytes:
        """SHA-256 of the policy's body: the pin of a first policy."""
        return sha256(open_envelope(self.envelope, type=TYPE, limit=LIMIT).body)


def found(wanted: Wanted, *, seed: bytes) -> Founded:
    """A new estate of one operator.

    Args:
        wanted: name, operator, addresses, time.
        seed: 32 unpredictable bytes, the recovery key.
    """
    recovery = RecoveryKey(estate=wanted.estate, seed=seed)
    curve, fresh, root = CurveKey.generate(), SigningKey.generate(), SigningKey.generate()
    own = own_keys(wanted.estate, wanted.operator)
    policy = Policy(
        estate=wanted.estate,
        version=1,
        issued=wanted.now,
        root=KeySet(1, (root.public, recovery_root(recovery).public)),
        operators=(operator_of(own.part, EVERYTHING),),
        centre=Centre(
            addresses=wanted.addresses,
            curve=(curve.public, *(_next_curve(recovery, number).public for number in range(1, AHEAD + 1))),
            fresh=(fresh.public,),
        ),
    )
    return Founded(
        policy=policy,
        envelope=authoring.sign_policy(policy, keys=(root,)),
        own=own,
        root=root,
        recovery=recovery,
        centre=CentreKey(estate=wanted.estate, curve=curve.secret, fresh=fresh.seed),
    )


def recover(old: Policy, recovery: RecoveryKey, *, wanted: Wanted, scopes: Iterable[str]) -> Founded:
    """The next policy, signed by the recovery key: one new operator, a new centre, all epochs raised.

    All operators of the old policy are dropped: which of their keys are in whose hands is not known now.

    Raises:
        NotAllowed: the key is of another estate, was dropped, or is not enough here.
    """
    key = recovery_root(recovery)
    _check_enough(old, recovery, key)
    number = _number_of_next(old, recovery)
    curve, fresh, root = _next_curve(recovery, number), SigningKey.generate(), SigningKey.generate()
    own = own_keys(wanted.estate, wanted.operator)
    known = sorted({*scopes, *(item.scope for item in old.epochs)})
    policy = replace(
        old,
        version=old.version + 1,
        issued=max(wanted.now, old.issued),
        root=KeySet(1, (root.public, key.public)),
        operators=(operator_of(own.part, EVERYTHING),),
        enrolment=None,
        centre=Centre(
            addresses=wanted.addresses or old.centre.addresses,
            curve=tuple(_next_curve(recovery, number + later).public for later in range(AHEAD + 1)),
            fresh=(fresh.public,),
        ),
        epochs=tuple(ScopeEpoch(scope, old.epoch(scope) + 1) for scope in known),
    )
    return Founded(
        policy=policy,
        envelope=authoring.sign_policy(policy, keys=(key,)),
        own=own,
        root=root,
        recovery=recovery,
        centre=CentreKey(estate=old.estate, curve=curve.secret, fresh=fresh.seed),
    )


def recovery_root(recovery: RecoveryKey) -> SigningKey:
    """The root key that follows from the recovery key."""
    return SigningKey.from_seed(derive(recovery.seed, "root"))


def _next_curve(recovery: RecoveryKey, number: int) -> CurveKey:
    return CurveKey.from_secret(derive(recovery.seed, f"centre-curve-{number}"))


def _number_of_next(old: Policy, recovery: RecoveryKey) -> int:
    """Which of the derived keys is the one after the key in use."""
    for number in range(1, _MOST):
        if _next_curve(recovery, number).public in old.centre.curve[1:]:
            return number
    raise NotAllowed("the policy names no key of a next centre that follows from this recovery key")


def _check_enough(old: Policy, recovery: RecoveryKey, key: SigningKey) -> None:
    if recovery.estate != old.estate:
        raise NotAllowed(f"this is the recovery key of the estate {recovery.estate}; the files here are {old.estate}")
    if key.public not in old.root.keys:
        raise NotAllowed("the policy in force does not name this recovery key")
    if old.root.threshold > 1:
        raise NotAllowed(f"a policy of this estate needs {old.root.threshold} root keys; the recovery key is one")


def own_keys(estate: str, operator: str) -> Own:
    """New keys of somebody who is, or asks to be, an operator."""
    curve, login, signing = CurveKey.generate(), SigningKey.generate(), SigningKey.generate()
    kept = LoginKey(estate=estate, operator=operator, curve=curve.secret, sign=login.seed)
    part = OperatorPart(
        estate=estate, operator=operator, connection=curve.public, login=login.public, signing=signing.public
    )
    return Own(login=kept, signing=signing, part=part)


def operator_of(part: OperatorPart, grants: tuple[Grant, ...], *, not_after: int = 0) -> Operator:
    """What a policy says of somebody with these keys."""
    return Operator(
        name=part.operator,
        login_curve=part.connection,
        login=part.login,
        signing=part.signing,
        grants=grants,
        not_after=not_after,
    )
