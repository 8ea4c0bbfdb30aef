"""A host in memory, for planning and for doing: what states/host.py's `Host` promises, without apt.

Its apt is simple and honest: it takes the newest version that there is, the first alternative that is there or can be
had, keeps what roots and what they need, lets go what conflicts with a newcomer and was not named, and refuses what cannot
be satisfied. The real one passes the same contract (tests/contract/host_contract.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from orch.common.errors import HostError, StepFailed
from orch.common.report import Change
from orch.common.sealed import Closed, Opener, open_nowhere
from orch.states import difference
from orch.states.base import AptTransaction, DropList, PutFile, PutList, PutSecret, RepairDpkg, Step
from orch.states.host import (
    AptRequest,
    Available,
    FileFacts,
    FileKind,
    Installed,
    PackageFacts,
    PackageState,
    Pin,
    Simulated,
    Wish,
)

ABSENT = FileFacts(kind=FileKind.ABSENT)


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the fake repository; alternatives in `depends` are written `one|other`."""

    name: str
    version: str = "1.0"
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    essential: bool = False


def regular(content: bytes = b"", *, mode: int = 0o644, owner: str = "root", group: str = "root") -> FileFacts:
    """A regular file of a known user."""
    return FileFacts(
        kind=FileKind.REGULAR,
        sha256=hashlib.sha256(content).digest(),
        size=len(content),
        mode=mode,
        owner=owner,
        group=group,
        uid=USERS[owner],
        gid=USERS[group],
    )


USERS = {"root": 0, "www-data": 33}


@dataclass
class FakeHost:
    """One host; `trouble` is raised by every question about packages, `asked` tells the questions, `wishes` the wishes."""

    repository: dict[str, list[Package]] = field(default_factory=dict)
    installed: dict[str, Package] = field(default_factory=dict)
    states: dict[str, PackageState] = field(default_factory=dict)  # other than installed; settings of what is gone
    settings: dict[str, str] = field(default_factory=dict)  # versions of packages of which only settings are left
    stored: dict[str, FileFacts] = field(default_factory=lambda: {"/etc": FileFacts(kind=FileKind.FOLDER)})
    lists: dict[str, bytes] = field(default_factory=dict)
    interrupted: bool = False
    opens: Opener = open_nowhere
    trouble: HostError | None = None
    asked: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)

    # --- setting it up ------------------------------------------------------------------------------

    def offer(self, *offered: Package) -> FakeHost:
        """Put packages into the repository; a later version of a name counts as newer."""
        for package in offered:
            self.repository.setdefault(package.name, []).append(package)
        return self

    def have(self, *names: str) -> FakeHost:
        """Install the oldest version on offer of each."""
        for name in names:
            self.installed[name] = self.repository[name][0]
        return self

    # --- the port -----------------------------------------------------------------------------------

    def file(self, path: str) -> FileFacts:
        """What stands under a path."""
        found = self.stored.get(path)
        if found is not None:
            return found
        folders = list(_above(path))
        for folder in folders:
            if folder in self.stored and self.stored[folder].kind is not FileKind.FOLDER:
                raise StepFailed(f"{folder} is in the way: it is not a folder")
        return replace(ABSENT, missing=tuple(folder for folder in folders if folder not in self.stored))

    def holds(self, closed: Closed) -> bool:
        """Whether the secret's place has its value."""
        return self.file(closed.slot.path).sha256 == hashlib.sha256(self.opens(closed)).digest()

    def list_hashes(self) -> Mapping[str, bytes]:
        """The lists that are kept."""
        return dict(self.lists)

    def packages(self) -> PackageFacts:
        """What is installed."""
        self._ask("packages")
        found = {
            name: Installed(
                name=name,
                version=package.version,
                state=self.states.get(name, PackageState.INSTALLED),
                essential=package.essential,
            )
            for name, package in self.installed.items()
        }
        for name, version in self.settings.items():
            found[name] = Installed(name=name, version=version, state=PackageState.CONFIG_FILES)
        return PackageFacts(architecture="amd64", packages=found, interrupted=self.interrupted)

    def available(self, names: tuple[str, ...]) -> Mapping[str, Available]:
        """What the repository has; what is installed counts as known, as with apt."""
        self._ask("available")
        found = {}
        for name in names:
            versions = [one.version for one in reversed(self.repository.get(name, []))]
            if name in self.installed and self.installed[name].version not in versions:
                versions.append(self.installed[name].version)
            if versions:
                found[name] = Available(versions[0], tuple(versions))
        return found

    def solve(self, wish: Wish) -> Simulated:
        """Solve it."""
        self._ask("solve")
        self.wishes.append(wish)
        exact = {pin.name: self._exact(pin) for pin in wish.pinned}
        after = {name: self._newest(name) for name in self.installed if name not in wish.remove} | exact
        for name in wish.install:
            after[name] = self._newest(name)
        self._complete(after, may_go=self.installed.keys() - {*wish.install, *exact})
        if wish.tidy:
            kept = self._closure(after, {*wish.roots, *wish.install, *exact})
            after = {name: package for name, package in after.items() if name in kept}
        return self._simulated(after)

    def simulate(self, request: AptRequest) -> Simulated:
        """Try it."""
        self._ask("simulate")
        return self._simulated(self._after(request))

    def package_fingerprint(self) -> bytes:
        """Everything about packages."""
        return hashlib.sha256(
            repr((self.installed, self.states, self.settings, self.interrupted, self.repository)).encode()
        ).digest()

    # --- doing --------------------------------------------------------------------------------------

    def apply(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[Change, ...]:
        """Do a step, as minion/actions.py does on a real root."""
        before = self.packages().packages
        match step.action:
            case PutList(name=name, sha256=sha256):
                assert hashlib.sha256(materials[sha256]).digest() == sha256
                self.lists[name] = sha256
            case DropList(name=name):
                del self.lists[name]
            case PutFile() as put:
                content = put.content if put.content is not None else materials[put.sha256]
                self._put(put.path, regular(content, mode=put.mode, owner=put.owner, group=put.group))
            case PutSecret() as put:
                content = self.opens(put.closed)
                self._put(put.closed.slot.path, regular(content, mode=put.mode, owner=put.owner, group=put.group))
            case RepairDpkg():
                self.interrupted = False
                self.states.clear()
            case AptTransaction(request=request):
                self._do(request)
                return difference.differences(before, self.packages().packages)
        return step.changes

    def _put(self, path: str, facts: FileFacts) -> None:
        for folder in self.file(path).missing:
            self.stored[folder] = FileFacts(kind=FileKind.FOLDER)
        self.stored[path] = facts

    def _do(self, request: AptRequest) -> None:
        after = self._after(request)
        for name in self.installed.keys() - after.keys():
            self.states.pop(name, None)
            if name in request.remove:
                self.settings[name] = self.installed[name].version
        for name in (*request.purge, *after):
            self.settings.pop(name, None)
        self.installed = after

    # --- its apt ------------------------------------------------------------------------------------

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if self.trouble is not None:
            raise self.trouble

    def _newest(self, name: str) -> Package:
        offered = self.repository.get(name)
        return offered[-1] if offered else self.installed[name]

    def _exact(self, pin: Pin) -> Package:
        known = [
            *self.repository.get(pin.name, []),
            *([self.installed[pin.name]] if pin.name in self.installed else []),
        ]
        return next(one for one in known if one.version == pin.version)

    def _after(self, request: AptRequest) -> dict[str, Package]:
        gone = {*request.purge, *request.remove}
        after = {name: package for name, package in self.installed.items() if name not in gone}
        after |= {pin.name: self._exact(pin) for pin in request.install}
        self._complete(after)
        return after

    def _complete(self, after: dict[str, Package], may_go: Collection[str] = ()) -> None:
        """Add what is needed; refuse what cannot be."""
        waiting = list(after.values())
        while waiting:
            package = waiting.pop()
            for need in package.depends:
                if not any(_satisfies(one, need) for one in after.values()):
                    found = self._provider(need)
                    if found is None:
                        raise StepFailed(f"{package.name} depends on {need} but it is not installable")
                    after[found.name] = found
                    waiting.append(found)
        _settle(after, may_go)

    def _provider(self, need: str) -> Package | None:
        for name in need.split("|"):
            if name in self.repository:
                return self._newest(name)
        newest = (offered[-1] for _, offered in sorted(self.repository.items()))
        return next((one for one in newest if _satisfies(one, need)), None)

    def _closure(self, after: Mapping[str, Package], roots: Iterable[str]) -> set[str]:
        """Roots, what is essential, and all that satisfies any need of theirs."""
        waiting = [name for name, one in after.items() if one.essential or name in roots]
        kept: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in kept:
                kept.add(name)
                needs = after[name].depends
                waiting.extend(one.name for one in after.values() if any(_satisfies(one, need) for need in needs))
        return kept

    def _simulated(self, after: Mapping[str, Package]) -> Simulated:
        changed = [
            Pin(name, package.version)
            for name, package in sorted(after.items())
            if name not in self.installed or self.installed[name].version != package.version
        ]
        return Simulated(install=tuple(changed), remove=tuple(sorted(self.installed.keys() - after.keys())))


def _settle(after: dict[str, Package], may_go: Collection[str]) -> None:
    """Let go what others conflict with, where it may."""
    for package in list(after.values()):
        for name in package.conflicts:
            if name in after and name in may_go:
                del after[name]
            elif name in after:
                raise StepFailed(f"{package.name} conflicts with {name}")


def _satisfies(package: Package, need: str) -> bool:
    return any(name == package.name or name in package.provides for name in need.split("|"))


def _above(path: str) -> Iterator[str]:
    """The folders above a path, from the top."""
    parts = path.strip("/").split("/")
    for end in range(1, len(parts)):
        yield "/" + "/".join(parts[:end])


def shown(changes: Iterable[Change]) -> list[str]:
    """Changes as short text, for comparing: `+ hello 1.0`, `~ hello 1.0 -> 1.1`."""
    lines = []
    for change in changes:
        versions = " -> ".join(part for part in (change.before, change.after) if part)
        lines.append(f"{change.sign.value} {change.name} {versions}".rstrip())
    return lines
