"""An operator at a desk: a founded estate in a temporary folder, a centre in memory, commands as a person types them."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from orch.common import phrase
from orch.common.clock import Chance
from orch.common.envelope import open_envelope
from orch.common.errors import Unreachable
from orch.common.identity import LIMIT, REQUEST_TYPE
from orch.master.cli.commands import root
from orch.master.cli.line import Centre, Dialling
from orch.master.cli.surroundings import Surroundings
from tests.fakes.clock import CountingChance, ManualClock
from tests.fakes.operators_centre import FakeCentre, FakeHost

ESTATE = "netgate"
SITE = """\
site: {name}
labels: {{ kind: library }}
hosts:
  srv1:
    files:
      /etc/motd: {{ content: "hello from {name}\\n" }}
"""


@dataclass(slots=True)
class Workplace:
    """Folders, clock, centre, and how to run a command."""

    base: Path
    clock: ManualClock = field(default_factory=ManualClock)
    chance: Chance = field(default_factory=CountingChance)
    centre: FakeCentre | None = None
    interactive: bool = False
    dialled: list[Dialling] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None
    proves: Callable[[tuple[bytes, ...]], bool] = lambda _servers: True
    """Whether the centre can prove itself with one of these keys."""
    unheard: str = ""  # why nobody listens at the centre's address

    @property
    def estate(self) -> Path:
        return self.base / ESTATE

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def recovery(self) -> Path:
        return self.base / f"{ESTATE}-recovery.key"

    @property
    def passphrase(self) -> Path:
        path = self.base / "passphrase"
        if not path.exists():
            path.write_text("correct horse\n")
        return path

    def dial(self, dialling: Dialling) -> Centre:
        self.dialled.append(dialling)
        if self.centre is None or not self.centre.reachable or not self.proves(dialling.servers):
            raise Unreachable("the centre does not answer at " + ", ".join(dialling.addresses))
        return self.centre

    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.on_pause()

    def run(self, *arguments: str, answer: str = "", where: Path | None = None) -> Result:
        """Type a command; `answer` is what the person types then."""
        surroundings = Surroundings(
            clock=self.clock,
            chance=self.chance,
            dial=self.dial,
            reach=lambda _address, _seconds: self.unheard,
            home=lambda: self.home,
            cache=lambda: self.base / "cache",
            interactive=lambda: self.interactive,
            key_cost=4,
            pause=self.pause,
        )
        before = Path.cwd()
        place = where or (self.estate if self.estate.exists() else self.base)
        os.chdir(place)
        try:
            return runner().invoke(root, list(arguments), obj=surroundings, input=answer)
        finally:
            os.chdir(before)

    def found(self, *sites: str) -> FakeCentre:
        """Found the estate, with a centre that is up."""
        done = self.run(
            "init", ESTATE, "--centre", "tcp://127.0.0.1:4505", "--operator", "anna", *self.unlocked, where=self.base
        )
        assert done.exit_code == 0, done.output
        for site in sites:
            self.site(site)
        policies = [path.read_bytes() for path in sorted((self.estate / "policy").iterdir())]
        self.centre = FakeCentre(self.clock, policies)
        return self.centre

    def site(self, name: str, text: str = SITE) -> None:
        (self.estate / "sites" / f"{name}.yaml").write_text(text.format(name=name))

    def colleague(self, name: str) -> Workplace:
        """Another person, on another machine, with a copy of the files; at the same centre."""
        other = Workplace(self.base / name, clock=self.clock, chance=self.chance, centre=self.centre)
        other.pull(self)
        return other

    def pull(self, other: Workplace) -> None:
        """Take somebody else's files, as git does."""
        shutil.copytree(other.estate, self.estate, dirs_exist_ok=True)

    def asks_in(self, name: str) -> Workplace:
        """Somebody new, who has made keys; the file to hand over is `base/NAME.operator`."""
        other = self.colleague(name)
        file = str(self.base / f"{name}.operator")
        done = other.run("key", "request", "--operator", name, "--to", file, *other.unlocked)
        assert done.exit_code == 0, done.output
        return other

    def joins(self, name: str, *grants: str) -> Workplace:
        """Somebody new, who has been let in."""
        other = self.asks_in(name)
        words = [word for grant in grants for word in ("--grant", grant)]
        file = str(self.base / f"{name}.operator")
        done = self.run("policy", "operator", "add", name, "--key", file, *words, "--yes", *self.unlocked)
        assert done.exit_code == 0, done.output
        other.pull(self)
        return other

    @property
    def unlocked(self) -> tuple[str, str]:
        return ("--passphrase-file", str(self.passphrase))

    def admit(self, *names: str) -> list[FakeHost]:
        """Have machines ask, and let them in."""
        assert self.centre is not None
        hosts = []
        for name in names:
            host = self.centre.knock(FakeHost(name, ESTATE, heard=self.clock.wall()))
            done = self.run("key", "accept", name, "--words", words(host), *self.unlocked)
            assert done.exit_code == 0, done.output
            hosts.append(host)
        return hosts


def words(host: FakeHost) -> str:
    """What the host shows on its screen."""
    return phrase.check_words(open_envelope(host.request, type=REQUEST_TYPE, limit=LIMIT).body)


def runner() -> CliRunner:
    """A runner that keeps stdout and stderr apart; newer ones always do and do not know the word any more."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner.__init__).parameters else {}
    return CliRunner(**apart)  # type: ignore[arg-type]


def err(done: Result) -> str:
    return done.stderr
