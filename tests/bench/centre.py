"""A centre to be measured: a real orch-master in a process of its own, and what it used of the machine.

Its hosts are admitted in its database before it starts, past the operator's desk: 10,000 signatures of an operator are not
what is measured here. Everything else comes to it over its socket.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from orch.common import keyfile
from orch.common.authoring import sign_admission
from orch.common.keyfile import CentreKey
from orch.master.adapters.mailbox import Mailbox
from orch.master.cli.line import Dialling
from orch.master.cli.wireline import WireLine
from orch.master.records import KeyRecord
from orch.master.store import Store
from tests.bench.usage import Usage, of_process
from tests.fakes import signed_estate as estate

TOP = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds that a master may take to start, and to end in good order."""
OPERATOR = "anna"


class MeasuredCentre:
    """One directory, and the master that runs on it, one after the other."""

    def __init__(self, folder: Path) -> None:
        """Write the directory; nothing runs yet."""
        self._folder = folder
        self.address = f"tcp://127.0.0.1:{_free_port()}"
        (folder / "policy").mkdir(parents=True)
        (folder / "policy" / "0001.policy").write_bytes(estate.policy_bytes())
        key = CentreKey(estate=estate.ESTATE, curve=estate.curve("centre").secret, fresh=estate.signing("fresh").seed)
        (folder / "centre.key").write_text(keyfile.write(key))
        (folder / "centre.key").chmod(0o600)
        (folder / "master.toml").write_text(f'listen = ["{self.address}"]\n')
        self._child: subprocess.Popen[bytes] | None = None

    def admit(self, names: Sequence[str]) -> None:
        """Have these hosts admitted before the first start."""
        mailbox = Mailbox()
        store = Store(self._folder / "store.db", mailbox)
        failed: list[str] = []
        for name in names:
            made = estate.admission(name)
            envelope = sign_admission(made, keys=estate.keys(OPERATOR))
            record = KeyRecord(curve=made.curve, state="admitted", admission=envelope, first=1, last=1)
            store.put_key(record, made.serial, lambda _nothing: None, lambda err: failed.append(err.text))
        store.close()
        for letter in mailbox.take():
            letter()
        mailbox.close()
        if failed:
            raise SystemExit(f"the store refuses: {failed[0]}")

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        if self._child is None:
            raise RuntimeError("no master runs")
        return self._child.pid

    def start(self) -> float:
        """Start it, and wait until it listens; how many seconds that took."""
        began = time.monotonic()
        with (self._folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "orch.master", "--directory", str(self._folder)],
                env={"PYTHONPATH": str(TOP), "PATH": os.environ["PATH"]},
                stderr=log,
            )
        while time.monotonic() < began + PATIENCE:
            if self._child.poll() is not None:
                raise SystemExit(f"orch-master ended:\n{(self._folder / 'log').read_text()[-2000:]}")
            with socket.socket() as probe:
                host, _colon, port = self.address.removeprefix("tcp://").partition(":")
                if probe.connect_ex((host, int(port))) == 0:
                    return time.monotonic() - began
            time.sleep(0.02)
        raise SystemExit("orch-master does not listen")

    def stop(self) -> None:
        """End it in good order."""
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)
            self._child.wait(timeout=PATIENCE)
            self._child = None

    def usage(self) -> Usage:
        """What the running one has used."""
        return of_process(self.pid)

    def operator(self) -> WireLine:
        """An operator's line to it."""
        dialling = Dialling(
            addresses=(self.address,),
            servers=(estate.curve("centre").public,),
            secret=estate.curve(OPERATOR).secret,
            timeout=PATIENCE,
        )
        return WireLine(dialling)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
