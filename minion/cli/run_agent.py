"""`orch-minion agent`: its key, signals; then the loop."""

from __future__ import annotations

import os
import signal
import sys

from orch.common.clock import SystemChance, SystemClock
from orch.common.errors import SettingsError
from orch.common.events import STARTED, STOPPED
from orch.common.systemd import Notifier
from orch.common.systemd import log as open_log
from orch.minion.agent import AgentLoop, Parts, tell_why
from orch.minion.curve import read_curve
from orch.minion.settings import Layout


def run(layout: Layout) -> None:
    """Carry messages until SIGTERM.

    Raises:
        SettingsError: there is no key, or no socket of an executor may be used.
    """
    clock = SystemClock()
    log = open_log("orch-agent", sys.stderr, clock)
    try:
        secret = read_curve(layout.curve)
    except SettingsError as err:
        tell_why(layout.socket, err)
        raise
    parts = Parts(layout.socket, secret, clock, SystemChance(), log, Notifier(clock, os.environ))
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(0))  # it holds nothing that could be lost
    log.write(STARTED, daemon="agent", pid=os.getpid())
    AgentLoop(parts, lambda: False).run()
    log.write(STOPPED, daemon="agent")
