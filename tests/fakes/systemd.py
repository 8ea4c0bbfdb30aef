"""A systemd that knows `systemd-run` and `systemctl stop`, and starts programs by itself.

It reads the properties as systemd does: files for the three streams, and an `ExecStopPost` that is run after the program with
how that ended in its environment, variables filled in, and one `$` for two.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from orch.minion.adapters.process import Call, Progress, Result

FINE = Result(code=0, out="", err="")


@dataclass
class FakeSystemd:
    """A Runner for the programs that talk to systemd."""

    refuses: bool = False
    properties: list[dict[str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        """Do as the command line says."""
        if call.argv[:1] == ("systemctl",):
            self._stop(call.argv[-1])
            return FINE
        assert call.argv[0] == "systemd-run"
        if self.refuses:
            return Result(code=1, out="", err="Failed to start transient service unit: Transaction is destructive.\n")
        at = call.argv.index("--")
        options, argv = call.argv[1:at], call.argv[at + 1 :]
        given = [word.removeprefix("--property=").partition("=") for word in options if word.startswith("--property=")]
        properties = {name: value for name, _, value in given}
        (unit,) = [word.removeprefix("--unit=") for word in options if word.startswith("--unit=")]
        variables = [word.removeprefix("--setenv=").partition("=") for word in options if word.startswith("--setenv=")]
        self.properties.append(properties)
        self._start(unit, argv, properties, {name: value for name, _, value in variables})
        return FINE

    def close(self) -> None:
        """End everything."""
        for unit in tuple(self._running):
            self._stop(unit)
        for thread in self._threads:
            thread.join(20)

    def _start(self, unit: str, argv: tuple[str, ...], properties: dict[str, str], env: dict[str, str]) -> None:
        given = Path(properties["StandardInput"].removeprefix("file:"))
        out, err = (Path(properties[f"Standard{name}"].removeprefix("append:")) for name in ("Output", "Error"))
        with given.open("rb") as source, out.open("ab") as said, err.open("ab") as complained:
            try:
                child = subprocess.Popen(
                    argv, stdin=source, stdout=said, stderr=complained, env=env, start_new_session=True
                )
            except OSError:
                _finish(properties["ExecStopPost"], "exited", "203")
                return
        self._running[unit] = child
        thread = threading.Thread(target=self._bury, args=(unit, child, properties["ExecStopPost"]))
        self._threads.append(thread)
        thread.start()

    def _bury(self, unit: str, child: subprocess.Popen[bytes], afterwards: str) -> None:
        code = child.wait()
        if code < 0:
            _finish(afterwards, "killed", signal.Signals(-code).name.removeprefix("SIG"))
        else:
            _finish(afterwards, "exited", str(code))
        del self._running[unit]

    def _stop(self, unit: str) -> None:
        self.stopped.append(unit)
        if child := self._running.get(unit):
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(child.pid, signal.SIGTERM)
            child.wait(20)


def _finish(command: str, how: str, status: str) -> None:
    values = {"EXIT_CODE": how, "EXIT_STATUS": status}
    words = [
        re.sub(r"\$\$|\$\{(\w+)\}", lambda found: values[found[1]] if found[1] else "$", word)
        for word in shlex.split(command)
    ]
    subprocess.run(words, check=False, stderr=subprocess.DEVNULL)  # whoever waited may have cleared the folder away
