"""What the parts of the centre share: handed to each of them once, at start.

It has no behaviour. What the parts do for each other goes through the objects in here.
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common.clock import Clock
from orch.common.events import Log
from orch.master.adapters.mailbox import Works
from orch.master.blobs import Blobs
from orch.master.lines import Lines
from orch.master.publisher import Publisher
from orch.master.roster import Roster
from orch.master.rsyncview import Views
from orch.master.settings import Settings
from orch.master.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """The parts."""

    settings: Settings
    clock: Clock
    log: Log
    roster: Roster
    store: Store
    blobs: Blobs
    views: Views
    lines: Lines
    publisher: Publisher
    disk: Works  # everything that writes or links files
    bench: Works  # long computations: the intake
    started: int  # wall clock
