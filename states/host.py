"""The host as a state sees it: a port with questions only, so that looking can never change anything.

Refuses to do: act. What acts is minion/actions.py, on a Step's word.

Invariants:
- every answer is a frozen value; one `Host` is one look: its answers belong together and are not renewed;
- what apt would do is asked of apt: `solve` finds out what a wish needs, `simulate` what exactly a request would do;
- asking may read and may fetch apt's indexes into orch's own folder; nothing of the host's own is written.

Satisfied by minion/adapters/machine.py and by tests/fakes/host.py, which pass the same tests/contract/test_host.py.
Called by the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from orch.common.sealed import Closed


class FileKind(Enum):
    """What stands under a name."""

    ABSENT = "nothing"
    REGULAR = "a file"
    LINK = "a link"
    FOLDER = "a folder"
    OTHER = "a device, pipe or socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What stands under a path, not following it if it is a link itself; numbers where no user has the number."""

    kind: FileKind
    sha256: bytes = b""  # of a regular file
    size: int = 0  # bytes
    mode: int = 0
    owner: str = ""
    group: str = ""
    uid: int = 0
    gid: int = 0
    target: str = ""  # of a link
    missing: tuple[str, ...] = ()  # folders above it that are not there, from the top


class PackageState(Enum):
    """dpkg's word on a package (dpkg-query(1), Package States)."""

    CONFIG_FILES = "config-files"
    HALF_INSTALLED = "half-installed"
    UNPACKED = "unpacked"
    HALF_CONFIGURED = "half-configured"
    TRIGGERS_AWAITED = "triggers-awaited"
    TRIGGERS_PENDING = "triggers-pending"
    INSTALLED = "installed"


BROKEN = frozenset(PackageState) - {PackageState.INSTALLED, PackageState.CONFIG_FILES}
"""States in which something was begun and not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package that dpkg knows of."""

    name: str  # with :architecture where that is not the host's own
    version: str
    state: PackageState
    essential: bool = False  # Essential, Protected or Important: yes
    reinstall: bool = False  # dpkg says that it must be unpacked again

    @property
    def present(self) -> bool:
        """Whether it is there, whole or not; its settings alone do not count."""
        return self.state is not PackageState.CONFIG_FILES

    @property
    def broken(self) -> bool:
        """Whether something was begun with it and not ended."""
        return self.reinstall or self.state in BROKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """What dpkg's status says."""

    architecture: str
    packages: Mapping[str, Installed]  # by name
    interrupted: bool = False  # dpkg was cut off and has left notes to itself


@dataclass(frozen=True, slots=True)
class Available:
    """What apt could install under a name."""

    candidate: str  # the version it would take
    versions: tuple[str, ...]  # all it knows


@dataclass(frozen=True, slots=True)
class Pin:
    """A package in one exact version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a set of packages shall be; apt finds out what that takes."""

    install: tuple[str, ...] = ()  # in apt's favourite version
    pinned: tuple[Pin, ...] = ()
    remove: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()  # installed and to stay, with what they need
    tidy: bool = True  # remove what neither the above nor their dependencies name


@dataclass(frozen=True, slots=True, kw_only=True)
class AptRequest:
    """One transaction, every version in it exact: `apt-get install a=2.0 b=1.0 c- d-`."""

    install: tuple[Pin, ...] = ()
    purge: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()  # their settings stay
    downgrade: bool = False  # a pin may go back in versions

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.install or self.purge or self.remove)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What apt says that it would do."""

    install: tuple[Pin, ...] = ()  # new, newer or older, sorted by name
    remove: tuple[str, ...] = ()  # sorted


class Host(Protocol):
    """One look at a host.

    Every question may raise Blocked (it may pass by itself: a mirror, a lock) or StepFailed (somebody must act).
    """

    def file(self, path: str) -> FileFacts:
        """What stands under an absolute path in the host's root."""

    def holds(self, closed: Closed) -> bool:
        """Whether the regular file in the secret's place has exactly its value; raises Shut where it does not open."""

    def list_hashes(self) -> Mapping[str, bytes]:
        """SHA-256 of every list kept on the host, by the list's name."""

    def packages(self) -> PackageFacts:
        """What dpkg's status says."""

    def available(self, names: tuple[str, ...]) -> Mapping[str, Available]:
        """What apt could install; a name that it does not know is left out."""

    def solve(self, wish: Wish) -> Simulated:
        """What apt would do for a wish, everything kept up to date on the way."""

    def simulate(self, request: AptRequest) -> Simulated:
        """What apt would do for exactly this request."""

    def package_fingerprint(self) -> bytes:
        """A hash that differs when dpkg's or apt's state does; cheap enough for every turn."""
