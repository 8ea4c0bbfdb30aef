"""How a policy, an admission, a revocation and a reset come into force: the chain from the pinned root to a host.

Takes bytes and what is in force, returns what shall be in force, or raises. No I/O, no clock.

Refuses to do: skip a policy version, trust a policy because it lies on the disk (CVE-2020-15163: a root that had failed
verification was believed once stored), take a host's scope or ring from the host.

Invariants:
- the first policy is the one whose body's SHA-256 came by another way (install medium, enrolment file), and it also
  carries its own root threshold;
- version N+1 carries the root threshold of N and of N+1, names the same estate and lowers no scope's epoch;
- verify first, decode after. Two things must be decoded to find their keys, and say so where they are.

Called by a host's executor, the centre's intake and roster, and the operator's tool. Import it through trust.py,
but for `check_follows`, which no host needs.
"""

from __future__ import annotations

from orch.common import codec, identity, policy
from orch.common.authority import Place, commanders, demand, has_threshold
from orch.common.crypto import sha256
from orch.common.envelope import Envelope, open_envelope, signers
from orch.common.errors import BadSignature, Equivocation, Mislabelled, RolledBack
from orch.common.identity import Admission, IdentityRequest, Reset, Revocation
from orch.common.policy import Operator, Policy, Verb
from orch.common.standing import Floor


def take_policy(current: Policy | None, envelope: bytes, *, pinned: bytes | None = None) -> Policy:
    """The policy in force after this envelope: the next one, or `current` itself if it is the same one again.

    Args:
        current: what is in force; None for the first.
        envelope: the candidate.
        pinned: SHA-256 of the body of the first policy; not looked at once there is a current one.

    Raises:
        Malformed: not a policy, or larger than policies are.
        BadSignature: not the pinned one, or a root threshold is missing.
        Mislabelled: another type or estate, or not the next version.
        RolledBack: an older version, or one that lowers an epoch.
        Equivocation: the root signed two contents under one version.
    """
    opened = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT)
    return _first_policy(opened, pinned) if current is None else _next_policy(current, opened)


def _first_policy(opened: Envelope, pinned: bytes | None) -> Policy:
    if pinned is None or sha256(opened.body) != pinned:
        hint = "take the enrolment file of this estate, and compare its words"
        raise BadSignature("this is not the policy that was pinned", hint=hint)
    # Decoded before its signatures are checked, as its own keys must be read: the pin vouches for these bytes.
    # Any version may be the first: a medium pins the version of its day.
    first = codec.decode(Policy, opened.body, limit=policy.LIMIT)
    if not has_threshold(opened, first.root):
        raise BadSignature("the pinned policy lacks the root signatures that it asks for itself")
    return first


def _next_policy(current: Policy, opened: Envelope) -> Policy:
    if not has_threshold(opened, current.root):
        raise BadSignature(f"the policy lacks root signatures of version {current.version}, which is in force")
    following = codec.decode(Policy, opened.body, limit=policy.LIMIT)
    if following == current:
        return current
    check_follows(current, following)
    if not has_threshold(opened, following.root):
        raise BadSignature(f"the policy lacks the root signatures that its own version {following.version} asks for")
    return following


def check_follows(current: Policy, following: Policy) -> None:
    """Refuse what could not be the next policy, whoever signs it: for people who are asked to sign a proposal.

    Raises:
        Mislabelled: of another estate, or not the next version.
        RolledBack: an older version, or one that lowers an epoch.
        Equivocation: another content of the version in force.
    """
    if following.estate != current.estate:
        raise Mislabelled(f"a policy of the estate {following.estate}, not {current.estate}")
    if following.version < current.version:
        raise RolledBack(f"policy version {following.version} where {current.version} is in force")
    if following.version == current.version:
        raise Equivocation(f"the root signed two policies of version {current.version}")
    if following.version != current.version + 1:
        # Skipping one could skip the one that took away a stolen root key.
        hint = "send the versions between first"
        raise Mislabelled(f"policy version {following.version} cannot follow {current.version}", hint=hint)
    # `issued` is not compared: the order is that of versions, and a signer's clock must not lock the estate.
    for scope in {item.scope for item in (*current.epochs, *following.epochs)}:
        if following.epoch(scope) < current.epoch(scope):
            raise RolledBack(f"policy version {following.version} lowers the epoch of scope {scope}")


def check_identity_request(envelope: bytes, *, estate: str | None = None) -> IdentityRequest:
    """What a host asks, signed with the key it presents. It proves possession of `sign` and nothing else.

    That its `curve` is the connection's key is checked by the centre's hub (ZAP User-Id), and by people who compare
    words.

    Raises:
        Malformed: not a request.
        Mislabelled: another type, or another estate than `estate` where that is given.
        BadSignature: not signed with the key inside.
    """
    opened = open_envelope(envelope, type=identity.REQUEST_TYPE, limit=identity.LIMIT)
    # Decoded first, as the key stands inside; strict and at most 4 KiB.
    request = codec.decode(IdentityRequest, opened.body, limit=identity.LIMIT)
    if not signers(opened, (request.sign,)):
        raise BadSignature("the identity request is not signed with the key that it presents")
    if estate is not None and request.estate != estate:
        raise Mislabelled(f"a host of the estate {request.estate} asks at {estate}")
    return request


def take_admission(
    policy_: Policy, envelope: bytes, *, mine: IdentityRequest | None, current: Admission | None, now: int
) -> Admission:
    """The admission in force after this envelope: the new one, or `current` itself if it is the same one again.

    Args:
        policy_: the policy in force.
        envelope: the candidate.
        mine: what this host asked for; None at the centre, where the roster compares with the request it holds.
        current: the admission in force for this key, if any.
        now: trusted time, seconds since 1970.

    Raises:
        Malformed: not an admission.
        BadSignature: nobody known, or too few, signed.
        OutOfScope: the signers may not enrol there, or not where the host is now.
        Mislabelled: another type, estate, host or key.
        RolledBack: an older serial.
        Equivocation: two contents under one serial.
    """
    opened = open_envelope(envelope, type=identity.ADMISSION_TYPE, limit=identity.LIMIT)
    people = _enrollers(policy_, opened)
    admission = codec.decode(Admission, opened.body, limit=identity.LIMIT)
    _demand_enrol(policy_, people, Place(scope=admission.scope, ring=admission.ring), now)
    if admission.estate != policy_.estate:
        raise Mislabelled(f"an admission to the estate {admission.estate}, not {policy_.estate}")
    if mine is not None and _keys(admission) != _keys(mine):
        raise Mislabelled(f"the admission of {admission.host} names other keys than this host has")
    if current is None:
        return admission
    if admission.curve != current.curve:
        raise Mislabelled(f"the admission of {admission.host} is for another key than the one in force")
    if admission.serial < current.serial:
        raise RolledBack(f"admission {admission.serial} where {current.serial} is in force")
    if admission.serial == current.serial:
        if admission != current:
            raise Equivocation(f"two admissions with the serial {current.serial}")
        return current
    # Whoever may enrol in one scope only must not draw a host out of another and then command it.
    _demand_enrol(policy_, people, Place(scope=current.scope, ring=current.ring), now)
    return admission


def _keys(who: Admission | IdentityRequest) -> tuple[str, bytes, bytes, bytes]:
    return who.host, who.curve, who.sign, who.seal


def take_revocation(policy_: Policy, envelope: bytes, *, admission: Admission | None, now: int) -> Revocation:
    """A revocation that counts.

    Args:
        policy_: the policy in force.
        envelope: the revocation.
        admission: of the key that it names; where there is none, only somebody who may enrol everywhere may revoke.
        now: trusted time, seconds since 1970.

    Raises:
        Malformed: not a revocation.
        BadSignature: nobody known, or too few, signed.
        OutOfScope: the signers may not enrol there.
        Mislabelled: another type, estate, host or key.
    """
    opened = open_envelope(envelope, type=identity.REVOCATION_TYPE, limit=identity.LIMIT)
    people = _enrollers(policy_, opened)
    revocation = codec.decode(Revocation, opened.body, limit=identity.LIMIT)
    place = Place(scope="*", ring="*") if admission is None else Place(scope=admission.scope, ring=admission.ring)
    _demand_enrol(policy_, people, place, now)
    if revocation.estate != policy_.estate:
        raise Mislabelled(f"a revocation in the estate {revocation.estate}, not {policy_.estate}")
    if admission is not None and (revocation.host, revocation.curve) != (admission.host, admission.curve):
        raise Mislabelled(f"the revocation of {revocation.host} names another key than that host's")
    return revocation


def _enrollers(policy_: Policy, opened: Envelope) -> tuple[Operator, ...] | None:
    """Who signed; None where the policy's enrolment keys did, which may admit everywhere."""
    if policy_.enrolment is not None and has_threshold(opened, policy_.enrolment):
        return None
    return commanders(policy_, opened)


def _demand_enrol(policy_: Policy, people: tuple[Operator, ...] | None, place: Place, now: int) -> None:
    if people is not None:
        demand(policy_, people, Verb.ENROL, place=place, now=now)


def take_reset(policy_: Policy, envelope: bytes, *, me: Admission, nonce: bytes, now: int) -> Reset:
    """The way back from a lost floor: signed by the root *and* by an operator who may enrol this host.

    The nonce is the host's own and used once, so a reset needs no expiry.

    Raises:
        Malformed: not a reset.
        BadSignature: the root threshold or the operator is missing.
        OutOfScope: the operator may not enrol there.
        Mislabelled: another type, estate, host or question.
        RolledBack: it names an epoch other than the policy's.
    """
    opened = open_envelope(envelope, type=identity.RESET_TYPE, limit=identity.LIMIT)
    if not has_threshold(opened, policy_.root):
        raise BadSignature("the reset lacks root signatures")
    people = commanders(policy_, opened)
    reset = codec.decode(Reset, opened.body, limit=identity.LIMIT)
    demand(policy_, people, Verb.ENROL, place=Place(scope=me.scope, ring=me.ring), now=now)
    if (reset.estate, reset.curve, reset.nonce) != (me.estate, me.curve, nonce):
        raise Mislabelled("the reset is for another host, or for another question of this one")
    if reset.epoch != policy_.epoch(me.scope):
        raise RolledBack(f"the reset names epoch {reset.epoch} where the policy has {policy_.epoch(me.scope)}")
    return reset


def floor_after(reset: Reset, *, me: Admission, policy_: Policy, policy_hash: bytes) -> Floor:
    """The floor to write after a reset: nothing below its number, and that number itself once."""
    floor = Floor(scope=me.scope, epoch=reset.epoch, number=reset.number, signed_time=reset.issued)
    return floor.with_policy(policy_, policy_hash)


def refuse_stale_policy(policy_: Policy, policy_hash: bytes, floor: Floor) -> None:
    """Refuse to judge by a policy that the floor knows to be old: somebody put back a file.

    A newer one than the floor's is right: the policy is stored before the floor, and a power cut came between.

    Raises:
        RolledBack: the floor has seen a newer version.
        Equivocation: the floor has seen other bytes of this version.
    """
    if policy_.version < floor.policy_version:
        raise RolledBack(f"the stored policy is version {policy_.version}; {floor.policy_version} was in force")
    if policy_.version == floor.policy_version and policy_hash != floor.policy_hash:
        raise Equivocation(f"the stored policy of version {policy_.version} is not the one that was taken")
