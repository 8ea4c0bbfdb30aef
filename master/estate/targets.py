"""Which hosts a target names, in this estate. The grammar is in expression.py.

Refuses a name that is not there, instead of choosing nobody: a target with a typing error must not be a target.
`state:`, `fact:` and `svc:` need the centre's answers; without a resolver they are refused with a word about it.

Invariants: pure; hosts come back once, ordered by site and name; `not A` and `A` together are all hosts.

Called by the command line for every TARGET, and by reader.py for groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from orch.common.names import Place
from orch.master.estate import expression, quantity
from orch.master.estate.diagnostics import suggest
from orch.master.estate.expression import (
    Atom,
    Both,
    Compare,
    Either,
    Everything,
    Expression,
    Member,
    Named,
    Not,
    NotThere,
    Question,
    Relation,
    Source,
    TargetError,
)
from orch.master.estate.model import OWN_WORDS, Estate, Site

Places = frozenset[Place]


class Resolver(Protocol):
    """Whoever knows the hosts' live data."""

    def holds(self, place: Place, question: Question) -> bool:
        """Whether the answer is yes for this host."""


def select(estate: Estate, target: str, resolver: Resolver | None = None) -> tuple[Place, ...]:
    """The hosts that a target names.

    Args:
        estate: where to look.
        target: as a person writes it.
        resolver: answers `state:`, `fact:` and `svc:`; without one they are refused.

    Raises:
        TargetError: not understood, or it names what is not there.
    """
    known = Known(estate.sites, {name: group.members for name, group in estate.groups.items()}, estate.ring_order)
    return tuple(sorted(Selection(target, known, resolver).of(expression.parse(target))))


@dataclass(frozen=True, slots=True)
class Known:
    """What names may stand for."""

    sites: Mapping[str, Site]
    groups: Mapping[str, Places]
    rings: tuple[str, ...]


class Selection:
    """One target at work."""

    def __init__(self, target: str, known: Known, resolver: Resolver | None = None) -> None:
        """Keep the target's text for its errors."""
        self.target, self.known, self.resolver = target, known, resolver

    def of(self, wanted: Expression) -> Places:
        """The hosts that an expression names.

        Raises:
            TargetError: it names what is not there.
        """
        match wanted:
            case Not():
                return self._all() - self.of(wanted.inner)
            case Both():
                return frozenset.intersection(*(self.of(part) for part in wanted.parts))
            case Either():
                return frozenset.union(*(self.of(part) for part in wanted.parts))
            case _:
                return self._atom(wanted)

    def _atom(self, wanted: Atom) -> Places:
        match wanted:
            case Everything():
                return self._all()
            case Named():
                return self._named(wanted)
            case Member():
                return self._members(wanted)
            case Compare():
                return self._compared(wanted)
            case Question():
                return self._asked(wanted)
        assert_never(wanted)

    def _all(self) -> Places:
        return frozenset(_places(self.known.sites.values()))

    def _named(self, wanted: Named) -> Places:
        site = self.known.sites.get(wanted.site)
        if site is None:
            hint = self._near_host(wanted.site) or suggest(wanted.site, self.known.sites)
            raise NotThere(f'there is no site "{wanted.site}"', self.target, wanted.span, hint=hint)
        if wanted.host is None:
            return frozenset(_places([site]))
        if wanted.host not in site.hosts:
            hint = suggest(wanted.host, site.hosts)
            problem = f'the site "{wanted.site}" has no host "{wanted.host}"'
            raise NotThere(problem, self.target, wanted.span, hint=hint)
        return frozenset([Place(wanted.site, wanted.host)])

    def _near_host(self, word: str) -> str:
        """A host is named with its site; whoever leaves it out is told how to write it."""
        found = [site.name for site in self.known.sites.values() if word in site.hosts]
        if not found:
            return ""
        return f'did you mean "{found[0]}/{word}"?' if len(found) == 1 else f"{len(found)} sites have a host {word}"

    def _members(self, wanted: Member) -> Places:
        known = self.known.groups if wanted.of == "group" else dict.fromkeys(self.known.rings)
        if wanted.name not in known:
            hint = suggest(wanted.name, known) or f"the estate has no {wanted.of}s"
            raise TargetError(f'there is no {wanted.of} "{wanted.name}"', self.target, wanted.span, hint=hint)
        if wanted.of == "group":
            return self.known.groups[wanted.name]
        return frozenset(_places(site for site in self.known.sites.values() if site.ring == wanted.name))

    def _compared(self, wanted: Compare) -> Places:
        holds = self._comparison(wanted)
        found: list[Place] = []
        anywhere = wanted.path in OWN_WORDS
        for site in self.known.sites.values():
            for host in site.hosts.values():
                said = site.says(host, wanted.path)
                anywhere = anywhere or said is not None
                if said is not None and holds(said):
                    found.append(host.place)
        if not anywhere:
            labels = {label for site in self.known.sites.values() for label in _labels(site)}
            hint = suggest(wanted.path, labels | set(OWN_WORDS))
            raise NotThere(f'no site or host has a label "{wanted.path}"', self.target, wanted.span, hint=hint)
        return frozenset(found)

    def _comparison(self, wanted: Compare) -> Callable[[str], bool]:
        value = wanted.value
        if wanted.relation is Relation.HOLDS:
            return lambda said: value in said
        amount = quantity.parse(value)
        if wanted.relation in (Relation.EQUAL, Relation.UNEQUAL):
            equal = wanted.relation is Relation.EQUAL
            return lambda said: (said == value or (amount is not None and quantity.parse(said) == amount)) is equal
        if amount is None:
            hint = "compare with a number, or an amount such as 4Mbit, 512M or 2h"
            raise TargetError(f'"{value}" is no amount', self.target, wanted.span, hint=hint)
        wanted_amount = amount
        return lambda said: _ordered(quantity.parse(said), wanted.relation, wanted_amount)

    def _asked(self, question: Question) -> Places:
        if self.resolver is None:
            problem = f"{question.source.value}: is known to the centre only, and nobody can be asked here"
            if question.source is Source.SERVICE:
                problem = "svc: services are not supported by this version"
            raise TargetError(problem, self.target, question.span)
        resolver = self.resolver
        return frozenset(place for place in self._all() if resolver.holds(place, question))


def _places(sites: Iterable[Site]) -> Iterable[Place]:
    return (host.place for site in sites for host in site.hosts.values())


def _labels(site: Site) -> Iterable[str]:
    yield from site.labels
    for host in site.hosts.values():
        yield from host.labels


def _ordered(said: quantity.Quantity | None, relation: Relation, value: quantity.Quantity) -> bool:
    """What is no amount, or one of another kind, is neither more nor less."""
    if said is None or said.dimension != value.dimension:
        return False
    match relation:
        case Relation.LESS:
            return said.amount < value.amount
        case Relation.LESS_EQUAL:
            return said.amount <= value.amount
        case Relation.GREATER:
            return said.amount > value.amount
        case _:
            return said.amount >= value.amount
