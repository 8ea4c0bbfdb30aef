"""The hypervisor as a state sees it: a port with questions only, and what it answers.

What acts is the executor's, through the wider port in minion/hypervisor.py.

Invariants:
- only guests that orch defined are seen: what somebody else runs on the machine is none of orch's business;
- what a guest is comes back in the words in which it was asked for (common/guest.py), so that both can be compared
  member by member, and what the hypervisor filled in by itself makes no difference.

Satisfied by minion/adapters/guests and by tests/fakes/hypervisor.py, which pass the same tests/contract.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from orch.common.guest import Guest
from orch.common.hypervisor import Ability


class Life(Enum):
    """How a guest is."""

    OFF = "off"
    RUNNING = "running"  # the hypervisor says so; whether anybody is alive in there is another question
    PAUSED = "paused"
    SAVED = "saved"  # written to disk in the middle of its life; a start goes on from there


class Ending(Enum):
    """Why a guest is off, as far as the hypervisor remembers."""

    UNKNOWN = "unknown"
    SHUT_DOWN = "shut down"  # by itself, asked or not; crashed, where `Ability.crashes` is false
    DESTROYED = "destroyed"  # its power was taken away
    CRASHED = "crashed"
    FAILED = "failed to start"
    SAVED = "saved"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFacts:
    """What the hypervisor says of one guest."""

    defined: Guest  # what it is from its next start on
    life: Life
    ending: Ending = Ending.UNKNOWN  # where it is off
    outdated: bool = False  # it runs, but as something else than it is defined as now
    simulated: bool = False  # it is words only; whatever `life` says, nothing runs


@dataclass(frozen=True, slots=True)
class Difference:
    """A member of a guest that is not as it should be, for people."""

    member: str
    before: str
    after: str


def differences(found: Guest | None, wanted: Guest) -> tuple[Difference, ...]:
    """Member by member; every member that is not its default where there is no such guest yet."""
    changed = []
    for field in dataclasses.fields(Guest):
        before = None if found is None else getattr(found, field.name)
        after = getattr(wanted, field.name)
        if before != after and not (found is None and after == field.default):
            changed.append(Difference(field.name, "" if found is None else shown(before), shown(after)))
    return tuple(changed)


def shown(value: object) -> str:
    """A member in a line."""
    if isinstance(value, tuple):
        return "; ".join(shown(item) for item in value) or "none"
    if isinstance(value, Enum):
        return str(value.value)
    if dataclasses.is_dataclass(value):
        members = (getattr(value, field.name) for field in dataclasses.fields(value))
        return " ".join(shown(member) for member in members if member not in {None, "", 0})
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class GuestsSeen(Protocol):
    """Questions to the hypervisor.

    Every one of them may raise Blocked (the daemon does not answer now) or StepFailed (somebody must act).
    """

    def ability(self) -> Ability:
        """What it can on this machine."""

    def guests(self) -> tuple[GuestFacts, ...]:
        """All guests that orch defined, by name."""

    def guest(self, name: str) -> GuestFacts | None:
        """One of them; None where orch defined none of that name."""
