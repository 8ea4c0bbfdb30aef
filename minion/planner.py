"""The plan: everything that it takes to make a host what its document says, in order. Pure, apart from the Host port.

Refuses to do: act, or stop at the first trouble. What cannot be planned is named with its error, and what does not
depend on it is planned all the same.

Invariants:
- the operator's plan, the dry run on site and the run itself call this one function;
- a plan with `more` is a first part: apply it, look at the host anew, plan again (at most `ROUNDS` times);
- with a `settled` mark that still fits, packages are not even looked at: neither apt, dpkg nor python-debian runs.

Called by reconcile, the executor (plan requests) and the command line on site.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from orch.common import codec
from orch.common.document import Document
from orch.common.errors import HostError
from orch.states.base import Step, Task
from orch.states.host import Host
from orch.states.registry import PACKAGES, SECTIONS, Section, declared

ROUNDS: Final = 4
"""A repair, apt's settings, the rest; one to spare. More would mean that the steps do not do what they say."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A section that could not be planned, and why: Blocked may pass by itself."""

    resource: str
    error: HostError


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to look."""

    allowance: int = 0  # `Release.removals`: packages that may be removed beyond the document's ceiling
    heal: bool = False  # nothing may be removed now: steps that would stand apart from the others
    settled: bytes | None = None  # `mark` after the last plan that was converged; while it fits, packages need no look
    refresh: bool = True  # whoever makes the look fetches apt's indexes anew


WHOLE: Final = Look()
"""Look at everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What shall be done, in this order."""

    steps: tuple[Step, ...] = ()
    unlisted: tuple[str, ...] = ()  # packages that stay although no list names them
    problems: tuple[Problem, ...] = ()
    more: str = ""  # why this is a first part; empty: it is the whole
    settled: bool = False  # packages were not looked at: what was said of `unlisted` last time still holds

    @property
    def converged(self) -> bool:
        """Whether the host is what its document says."""
        return not (self.steps or self.problems or self.more)


def plan(document: Document, materials: Mapping[bytes, bytes], host: Host, *, look: Look = WHOLE) -> Plan:
    """Compare a document with a host.

    Args:
        document: verified.
        materials: contents by SHA-256, verified: all lists, and the files that are not inline.
        host: one look at the host.
        look: how.
    """
    task = Task(document=document, materials=materials, allowance=look.allowance, heal=look.heal)
    if look.settled is None or look.settled != mark(document, host):
        return _joined(task, host, SECTIONS)
    rest = tuple(section for section in SECTIONS if section.name != PACKAGES)
    return replace(_joined(task, host, rest), settled=True)


def mark(document: Document, host: Host) -> bytes:
    """A hash of what packages shall be and of everything that dpkg and apt know. Cheap enough for every turn."""
    state = hashlib.sha256()
    for part in declared(document):
        data = codec.encode(part)
        state.update(len(data).to_bytes(8, "big") + data)
    state.update(host.package_fingerprint())
    return state.digest()


def _joined(task: Task, host: Host, sections: tuple[Section, ...]) -> Plan:
    whole = Plan()
    for section in sections:
        if any(problem.resource == section.needs for problem in whole.problems):
            continue
        try:
            part = section.part(task, host)
        except HostError as err:
            whole = replace(whole, problems=(*whole.problems, Problem(section.name, err)))
            continue
        steps, unlisted = (*whole.steps, *part.steps), (*whole.unlisted, *part.unlisted)
        problems = (*whole.problems, *(Problem(section.name, err) for err in part.problems))
        whole = replace(whole, steps=steps, unlisted=unlisted, problems=problems, more=part.more)
        if part.more:
            break
    return whole
