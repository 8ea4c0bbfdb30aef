"""The real processes of one host in a folder, without namespaces and packages, and a centre with real sockets."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from orch.common import codec, trust
from orch.common.document import Document, File, ListFile
from orch.common.enrolment import Enrolment, write
from orch.common.identity import Admission
from orch.common.policy import Centre, Policy
from orch.common.release import Parcel
from orch.common.report import Outcome, Report
from orch.common.session import Head
from tests.fakes import signed_estate as estate
from tests.fakes.centre import StandInCentre

HOST = "library/dom0"
PATIENCE = 60.0


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


@dataclass
class RealHost:
    """A host's folder and processes."""

    root: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, kw_only=True)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "orch.minion", "--root", str(self.root), *arguments]
        return subprocess.run(words, check=False, capture_output=True, text=True, timeout=PATIENCE)

    def start(self, what: str, *, under: Sequence[str] = (), **variables: str) -> None:
        words = [*under, sys.executable, "-m", "orch.minion", "--root", str(self.root), what]
        log = (self.root / f"{what}.log").open("ab")
        self.running[what] = subprocess.Popen(words, stderr=log, env={**os.environ, **variables})
        log.close()

    def stop(self, what: str, how: int = signal.SIGTERM) -> None:
        process = self.running.pop(what)
        process.send_signal(how)
        process.wait(PATIENCE)

    def ended(self, what: str) -> bool:
        return self.running[what].poll() is not None

    def log(self, what: str) -> str:
        path = self.root / f"{what}.log"
        return path.read_text() if path.exists() else ""

    def motd(self) -> str:
        path = self.root / "etc/motd"
        return path.read_text() if path.exists() else ""

    @property
    def me(self) -> Admission:
        envelope = (self.root / "var/lib/orch/request").read_bytes()
        mine = trust.check_identity_request(envelope)
        return replace(estate.admission(HOST), curve=mine.curve, sign=mine.sign, seal=mine.seal)

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run("status", "--output", "json").stdout)
        return found

    def end(self) -> None:
        """Leave no process behind."""
        for what in tuple(self.running):
            self.stop(what, signal.SIGKILL)


@dataclass
class Site(RealHost):
    """A host, and a centre with real sockets for it alone."""

    centre: StandInCentre

    def admit(self) -> None:
        self.centre.admit(self.me.curve, estate.admission_bytes(self.me))

    def publish(self, number: int, document: Document) -> Parcel:
        now = int(time.time())
        made = estate.release(
            estate.draft(number, created=now - 5, expires=now + 86400), contents=estate.documents(document)
        )
        self.centre.publish(self.me.curve, Head("main", 1, number, made.hash, made.parcel(0)))
        return made.parcel(0)

    def document(self, text: str, *, lists: str = "") -> Document:
        made = text_document(self.me, text)
        if not lists:
            return made
        data = lists.encode()
        (self.centre.tree / "lists").mkdir(exist_ok=True)
        (self.centre.tree / "lists/base.list").write_bytes(data)
        return replace(made, lists=(ListFile("base", hashlib.sha256(data).digest(), len(data)),))

    def reports(self) -> list[Report]:
        return [trust.judge_report(self.me, envelope) for envelope in tuple(self.centre.reports)]

    def applied(self, number: int) -> bool:
        return any(item.number == number and item.outcome is Outcome.APPLIED for item in self.reports())


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """An enrolled host without packages, in this folder; its processes are ended with it."""
    root, tree = folder / "root", folder / "tree"
    tree.mkdir(parents=True)
    with StandInCentre(tree) as centre:
        site = Site(root, centre)
        enrol(site, policy_of(centre.address))
        try:
            yield site
        finally:
            site.end()


def text_document(me: Admission, text: str) -> Document:
    """A document of one file, /etc/motd."""
    content = text.encode()
    motd = File(path="/etc/motd", sha256=hashlib.sha256(content).digest(), size=len(content), content=content)
    return replace(estate.document(me), files=(motd,))


def policy_of(address: str) -> Policy:
    """A policy of yesterday, with a centre at this address."""
    centre = Centre((address,), (estate.curve("centre").public,), (estate.signing("fresh").public,))
    return replace(estate.POLICY, issued=int(time.time()) - estate.DAY, centre=centre)


def enrol(host: RealHost, policy: Policy) -> None:
    """Install a host without packages in its root, and enrol it."""
    for made in (host.root / "etc", host.root / "var/lib/dpkg"):
        made.mkdir(parents=True)
    _install(host.root / "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    _install(host.root / "etc/group", "root:x:0:\n")
    _install(host.root / "var/lib/dpkg/status", "")
    envelope = estate.policy_bytes(policy)
    given = Enrolment(estate=estate.ESTATE, policy=envelope, pin=hashlib.sha256(codec.encode(policy)).digest())
    file = host.root / "lab.enrol"
    file.write_text(write(given))
    done = host.run("enrol", str(file), "--name", HOST)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 6


def _install(path: Path, text: str) -> None:
    """As an installation leaves it: on the disk."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
