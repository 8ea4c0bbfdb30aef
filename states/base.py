"""What a state is, and what it gives: steps, as data.

A state looks through the Host port and plans; it never acts. The executor alone applies a step (minion/actions.py),
so a dry run is the same code without its last line. A third party's state has the same shape.

Invariants:
- a plan is the same every time for the same declaration and the same findings: no clock, no chance, no order of a set;
- a step can be planned again after a kill at any point: it says what shall be, not what to do next;
- a step's changes are what people are shown before, and what is compared with what was really done after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

from orch.common.document import Document
from orch.common.errors import HostError
from orch.common.report import Change
from orch.common.sealed import Closed
from orch.states.host import AptRequest

D_contra = TypeVar("D_contra", contravariant=True)
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class PutList:
    """Keep this list on the host; its content is among the materials, by hash."""

    name: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class DropList:
    """Forget a list that the document no longer names."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutFile:
    """A regular file, put there atomically: content, mode and owner at once."""

    path: str
    sha256: bytes
    content: bytes | None = field(default=None, repr=False)  # None: it is among the materials, by hash
    mode: int
    owner: str  # a name, or a number as text
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSecret:
    """A regular file whose content is opened at the very moment; it is in no step, and in no report."""

    closed: Closed  # its slot names the path
    mode: int
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class RepairDpkg:
    """Finish what dpkg or apt left half-done; these packages must be whole afterwards."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AptTransaction:
    """One request to apt, then the marks by which apt itself knows who asked for a package."""

    request: AptRequest
    manual: tuple[str, ...] = ()  # what lists name
    auto: tuple[str, ...] = ()  # what is there only because others need it


Action: TypeAlias = PutList | DropList | PutFile | PutSecret | RepairDpkg | AptTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, whole or not at all as far as the host allows."""

    resource: str  # as in the document's origins: "list base", "packages", "file /etc/motd"
    changes: tuple[Change, ...]
    action: Action
    destructive: bool = False  # something goes that was there


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a planner asks of all states."""

    document: Document
    materials: Mapping[bytes, bytes]  # contents by SHA-256, verified
    allowance: int = 0  # packages that the release lets a host remove beyond its document's ceiling
    heal: bool = False  # nothing may be removed now: what needs no removal is a step of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section of a plan."""

    steps: tuple[Step, ...] = ()
    unlisted: tuple[str, ...] = ()
    more: str = ""  # why the rest can only be planned when these steps are done
    problems: tuple[HostError, ...] = ()  # what else of this section cannot be planned, and why


class State(Protocol[D_contra, F]):
    """Turn a declaration into steps."""

    def observe(self, wanted: D_contra) -> F:
        """Look, through the Host port; raises Blocked or StepFailed as the port does."""

    def plan(self, wanted: D_contra, found: F) -> Iterator[Step]:
        """What it takes; pure, ordered, may be empty."""
