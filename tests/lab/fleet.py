"""A laboratory with orch in it: the operator's folder, a master at the centre, hosts that are enrolled or not yet.

Everything is done as people do it: through the commands `orch`, `orch-master` and `orch-minion`, run from the checkout.
What a host really is, is asked of `dpkg-query` from outside (`hosts.Host.installed`), never of orch.

Called by `demo` and by the system tests.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.hosts import Host, until
from tests.lab.lab import Lab
from tests.lab.network import inside
from tests.lab.table import Service

ESTATE = "tutorial"
PORT = 4505
MASTER = "orch-master"
AGENT, FETCHER, GROUP = 61001, 61002, 61001
PASSPHRASE = "correct horse battery staple"
APPLIED_WITHIN = 90.0
"""Seconds in which a connected host has a small release on the slowest machine that this was seen on, and room."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the people of the centre keep their things; no host can see them."""

    base: Path

    @property
    def estate(self) -> Path:
        """The operator's files."""
        return self.base / ESTATE

    @property
    def home(self) -> Path:
        """The operator's keys."""
        return self.base / "operator"

    @property
    def centre(self) -> Path:
        """The master's state."""
        return self.base / "centre"

    @property
    def passphrase(self) -> Path:
        """A file with the passphrase of the signing key."""
        return self.base / "passphrase"

    @property
    def recovery(self) -> Path:
        """The recovery key, taken away from the estate as its owner is told to."""
        return self.base / "safe" / f"{ESTATE}-recovery.key"


class Fleet:
    """orch in a laboratory."""

    def __init__(self, lab: Lab) -> None:
        """Nothing is made before `found`."""
        self.lab = lab
        self.folders = Folders(lab.folder / "people")

    # ---- the centre

    def found(self, *, files: Path) -> None:
        """Make the estate with one command, then fill it with the operator's files."""
        where = self.folders
        where.base.mkdir(parents=True, exist_ok=True)
        where.home.mkdir(mode=0o700, exist_ok=True)
        where.passphrase.write_text(PASSPHRASE + "\n", "utf-8")
        centre = ["--centre", f"tcp://{self.lab.centre.address}:{PORT}", "--centre-directory", str(where.centre)]
        self.orch("init", ESTATE, *centre, "--directory", str(where.estate), "--operator", "ops-a", anywhere=True)
        where.recovery.parent.mkdir(mode=0o700)
        shutil.move(where.estate.with_name(where.recovery.name), where.recovery)
        for source in sorted(path for path in files.rglob("*") if path.is_file()):
            target = where.estate / source.relative_to(files)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    def start_master(self) -> None:
        """Start the master and wait until it listens."""
        self.lab.centre.start(MASTER, self._module("orch.master", "--directory", str(self.folders.centre)), port=PORT)

    def master(self, *arguments: str) -> command.Result:
        """Run `orch-master` to its end, as whoever runs the centre does."""
        return self.lab.centre.run(self._module("orch.master", "--directory", str(self.folders.centre), *arguments))

    def stop_master(self) -> None:
        """End the master in good order."""
        self.lab.centre.stop(MASTER)

    def kill_master(self) -> None:
        """End the master as a crash would."""
        self.lab.centre.kill(MASTER)

    def orch(
        self, *arguments: str, check: bool = True, timeout: float = 180.0, anywhere: bool = False
    ) -> command.Result:
        """Run `orch` at the centre, in the estate's folder."""
        argv = self._orch(arguments, anywhere=anywhere)
        return self.lab.centre.run(argv, check=check, timeout=timeout, env=self._operator())

    def watch(self, *arguments: str, codes: Collection[int] = (0,)) -> Iterator[str]:
        """Run `orch` and hand out what it says while it works.

        Raises:
            LabError: it ended with another exit code.
        """
        yield from self.lab.centre.follow(self._orch(arguments), env=self._operator(), codes=codes)

    def _orch(self, arguments: Iterable[str], *, anywhere: bool = False) -> list[str]:
        estate = [] if anywhere else ["--estate", str(self.folders.estate)]
        return self._module("orch.master.cli", *estate, *arguments)

    def _operator(self) -> dict[str, str]:
        return {
            "ORCH_HOME": str(self.folders.home),
            "ORCH_PASSPHRASE_FILE": str(self.folders.passphrase),
            "COLUMNS": "110",
        }

    def apply(self, *arguments: str, check: bool = True) -> command.Result:
        """Sign and roll out without questions."""
        return self.orch("apply", "--yes", *arguments, check=check)

    def write_commands(self) -> list[Path]:
        """Small programs that run `orch` at this centre and `orch-minion` on each host, for people; where they are."""
        at_centre = " ".join(
            shlex.quote(word)
            for word in inside(
                self.lab.centre.namespace,
                [
                    "env",
                    f"PYTHONPATH={self.lab.checkout}",
                    *(f"{key}={value}" for key, value in self._operator().items()),
                ],
            )
        )
        commands = {"orch": f"{at_centre} {shlex.join(self._orch([]))}"}
        for host in self.lab.hosts.values():
            words = host.enter(["env", f"PYTHONPATH={self.lab.checkout}", *self._minion(host)])
            commands[f"on-{host.name.partition('/')[2]}"] = shlex.join(words)
        return [_program(self.lab.folder / name, line) for name, line in commands.items()]

    def rows(self) -> dict[str, dict[str, object]]:
        """`orch status` as data: a row for every host, by its name."""
        told = json.loads(self.orch("status", "--output", "json").out)
        return {str(row["host"]): row for row in cast(list[dict[str, object]], told["hosts"])}

    def wait_for(self, name: str, condition: Callable[[dict[str, object]], bool], *, what: str) -> None:
        """Wait until a host's row is as wanted.

        Raises:
            LabError: it was not within APPLIED_WITHIN; the row is in the text.
        """
        try:
            until(lambda: condition(self.rows().get(name, {})), timeout=APPLIED_WITHIN, every=0.5, what=what)
        except LabError as err:
            raise LabError(f"{err}\n{self.rows().get(name)}\n{self.lab.hosts[name].log('executor')[-3000:]}") from err

    def wait_applied(self, names: Iterable[str]) -> None:
        """Wait until hosts have reported the newest release as applied."""
        for name in names:
            self.wait_for(name, is_applied, what=f"{name} to have the newest release")

    # ---- hosts

    def switch_on(self, host: Host) -> None:
        """Start a host with orch's daemons."""
        host.start(self.services(host))

    def enrol(self, host: Host) -> str:
        """Enrol a host as the person on site does: one command with the file from the centre; its check words."""
        if not host.running:
            host.start([])
        shutil.copy(self.folders.estate / f"{ESTATE}.enrol", host.folder)
        users = ["--agent-uid", str(AGENT), "--fetcher-uid", str(FETCHER), "--gid", str(GROUP)]
        self.minion(host, "enrol", str(host.folder / f"{ESTATE}.enrol"), "--name", host.name, *users)
        words = self.minion(host, "words").out.strip()
        host.serve(self.services(host))
        return words

    def admit(self, host: Host, words: str) -> None:
        """Let a host in, as the operator does who was told its words."""
        self._until_it_asks(host)
        self.orch("key", "accept", host.name, "--words", words, "--yes")

    def _until_it_asks(self, host: Host) -> None:
        until(
            lambda: host.name in self.orch("key", "list", "--pending").out,
            every=0.3,
            what=f"{host.name} to ask to be let in",
        )

    def minion(self, host: Host, *arguments: str, check: bool = True) -> command.Result:
        """Run `orch-minion` on a host, as a person on site does."""
        return host.run([*self._minion(host), *arguments], check=check)

    def _minion(self, host: Host) -> list[str]:
        return self._module("orch.minion", "--root", str(host.root))

    def services(self, host: Host) -> list[Service]:
        """The daemons of a host."""
        return [
            Service(name="executor", argv=(*self._minion(host), "executor")),
            Service(name="agent", argv=(*self._minion(host), "agent"), uid=AGENT, gid=GROUP),
        ]

    @staticmethod
    def _module(name: str, *arguments: str) -> list[str]:
        return [command.PYTHON, "-m", name, *arguments]


def _program(path: Path, line: str) -> Path:
    path.write_text(f'#!/bin/sh\nexec {line} "$@"\n', "utf-8")
    path.chmod(0o755)
    return path


def is_applied(row: dict[str, object]) -> bool:
    """Whether a host has reported its newest release as applied."""
    return bool(row) and row["outcome"] == "applied" and row["running"] == row["wanted"]
