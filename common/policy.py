"""The policy: who may do what in this estate. Signed by the root keys, checked by every host.

Version N+1 must carry the root threshold of N and of N+1 (trust.py `take_policy`); only single steps are taken.
A master holds no key that this page names for anything but proving freshness. (design section 3)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from orch.common.codec import Bytes32, Length, Line
from orch.common.names import Name, NameOrAll

TYPE = "orch/policy/1"
LIMIT = 64 * 1024


class Verb(Enum):
    """What an operator may be granted."""

    PLAN = "plan"  # ask hosts what they would do; login key
    PUBLISH = "publish"  # sign releases
    REMOVE = "remove"  # sign releases that remove more than the ceiling allows
    ENROL = "enrol"  # admit and revoke hosts
    RUN = "run"  # ad-hoc orders
    REBOOT = "reboot"
    SECRET = "secret"  # noqa: S105  a verb


@dataclass(frozen=True, slots=True)
class Grant:
    """Scopes x rings x verbs, and nothing else; `*` stands for every one."""

    scopes: Annotated[tuple[NameOrAll, ...], Length(1, 64)]
    rings: Annotated[tuple[NameOrAll, ...], Length(1, 64)]
    verbs: Annotated[tuple[Verb, ...], Length(1, 16)]

    def covers(self, verb: Verb, *, scope: str, ring: str) -> bool:
        """Whether this grant allows the verb on a host of that scope and ring."""
        return verb in self.verbs and _in(scope, self.scopes) and _in(ring, self.rings)


def _in(name: str, allowed: tuple[str, ...]) -> bool:
    return name in allowed or "*" in allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person (or a machine that publishes) and both of its keys."""

    name: Name
    login_curve: Bytes32  # X25519, for the connection
    login: Bytes32  # Ed25519, signs plan requests
    signing: Bytes32  # Ed25519, signs releases, orders, admissions
    grants: Annotated[tuple[Grant, ...], Length(0, 64)]
    not_after: int = 0  # seconds since 1970; 0: no end

    def may(self, verb: Verb, *, scope: str, ring: str, now: int) -> bool:
        """Whether any grant covers it and the person's time has not ended."""
        if self.not_after and now > self.not_after:
            return False
        return any(grant.covers(verb, scope=scope, ring=ring) for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many different people must sign a verb in a scope; one where nothing is said."""

    verb: Verb
    scope: NameOrAll
    signatures: int

    def __post_init__(self) -> None:
        """A threshold of nobody would let anything in unsigned."""
        if not 1 <= self.signatures <= 16:
            raise ValueError("a threshold is at least 1 and at most 16 signatures")


@dataclass(frozen=True, slots=True)
class KeySet:
    """Ed25519 keys of which `threshold` different ones must sign."""

    threshold: int
    keys: Annotated[tuple[Bytes32, ...], Length(0, 16)]

    def __post_init__(self) -> None:
        """A set that nobody or everybody could satisfy is refused at decode."""
        if not 1 <= self.threshold <= max(1, len(self.keys)):
            raise ValueError("a threshold must be between 1 and the number of keys")
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("a key is named twice")


@dataclass(frozen=True, slots=True)
class Centre:
    """Where the centre is and how it proves that it is the centre.

    `curve` holds the key in use and then the next ones: a host that is refused or not understood tries the next,
    so a lost centre can be replaced without a visit. `fresh` are the keys that may prove freshness.
    """

    addresses: Annotated[tuple[Line, ...], Length(1, 8)]  # tcp://name:port
    curve: Annotated[tuple[Bytes32, ...], Length(1, 4)]
    fresh: Annotated[tuple[Bytes32, ...], Length(1, 4)]


@dataclass(frozen=True, slots=True)
class ScopeEpoch:
    """A scope and its epoch; raising it starts the numbers anew after a key was lost."""

    scope: Name
    epoch: int

    def __post_init__(self) -> None:
        """Epochs start at 1: 0 stands for "none" in a floor."""
        if self.epoch < 1:
            raise ValueError("epochs start at 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the rules."""

    estate: Name
    version: int
    issued: int
    root: KeySet
    operators: Annotated[tuple[Operator, ...], Length(0, 256)]
    thresholds: Annotated[tuple[Threshold, ...], Length(0, 64)] = ()
    images: KeySet | None = None
    enrolment: KeySet | None = None
    centre: Centre
    epochs: Annotated[tuple[ScopeEpoch, ...], Length(0, 256)] = ()

    def __post_init__(self) -> None:
        """No operator and no key twice: a threshold counts people, not entries.

        A login key lies unencrypted and a freshness key lies at the centre: neither may also be a key that commands.
        """
        names = [operator.name for operator in self.operators]
        weak = [operator.login for operator in self.operators] + list(self.centre.fresh)
        strong = [operator.signing for operator in self.operators]
        if len(set(names)) != len(names) or len(set(weak)) != len(weak) or len(set(strong)) != len(strong):
            raise ValueError("an operator's name or a key stands there twice")
        sets = (self.root, self.images, self.enrolment)
        if set(weak) & {*strong, *(key for item in sets if item for key in item.keys)}:
            raise ValueError("a login or freshness key is also one that commands")
        if len({item.scope for item in self.epochs}) != len(self.epochs):
            raise ValueError("a scope's epoch stands there twice")
        if self.version < 1:
            raise ValueError("versions start at 1")

    def threshold(self, verb: Verb, scope: str) -> int:
        """Signatures that the verb needs in the scope: the strictest rule that fits."""
        fits = (item.signatures for item in self.thresholds if item.verb is verb and item.scope in ("*", scope))
        return max(fits, default=1)

    def epoch(self, scope: str) -> int:
        """The scope's epoch; 1 where nothing is said."""
        return next((item.epoch for item in self.epochs if item.scope == scope), 1)
