"""Who may read a secret, who can, and who could: worked out from the policy, the admissions and the copies. Pure.

An operator may who is granted `secret` at a host that holds it; of one that no host uses, whoever is granted `secret`
in every scope. A root key may where one alone signs policies: its holder could grant himself everything, so that gives
nothing away, and it is what recovers the secrets of a lost operator (decision 0021).

Called by the secret commands, lint and doctor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orch.common.identity import Admission
from orch.common.names import Place
from orch.common.policy import Operator, Policy, Verb
from orch.master.estate.sealed_file import ROOT, HostCopy, ReaderCopy, SealedSecret
from orch.master.estate.uses import Use


@dataclass(frozen=True, slots=True, order=True)
class Former:
    """Somebody who could read the value, and must not be able to any more."""

    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What readers are judged by."""

    policy: Policy
    admissions: Mapping[Place, Admission]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One secret, and everybody."""

    secret: SealedSecret
    uses: tuple[Use, ...]
    readers: tuple[str, ...]  # operators who may and can
    roots: int  # root keys that can, where one alone signs policies
    lacking: tuple[str, ...]  # operators who may and cannot yet
    sealed: tuple[Use, ...]
    unsealed: tuple[Use, ...]  # the host's key is known, and nobody has sealed it yet: the next apply does
    unknown: tuple[Use, ...]  # nobody has admitted the host
    former: tuple[Former, ...]  # operators, keys and hosts

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that can read it, each once."""
        return tuple(dict.fromkeys(str(use.place) for use in self.sealed))


def entitled(uses: tuple[Use, ...], known: Known) -> tuple[Operator, ...]:
    """The operators who may read it."""
    return tuple(person for person in known.policy.operators if _may(person, uses, known.now))


def _may(person: Operator, uses: tuple[Use, ...], now: int) -> bool:
    if not uses:
        everywhere = any(Verb.SECRET in grant.verbs and "*" in grant.scopes for grant in person.grants)
        return everywhere and not (person.not_after and now > person.not_after)
    return any(person.may(Verb.SECRET, scope=use.scope, ring=use.ring, now=now) for use in uses)


def root_keys(policy: Policy) -> tuple[bytes, ...]:
    """The root keys that may read."""
    return policy.root.keys if policy.root.threshold == 1 else ()


def standing(secret: SealedSecret, uses: tuple[Use, ...], known: Known) -> Standing:
    """How it stands with a secret."""
    may = {person.name: person for person in entitled(uses, known)}
    can = {(copy.name, copy.key) for copy in secret.readers}
    roots = root_keys(known.policy)
    admitted = [use for use in uses if use.place in known.admissions]
    sealed = {use: bool(copy_of(secret, use, known.admissions[use.place])) for use in admitted}
    return Standing(
        secret=secret,
        uses=uses,
        readers=tuple(name for name, person in may.items() if (name, person.signing) in can),
        roots=sum((ROOT, key) in can for key in roots),
        lacking=tuple(name for name, person in may.items() if (name, person.signing) not in can),
        sealed=tuple(use for use, there in sealed.items() if there),
        unsealed=tuple(use for use, there in sealed.items() if not there),
        unknown=tuple(use for use in uses if use.place not in known.admissions),
        former=tuple(sorted({*_former_readers(secret, may, known), *_former_hosts(secret, uses, known)})),
    )


def copy_of(secret: SealedSecret, use: Use, admission: Admission) -> bytes:
    """The copy for a place; empty where there is none."""
    return secret.copy_for(str(use.place), use.path, scope=use.scope, key=admission.seal)


def _former_readers(secret: SealedSecret, may: Mapping[str, Operator], known: Known) -> Iterator[Former]:
    people = {person.name for person in known.policy.operators}
    for copy in secret.readers:
        if copy.name == ROOT:
            yield from _former_root(copy, known.policy)
        elif copy.name not in people:
            yield Former(copy.name, "no operator any more")
        elif copy.name not in may:
            yield Former(copy.name, "not granted secret where it is used")


def _former_root(copy: ReaderCopy, policy: Policy) -> Iterator[Former]:
    if copy.key not in policy.root.keys:
        yield Former(f"root key {copy.key.hex()[:12]}", "no root key any more")
    elif policy.root.threshold > 1:
        yield Former(f"root key {copy.key.hex()[:12]}", "does not sign policies alone any more")


def _former_hosts(secret: SealedSecret, uses: tuple[Use, ...], known: Known) -> Iterator[Former]:
    using = {str(use.place) for use in uses}
    keys = {str(place): admission.seal for place, admission in known.admissions.items()}
    for copy in secret.hosts:
        if keys.get(copy.host) != copy.key:
            yield Former(copy.host, _gone(copy, keys))
        elif copy.host not in using:
            yield Former(copy.host, "does not use it any more")


def _gone(copy: HostCopy, keys: Mapping[str, bytes]) -> str:
    return "an earlier key of it" if copy.host in keys else "its key does not count any more"
