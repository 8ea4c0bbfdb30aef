"""`orch-minion executor`: settings, parts, signals; then the loop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from orch.common.clock import SystemChance, SystemClock
from orch.common.events import STARTED, STOPPED
from orch.common.sealed import Closed, Opener, open_here
from orch.common.systemd import Notifier
from orch.common.systemd import log as open_log
from orch.minion import assembly, failpoint, keys, settings
from orch.minion.adapters import files
from orch.minion.adapters.process import ProcessRunner, User
from orch.minion.adapters.rsync import ChildFetcher, Fetcher, Line, Parts, Program, Rsync
from orch.minion.adapters.unit import UnitFetcher
from orch.minion.assembly import Given
from orch.minion.cli.program import boot_id, environment, own_words
from orch.minion.executor import Bell
from orch.minion.materials import Fetch
from orch.minion.settings import HostSettings, Layout
from orch.minion.whole import WholeHost
from orch.minion.worker import Attention


def run(layout: Layout) -> None:
    """Serve until SIGTERM.

    Raises:
        SettingsError: the host is not enrolled, or another executor runs.
        StoreError: what it knows is damaged.
    """
    clock = SystemClock()
    log, notifier = open_log("orch-executor", sys.stderr, clock), Notifier(clock, os.environ)
    found, attention = settings.load(layout), Attention()
    given = Given(
        layout=layout,
        settings=found,
        boot=boot_id(),
        machine=WholeHost(layout.root, leave=attention.leave, opens=_opener(layout)),
        fetch=lambda line: _fetch(layout, found, line, attention),
        attention=attention,
        clock=clock,
        chance=SystemChance(),
        log=log,
        failpoints=failpoint.parse(os.environ.get(failpoint.VARIABLE, "")),
    )
    bell, stops = Bell(), []

    def stop(_signal: int, _frame: object) -> None:
        stops.append(True)
        bell.ring()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.write(STARTED, daemon="executor", pid=os.getpid())
    notifier.status(f"{found.name} of {found.estate}")
    assembly.run(given, bell, notifier.turning(lambda: bool(stops)))
    log.write(STOPPED, daemon="executor")


def _opener(layout: Layout) -> Opener:
    """Opens what was sealed to this host. The key is read for each secret, and is in no object that stays."""

    def opens(closed: Closed) -> bytes:
        return open_here(keys.sealing(layout), closed)

    return opens


def _fetch(layout: Layout, found: HostSettings, line: Callable[[], Line], attention: Attention) -> Fetch:
    user = User(found.fetcher, found.group) if files.is_root() else None
    fetcher: Fetcher
    if layout.fetcher.is_socket():
        fetcher = UnitFetcher(layout.fetcher, ProcessRunner(), leave=attention.leave)
    else:
        program = Program(words=own_words(), environment=environment())
        fetcher = ChildFetcher(ProcessRunner(leave=attention.leave), program, user)
    return Rsync(Parts(fetcher=fetcher, line=line, spool=layout.spool, curve=layout.curve, user=user))
