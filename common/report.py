"""What a host did and found. Kept on its disk until the master has committed it.

Signed by the host's executor; the master checks the connection's identity and the sequence, an audit checks signatures.
Plans and reports use the same Change, so that what was shown can be compared with what was done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from orch.common.codec import LATER, Bytes16, Bytes32, Length, Line, Text
from orch.common.names import HostName
from orch.common.release import Hash

TYPE = "orch/report/1"
PLAN_ANSWER_TYPE = "orch/plan-answer/1"
LIMIT = 512 * 1024


class Sign(Enum):
    """The sign a change is shown with."""

    ADD = "+"
    REMOVE = "-"
    CHANGE = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a plan: what becomes different, from what, to what, and why."""

    sign: Sign
    kind: Line  # list, package, file, dpkg
    name: Annotated[str, Length(0, 1024)]
    before: Line = ""
    after: Line = ""
    why: Line = ""


class StepOutcome(Enum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # because something it needs failed


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step as it went: the changes that were really made, and what it said."""

    resource: Line
    outcome: StepOutcome
    changes: Annotated[tuple[Change, ...], Length(0, 5000)] = ()
    problem: Text = ""
    hint: Line = ""
    milliseconds: int = 0


class Trigger(Enum):
    """Why the host looked."""

    RELEASE = "release"
    BOOT = "boot"
    TIMER = "timer"
    RETURN = "return"  # an interrupted run, finished
    ASKED = "asked"


class Outcome(Enum):
    """How it ended. A document counts as applied when the master has committed a report that says so."""

    APPLIED = "applied"
    FAILED = "failed"
    WAITING = "waiting"  # blocked; tried again by itself
    REFUSED = "refused"  # not accepted; the older one stays
    SUPERSEDED = "superseded"  # a newer one came before this one was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why not: the error's code, text and hint."""

    code: Line
    text: Text
    hint: Line = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One turn of a host, or one refusal."""

    host: HostName
    curve: Bytes32
    boot: Bytes16
    sequence: int  # 1, 2, 3 ... without gaps, for the life of the host's key
    previous: Hash  # SHA-256 of the report body before this one
    time: int
    trigger: Trigger
    epoch: int  # the release this is about
    number: int
    release: Hash
    document: Hash
    outcome: Outcome
    reason: Reason | None = None
    steps: Annotated[tuple[StepReport, ...], Length(0, 2000)] = ()
    drift: bool = False  # something had changed the host since the last turn
    listeners: Annotated[tuple[Line, ...], Length(0, 256)] = ()
    unlisted: Annotated[tuple[Line, ...], Length(0, 2000)] = ()  # packages left although no list names them
    truncated: bool = False  # steps were cut to fit
    dropped: int = 0  # reports that were to stand here and had to go, as the host's outbox was full
    refused: Line = ""  # what was refused: release, policy, admission, go, order, reset; floor: all; empty for a turn
    rules: Hash = field(default=b"", metadata=LATER)  # SHA-256 of the firewall's rules; empty: the kernel does not tell
    question: Hash = b""  # while its floor is lost: what a reset must answer (identity.Reset.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAnswer:
    """What a host would do; signed like a report, numbered by the request."""

    host: HostName
    curve: Bytes32
    request: Bytes16
    time: int
    document: Hash
    steps: Annotated[tuple[StepReport, ...], Length(0, 2000)] = ()  # outcome DONE means "would be done"
    reason: Reason | None = None  # why no plan could be made
