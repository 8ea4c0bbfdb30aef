"""apt, as orch uses it: its own indexes, its own idea of what was asked for, every version exact.

Refuses to do: let `apt-get update` fail in silence (it ends well although a mirror is away), touch the host's own
indexes, or install what a simulation of the same request did not show.

Invariants:
- looking changes nothing of the host's: indexes and caches lie in orch's own folder, `solve` reads marks from there;
- planning and acting call apt with the same settings, on the same indexes, with the same words;
- edited configuration files are kept; the maintainer's version lies beside them (`.dpkg-dist`);
- a mirror or a lock in the way is Blocked, in apt's own words; a signature, a date or a hash that is wrong is not.

Called by machine.py (looking) and actions.py (acting).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orch.common.errors import Blocked, HostError, StepFailed
from orch.minion.adapters.dpkg import LISTS
from orch.minion.adapters.process import Call, Progress, Result, Runner
from orch.minion.adapters.tree import Metadata, Tree
from orch.states.host import AptRequest, Available, PackageFacts, Pin, Simulated, Wish

FOLDER: Final = "/var/lib/orch/apt"
_MARKS: Final = f"{FOLDER}/extended_states"
_FETCHED: Final = f"{FOLDER}/fetched"
_OWN: Final = (
    f"-oDir::State::Lists={LISTS}",
    f"-oDir::Cache::pkgcache={FOLDER}/pkgcache.bin",
    f"-oDir::Cache::srcpkgcache={FOLDER}/srcpkgcache.bin",
)
_SOLVING: Final = (
    "-oAPT::Install-Recommends=false",
    "-oAPT::Install-Suggests=false",
    "-oAPT::AutoRemove::RecommendsImportant=false",
    "-oAPT::AutoRemove::SuggestsImportant=false",
    "-oAPT::Get::AutomaticRemove=false",
)
_ACTING: Final = (
    "-oDpkg::Options::=--force-confdef",
    "-oDpkg::Options::=--force-confold",
    "-oDpkg::Use-Pty=0",
    "-oAcquire::Retries=2",
)
_WRONG: Final = re.compile(
    r"GPG error|BADSIG|NO_PUBKEY|EXPKEYSIG|NOSPLIT|signature|not signed|no longer signed|is expired|not valid"
    r"|Hash Sum mismatch|unexpected size|does not have a Release file|Malformed entry|could not be read|Unable to parse"
)
_LOCKED: Final = re.compile(
    r"^.*(?:Could not get lock|frontend lock was locked|Unable to acquire the dpkg|Unable to lock).*$", re.MULTILINE
)
_NO_ARCHIVE: Final = "Unable to fetch some archives"
_HOLDER: Final = re.compile(r"(?:held by process |with pid )(\d+(?: \([^)]*\))?)")
_ACTION: Final = re.compile(r"(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+) )?")
_PACKAGE: Final = re.compile(r"^(\S+):$")
_FIELD: Final = re.compile(r"^  (Installed|Candidate): (\S+)$")
_VERSION: Final = re.compile(r"^ (?:\*\*\*|   ) (\S+) -?\d+$")
_SAYS_NOTHING: Final = re.compile(rf"Some index files failed|{_NO_ARCHIVE}")
_LOOK_LIMIT: Final = 300.0
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds."""

    lock: int = 60  # for another program that has dpkg's lock
    mirror: int = 30  # for a mirror that says nothing
    update: float = 1800.0
    transaction: float = 4 * 3600.0


class Apt:
    """apt in one root."""

    def __init__(self, tree: Tree, runner: Runner, patience: Patience) -> None:
        """Run it with this runner; nothing happens yet."""
        self._tree, self._runner, self._patience = tree, runner, patience

    # --- looking ------------------------------------------------------------------------------------

    def has_indexes(self, sources: bytes) -> bool:
        """Whether indexes of exactly these sources (`Dpkg.sources`) were fetched whole, at some time."""
        return self._tree.read(_FETCHED, limit=1000) == sources

    def update(self, sources: bytes) -> None:
        """Fetch the indexes of the host's sources into orch's own folder.

        Raises:
            Blocked: a mirror cannot be reached; the text names it.
            StepFailed: what came is expired, not signed, or not what was signed.
        """
        self._tree.make_folder(f"{LISTS}/partial")
        wait = self._patience.mirror
        options = (
            "-oAcquire::Retries=2",
            f"-oAcquire::http::Timeout={wait}",
            f"-oAcquire::https::Timeout={wait}",
            "-oAcquire::Languages=none",
        )
        argv = ("apt-get", "--error-on=any", *_OWN, *options, "update")
        result = self._runner.run(Call(argv=argv, timeout=self._patience.update, detached=True))
        if result.code:
            raise _source_error(result)
        if not self.has_indexes(sources):
            self._tree.put(_FETCHED, sources, Metadata(mode=0o644, uid=0, gid=0))

    def available(self, names: Iterable[str]) -> Mapping[str, Available]:
        """What could be installed under these names; unknown ones are left out."""
        found: dict[str, Available] = {}
        wanted = sorted(names)
        for start in range(0, len(wanted), _BATCH):
            argv = ("apt-cache", *_OWN, "policy", "--", *wanted[start : start + _BATCH])
            found.update(read_policy(self._look(argv).out))
        return found

    def solve(self, wish: Wish, facts: PackageFacts) -> Simulated:
        """What a wish takes, with updates; marks are those that the wish implies, not the host's.

        Raises:
            StepFailed: it cannot be had; the text is apt's.
        """
        self._write_marks(wish, facts)
        words = [
            *wish.install,
            *(f"{pin.name}={pin.version}" for pin in wish.pinned),
            *(f"{name}-" for name in wish.remove),
        ]
        options = [f"-oDir::State::extended_states={_MARKS}", "-oAPT::Get::allow-downgrades=true", "--purge"]
        options.append("--fix-broken")  # somebody may have torn out by force what others need
        if wish.tidy:
            options.append("--auto-remove")
        argv = ("apt-get", "-s", *_OWN, *_SOLVING, *options, "dist-upgrade", "--", *words)
        return read_simulation(self._look(argv).out)

    def simulate(self, request: AptRequest) -> Simulated:
        """What exactly this request would do.

        Raises:
            StepFailed: apt refuses it; the text is apt's.
        """
        simulated = [read_simulation(self._look(("apt-get", "-s", *words)).out) for words in _words(request)[:1]]
        return simulated[0] if simulated else Simulated()

    # --- acting -------------------------------------------------------------------------------------

    def install(self, request: AptRequest, progress: Progress) -> None:
        """Do exactly this request.

        Raises:
            Blocked: another program holds dpkg's lock.
            StepFailed: apt or dpkg failed; some of it may have happened.
        """
        for words in _words(request):
            self._act(("apt-get", "-y", *_ACTING, self._lock, *words), progress)

    def repair(self, progress: Progress) -> None:
        """Let dpkg, then apt, finish what was begun.

        Raises:
            Blocked: another program holds dpkg's lock.
            StepFailed: neither could; what became of each package is for the caller to see.
        """
        configure = ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
        result = self._run(configure, progress)
        if result.code and (problem := _locked(result)):
            raise problem
        # Never by removing something: that would be a plan nobody has seen.
        self._act(("apt-get", "-y", "--no-remove", *_OWN, *_SOLVING, *_ACTING, self._lock, "-f", "install"), progress)

    def mark(self, names: Iterable[str], *, word: str) -> None:
        """Tell apt who asked for packages: `manual` or `auto`."""
        wanted = sorted(names)
        for start in range(0, len(wanted), _BATCH):
            self._act(("apt-mark", *_OWN, word, *wanted[start : start + _BATCH]), lambda _: None)

    @property
    def _lock(self) -> str:
        return f"-oDPkg::Lock::Timeout={self._patience.lock}"

    def _look(self, argv: tuple[str, ...]) -> Result:
        result = self._runner.run(Call(argv=argv, timeout=_LOOK_LIMIT))
        if result.code:
            raise StepFailed(
                f"apt cannot do this:\n{complaint(result)}", hint="do the packages on the lists fit together?"
            )
        return result

    def _run(self, argv: tuple[str, ...], progress: Progress) -> Result:
        return self._runner.run(Call(argv=argv, timeout=self._patience.transaction, detached=True), progress)

    def _act(self, argv: tuple[str, ...], progress: Progress) -> None:
        result = self._run(argv, progress)
        if result.code:
            if _NO_ARCHIVE in result.err:
                raise _source_error(result)
            raise _locked(result) or StepFailed(f"{argv[0]} ended with {result.code}:\n{result.last_words()}")

    def _write_marks(self, wish: Wish, facts: PackageFacts) -> None:
        """Everything that is there and is no root was, for this question, installed for others only."""
        roots = {*wish.roots, *wish.install, *(pin.name for pin in wish.pinned)}
        entries = []
        for name, one in sorted(facts.packages.items()):
            if one.present and name not in roots:
                bare, _, architecture = name.partition(":")
                architecture = architecture or facts.architecture
                entries.append(f"Package: {bare}\nArchitecture: {architecture}\nAuto-Installed: 1\n\n")
        self._tree.put(_MARKS, "".join(entries).encode(), Metadata(mode=0o644, uid=0, gid=0))


def read_simulation(text: str) -> Simulated:
    """The outcome of what `apt-get -s` prints: `Inst`, `Remv` and `Purg` lines, in order."""
    install: dict[str, str] = {}
    remove: set[str] = set()
    for line in text.splitlines():
        found = _ACTION.match(line)
        if not found:
            continue
        word, name, _, version = found.groups()
        if word == "Inst":
            if version is None:
                raise StepFailed(f"apt printed a line that is not understood: {line[:200]}")
            install[name] = version
            remove.discard(name)
        else:
            remove.add(name)
            install.pop(name, None)
    pins = tuple(Pin(name, version) for name, version in sorted(install.items()))
    return Simulated(install=pins, remove=tuple(sorted(remove)))


def read_policy(text: str) -> Mapping[str, Available]:
    """What `apt-cache policy` prints; a name that no source has under any version is left out."""
    found: dict[str, Available] = {}
    name = candidate = ""
    for line in text.splitlines():
        if head := _PACKAGE.match(line):
            name, candidate = head[1], ""
        elif (field := _FIELD.match(line)) and field[1] == "Candidate":
            candidate = "" if field[2] == "(none)" else field[2]
        elif (version := _VERSION.match(line)) and name:
            versions = (*found[name].versions, version[1]) if name in found else (version[1],)
            found[name] = Available(candidate, versions)
    return found


def complaint(result: Result) -> str:
    """What apt says is wrong, without what it says of its own progress."""
    lines = (result.out + result.err).splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith("The following packages have unmet")), None)
    told = [line for line in lines if line.startswith(("E:", "W:"))]
    if start is not None:
        told = [line for line in lines[start + 1 :] if line.startswith((" ", "E:"))]
    return "\n".join(told[-20:])[:4000] or result.last_words()


def _words(request: AptRequest) -> list[tuple[str, ...]]:
    """The command lines (after `apt-get -s` or `-y`) of a request: one, or two where some settings stay and some go."""
    install = [f"{pin.name}={pin.version}" for pin in request.install]
    common = [*_OWN, *_SOLVING, "--no-install-recommends"]
    if request.downgrade:
        common.append("--allow-downgrades")
    everything = [*install, *(f"{name}-" for name in sorted((*request.purge, *request.remove)))]
    if not everything:
        return []
    if not request.remove:
        return [(*common, "--purge", "install", "--", *everything)]
    first = (*common, "install", "--", *everything)
    second = (*common, "--purge", "install", "--", *(f"{name}-" for name in request.purge))
    return [first, second] if request.purge else [first]


def _source_error(result: Result) -> HostError:
    told = [line for line in result.err.splitlines() if line.startswith(("E:", "W:"))]
    told = [line for line in told if not _SAYS_NOTHING.search(line)] or [result.last_words()]
    text = "\n".join(dict.fromkeys(line[3:] if line[1:2] == ":" else line for line in told))[:4000]
    if _WRONG.search(text):
        return StepFailed(
            f"a package source is not in order:\n{text}", hint="nothing was taken from it; mend the source"
        )
    return Blocked(f"a package source cannot be reached:\n{text}")


def _locked(result: Result) -> Blocked | None:
    text = result.out + result.err
    found = _LOCKED.search(text)
    if not found:
        return None
    holder = _HOLDER.search(text)
    who = f" by process {holder[1]}" if holder else ""
    return Blocked(f"another program is at work on packages: dpkg's lock is held{who}")


def lines_of(simulated: Simulated) -> Iterator[str]:
    """A simulation in words, for an error's text."""
    yield from (f"+{pin.name} {pin.version}" for pin in simulated.install)
    yield from (f"-{name}" for name in simulated.remove)
