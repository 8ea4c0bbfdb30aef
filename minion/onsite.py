"""What a person on site is told: the answers to `orch-minion status`, `plan` and `explain`.

Data only; the desk fills it, the commands show it. The JSON that the commands print has these fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Length, Line, Text
from orch.common.names import HostName
from orch.common.release import Hash
from orch.common.report import Reason, StepReport

TURNED_AWAY = "the centre is reached and refuses this host's key: it was revoked, or the machine there is another one"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host as it sees itself. Times in seconds since 1970 by its own clock, 0 for never."""

    time: int
    host: HostName
    estate: Line
    centre: Line = ""  # address of the connection; empty: none
    since: int = 0  # when that came about, or was lost
    standing: Line = ""  # what the centre says: pending, admitted, or why not
    lost: Line = ""  # while there is no connection: how the last try ended; refused: the centre does not take our key
    denied: Line = ""  # what the centre said when it turned this host away
    policy: int = 0
    scope: Line = ""
    ring: Line = ""
    epoch: int = 0  # release in force; 0 for none
    number: int = 0
    release: Hash = b""
    commit: Line = ""
    expires: int = 0
    waiting: int = 0  # number of a release that waits for its go; 0 for none
    permission: Line = ""  # everything, heal
    outcome: Line = ""  # of the last turn; empty: none yet
    trigger: Line = ""
    at: int = 0
    reason: Reason | None = None
    refused: Reason | None = None  # the newest refusal since this boot
    doing: Line = ""  # what it does right now
    next: int = 0  # when it looks again by itself
    reports: int = 0  # newest report ever made
    committed: int = 0  # newest that the centre has committed
    unlisted: Annotated[tuple[Line, ...], Length(0, 2000)] = ()
    listeners: Annotated[tuple[Line, ...], Length(0, 256)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """What the host would change now, towards the document in force; `reason` says why it cannot tell."""

    host: HostName
    epoch: int
    number: int
    steps: Annotated[tuple[StepReport, ...], Length(0, 2000)] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReports:
    """Reports as this host signed them, that the centre is not known to have; none where there are no more."""

    reports: Annotated[tuple[Annotated[bytes, Length(1, 600_000)], ...], Length(0, 2000)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostExplanation:
    """Why a host is as it is: its status, its newest steps, and sentences that say what follows from them."""

    status: HostStatus
    steps: Annotated[tuple[StepReport, ...], Length(0, 4000)] = ()
    because: Annotated[tuple[Text, ...], Length(0, 32)] = ()
    do: Annotated[tuple[Text, ...], Length(0, 32)] = ()
