"""The installed set becomes what the lists say, with what that needs and with what is guarded.

What is listed gets installed, what is not gets removed with its settings, updates get applied, in one transaction in
which every version is exact (design section 6; thesis 6.1, 6.2.5). What is needed is asked of apt itself: it is told
that everything neither listed nor guarded was only ever installed for others, and says what it would do. So
dependencies, alternatives and virtual packages mean here exactly what they mean to apt, and the marks on the host,
which anybody may have changed, count for nothing.

Refuses to do, before anything happens: install a name that apt does not know; remove what is guarded; remove more
than the ceiling without the release's word; obey a list that installs nothing; what this version cannot do yet.

Invariants:
- what dpkg or apt left half-done is repaired before anything is planned, unless it is to be removed anyway;
- the request that is planned is the request that is made: `simulate` was asked about that very one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from orch.common import lists
from orch.common.document import Packages as Rules
from orch.common.document import Unlisted
from orch.common.errors import StepFailed
from orch.common.report import Change, Sign
from orch.states import gentle, guard
from orch.states.base import AptTransaction, RepairDpkg, Step
from orch.states.difference import foreseen
from orch.states.host import AptRequest, Available, Host, PackageFacts, PackageState, Pin, Simulated, Wish
from orch.states.lines import Lines

_GO = (lists.Want.PURGE, lists.Want.DEINSTALL)
_NAMED = 12  # packages named in an error, before "and N more"
_MEND = "mend the list and publish again: orch lint, orch apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the document says of packages."""

    entries: tuple[lists.Entry, ...]  # lists.resolve
    rules: Rules
    site: str
    allowance: int = 0
    heal: bool = False  # nothing may be removed now


@dataclass(frozen=True, slots=True)
class Gentle:
    """What can be done of a transaction without removing anything, and what apt says to that."""

    request: AptRequest = field(default_factory=AptRequest)
    outcome: Simulated = field(default_factory=Simulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is, and what apt says about it."""

    facts: PackageFacts
    repair: tuple[str, ...] | None = None  # must be whole first; None: nothing stands in the way
    request: AptRequest = field(default_factory=AptRequest)
    outcome: Simulated = field(default_factory=Simulated)
    gentle: Gentle | None = None  # only where nothing may be removed, and the transaction would
    unlisted: tuple[str, ...] = ()  # left, although no list names them
    guarded: Mapping[str, str] = field(default_factory=dict)  # why, by name


class Packages:
    """The state `packages`."""

    def __init__(self, host: Host) -> None:
        """Look at this host."""
        self._host = host

    def observe(self, wanted: Wanted) -> Found:
        """Look at what is installed, and ask apt what the lists would take.

        Raises:
            StepFailed: the lists cannot be obeyed; the text names list and line.
            Blocked: a mirror or a lock stands in the way for now.
        """
        facts = self._host.packages()
        if facts.interrupted:
            return Found(facts=facts, repair=_broken(facts))
        reading = _Reading(wanted, facts)
        reading.check()
        known = self._host.available(reading.names)
        reading.check_known(known)
        try:
            return self._asked(reading, known)
        except StepFailed:
            if not _broken(facts):
                raise
            return Found(facts=facts, repair=_broken(facts))  # apt may well see it differently after the repair

    def plan(self, wanted: Wanted, found: Found) -> Iterator[Step]:
        """At most one step: a repair, after which one must look again, or the transaction.

        Where nothing may be removed now there may be two: what needs no removal, and the rest, which has to wait.

        Raises:
            StepFailed: something guarded would go, or too much.
        """
        if found.repair is not None:
            changes = tuple(_repairs(found.facts))
            yield Step(resource="packages", changes=changes, action=RepairDpkg(found.repair))
            return
        changes = _changes(wanted, found, found.request, found.outcome)
        if (part := found.gentle) is not None:
            first = _changes(wanted, found, part.request, part.outcome)
            if first:
                yield Step(resource="packages", changes=first, action=AptTransaction(request=part.request))
            names = {change.name for change in first}
            changes = tuple(change for change in changes if change.name not in names)
        else:  # what only waits is checked when it may be done
            _check_guard(found, changes)
            _check_ceiling(wanted, changes)
        if changes:
            yield Step(
                resource="packages",
                changes=changes,
                action=_transaction(wanted, found),
                destructive=any(change.sign is Sign.REMOVE for change in changes),
            )

    def _asked(self, reading: _Reading, known: Mapping[str, Available]) -> Found:
        mode = reading.wanted.rules.unlisted
        solved = self._solved(reading, known, tidy=mode is not Unlisted.IGNORE)
        unlisted: tuple[str, ...] = ()
        if mode is Unlisted.REPORT:
            unlisted = tuple(name for name in solved.remove if reading.entry(name) is None)
            solved = self._solved(reading, known, tidy=False)
        request = reading.request(solved)
        heal = reading.wanted.heal
        broken = [name for name in _broken(reading.facts) if heal or name not in solved.remove]
        found = Found(
            facts=reading.facts,
            repair=tuple(broken) or None,
            request=request,
            outcome=Simulated() if request.empty or broken else self._host.simulate(request),
            unlisted=unlisted,
            guarded=reading.guarded,
        )
        goes = found.outcome.remove or request.purge or request.remove
        return replace(found, gentle=self._gentle(reading, known, found.outcome)) if heal and goes else found

    def _solved(self, reading: _Reading, known: Mapping[str, Available], *, tidy: bool) -> Simulated:
        """Ask apt, without the names that it would leave as they are: each costs it a look at all that there is.

        It does not know then that those must stay. Where one of them would go, it is asked again with every name.
        """
        wish = reading.wish(known, tidy=tidy)
        fewer = replace(wish, install=tuple(name for name in wish.install if not reading.rests(name, known)))
        solved = self._host.solve(fewer)
        return self._host.solve(wish) if {*wish.install} & {*solved.remove} else solved

    def _gentle(self, reading: _Reading, known: Mapping[str, Available], whole: Simulated) -> Gentle:
        """As much of it as needs no removal."""
        wish = replace(reading.wish(known, tidy=False), remove=())
        coming = {pin.name for pin in whole.install}
        at_stake = tuple(name for name in reading.names if name in coming)

        def ask(some: tuple[str, ...]) -> Gentle | None:
            left_out = {*at_stake} - {*some}
            fewer = replace(
                wish,
                install=tuple(name for name in wish.install if name not in left_out),
                pinned=tuple(pin for pin in wish.pinned if pin.name not in left_out),
            )
            try:
                solved = self._host.solve(fewer)
                request = replace(reading.request(solved), purge=(), remove=())
                outcome = Simulated() if solved.remove or request.empty else self._host.simulate(request)
            except StepFailed:
                return None  # apt sees no way at all to have these without removing something
            return None if solved.remove or outcome.remove else Gentle(request, outcome)

        return gentle.most(at_stake, ask) or Gentle()


class _Reading:
    """The lists held against what is there."""

    def __init__(self, wanted: Wanted, facts: PackageFacts) -> None:
        self.wanted, self.facts = wanted, facts
        protect = wanted.rules.protect
        reasons = {name: guard.reason(one, protect) for name, one in facts.packages.items() if one.present}
        self.guarded = {name: why for name, why in reasons.items() if why}
        self._lines = Lines(wanted.entries)
        self._present = {_native(entry.name, facts): entry for entry in wanted.entries if entry.want in lists.PRESENT}

    @property
    def names(self) -> tuple[str, ...]:
        """What must be there."""
        return tuple(sorted({*self._present, *(_native(name, self.facts) for name in self.wanted.rules.also)}))

    def entry(self, name: str) -> lists.Entry | None:
        """The line that speaks of a package."""
        return self._lines.of(name if ":" in name else f"{name}:{self.facts.architecture}")

    def check(self) -> None:
        """Refuse what can be seen without apt."""
        if not self._present:
            raise StepFailed("the lists install no package at all: every package would go", hint=_MEND)
        for entry in self.wanted.entries:
            lacking = lists.unsupported(entry)
            if lacking:
                raise StepFailed(f"{entry.where}: {entry.name}: this version does not know {lacking}", hint=_MEND)
        for name, why in self.guarded.items():
            line = self.entry(name)
            if line is not None and line.want in _GO:
                raise StepFailed(f"{line.where}: {name} must not be removed: it is guarded ({why})", hint=_MEND)

    def check_known(self, known: Mapping[str, Available]) -> None:
        """Refuse names and versions that apt does not know, all at once, with their lines."""
        lines = [(self._present.get(name), self._lack(name, known)) for name in self.names]
        lines.sort(key=lambda line: (line[0].file, line[0].line) if line[0] else ("", 0))
        wrong = [f"{entry.where if entry else 'a service'}: {lack}" for entry, lack in lines if lack]
        if wrong:
            hint = "is the name right, and does the host have the source that it comes from?"
            raise StepFailed(_several(wrong, "\n"), hint=hint)

    def _lack(self, name: str, known: Mapping[str, Available]) -> str:
        """What no source has; a package that is there already may have lost its source."""
        entry, there = self._present.get(name), self.facts.packages.get(name)
        versions = known[name].versions if name in known else ()
        if entry is not None and entry.version and entry.version not in versions:
            others = f" (there is {', '.join(versions[:3])})" if versions else ""
            return f"no source has {name} in version {entry.version}{others}"
        if not versions and not (there and there.present):
            return f"no source has a package {name}"
        return ""

    def wish(self, known: Mapping[str, Available], *, tidy: bool) -> Wish:
        """What to ask apt."""
        pinned = [Pin(name, entry.version) for name, entry in self._present.items() if entry.version]
        exact = {pin.name for pin in pinned}
        return Wish(
            install=tuple(name for name in self.names if name not in exact and name in known),
            pinned=tuple(sorted(pinned, key=lambda pin: pin.name)),
            remove=tuple(sorted(self._to_go())),
            roots=tuple(sorted({*self.names, *self.guarded, *self._allowed()})),
            tidy=tidy,
        )

    def rests(self, name: str, known: Mapping[str, Available]) -> bool:
        """Whether a package is there, whole, in the version that apt would take."""
        there = self.facts.packages.get(name)
        return (
            there is not None
            and there.state is PackageState.INSTALLED
            and not there.broken
            and there.version == known[name].candidate
        )

    def request(self, solved: Simulated) -> AptRequest:
        """The exact transaction for what apt found, with the settings of packages that are gone already."""
        kept = {name for name in solved.remove if self._keeps_settings(name)}
        purge = {name for name in solved.remove if name not in kept} | set(self._left_settings(solved))
        return AptRequest(
            install=solved.install,
            purge=tuple(sorted(purge)),
            remove=tuple(sorted(kept)),
            downgrade=any(entry.version for entry in self._present.values()),
        )

    def _to_go(self) -> Iterator[str]:
        for name, one in self.facts.packages.items():
            entry = self.entry(name)
            if one.present and entry is not None and entry.want in _GO:
                yield name

    def _allowed(self) -> Iterator[str]:
        for name, one in self.facts.packages.items():
            entry = self.entry(name)
            if one.present and entry and entry.want is lists.Want.ALLOW:
                yield name

    def _keeps_settings(self, name: str) -> bool:
        entry = self.entry(name)
        return entry is not None and entry.want is lists.Want.DEINSTALL

    def _left_settings(self, solved: Simulated) -> Iterator[str]:
        """Packages of which only settings are left, that go as well."""
        comes = {pin.name for pin in solved.install}
        for name, one in self.facts.packages.items():
            entry = self.entry(name)
            unnamed = entry is None and self.wanted.rules.unlisted is Unlisted.REMOVE
            goes = unnamed or (entry is not None and entry.want is lists.Want.PURGE)
            # A guarded package's settings stay: it may come back with the next kernel or boot loader.
            if goes and not one.present and name not in comes and not guard.reason(one, self.wanted.rules.protect):
                yield name


class _Reasons:
    """Why a package comes, changes or goes, for people."""

    def __init__(self, wanted: Wanted, facts: PackageFacts) -> None:
        self._reading = _Reading(wanted, facts)

    def of(self, sign: Sign, name: str) -> str:
        """A few words."""
        entry = self._reading.entry(name)
        if entry and sign is not Sign.CHANGE:
            return entry.where
        if entry and entry.version:
            return f"{entry.where}: = {entry.version}"
        words = {Sign.ADD: "others need it", Sign.CHANGE: "update", Sign.REMOVE: "on no list"}
        words[Sign.ADD] = "a service needs it" if name in self._reading.wanted.rules.also else words[Sign.ADD]
        return words[sign]


def _changes(wanted: Wanted, found: Found, request: AptRequest, outcome: Simulated) -> tuple[Change, ...]:
    reasons = _Reasons(wanted, found.facts)
    return tuple(
        replace(change, why=reasons.of(change.sign, change.name))
        for change in foreseen(found.facts.packages, outcome, request)
    )


def _broken(facts: PackageFacts) -> tuple[str, ...]:
    return tuple(sorted(name for name, one in facts.packages.items() if one.broken))


def _repairs(facts: PackageFacts) -> Iterator[Change]:
    if facts.interrupted:
        yield Change(sign=Sign.CHANGE, kind="dpkg", name="dpkg", before="interrupted", after="finished")
    for name in _broken(facts):
        yield Change(
            sign=Sign.CHANGE,
            kind="dpkg",
            name=name,
            before=facts.packages[name].state.value,
            after=PackageState.INSTALLED.value,
            why="was left half-done",
        )


def _check_guard(found: Found, changes: Iterable[Change]) -> None:
    lost = [
        f"{change.name} ({found.guarded[change.name]})"
        for change in changes
        if change.sign is Sign.REMOVE and change.name in found.guarded
    ]
    if lost:
        raise StepFailed(
            f"this would remove what is guarded: {_several(lost)}",
            hint="take off the list what conflicts with it",
        )


def _check_ceiling(wanted: Wanted, changes: Iterable[Change]) -> None:
    going = [change.name for change in changes if change.sign is Sign.REMOVE]
    ceiling = wanted.rules.removals + wanted.allowance
    if len(going) > ceiling:
        raise StepFailed(
            f"this would remove {len(going)} packages, {ceiling} at most are allowed: {_several(going)}",
            hint=f"if that is meant: orch apply --yes-remove {wanted.site}",
        )


def _transaction(wanted: Wanted, found: Found) -> AptTransaction:
    """The request, and the marks that tell a person's `apt autoremove` what orch would keep."""
    reading = _Reading(wanted, found.facts)
    there = {name for name, one in found.facts.packages.items() if one.present}
    there = (there - set(found.outcome.remove)) | {pin.name for pin in found.outcome.install}
    manual = there.intersection(reading.names)
    auto = set() if wanted.rules.unlisted is not Unlisted.REMOVE else there - manual - set(found.guarded)
    auto = {name for name in auto if reading.entry(name) is None}
    return AptTransaction(request=found.request, manual=tuple(sorted(manual)), auto=tuple(sorted(auto)))


def _native(name: str, facts: PackageFacts) -> str:
    """`libc6:amd64` is `libc6` on an amd64 host, as apt and dpkg print it."""
    return name.removesuffix(f":{facts.architecture}")


def _several(words: list[str], separator: str = ", ") -> str:
    rest = len(words) - _NAMED
    return separator.join(words[:_NAMED]) + (f"{separator}and {rest} more" if rest > 0 else "")
