"""A fleet whose master is stolen: three hosts that hold a release, and somebody else at the centre's address.

Two hosts are in one scope, so that one's document can be offered to the other. The third is in a scope in which two
people must sign. The policy in force is the second, with another root key than the first: what the first one's root
signs now is a forgery. Everything up to the theft is done with `orch`.

Called by the system tests.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orch.common import codec
from orch.common import messages as m
from orch.common.crypto import CurveKey, SigningKey
from orch.common.document import LIMIT as DOCUMENT_LIMIT
from orch.common.document import Document, File
from orch.common.events import Event, Value
from orch.common.policy import Grant, KeySet, Operator, Policy, Threshold, Verb
from orch.common.release import Parcel
from orch.common.standing import Floor
from orch.minion.floor import FloorFile
from tests.lab import author, command
from tests.lab.author import Keys
from tests.lab.errors import LabError
from tests.lab.fleet import ESTATE, MASTER, PORT, Fleet, Folders
from tests.lab.hosts import Host, until
from tests.lab.lab import Lab
from tests.lab.loot import Loot, Placed
from tests.lab.network import Network, inside
from tests.lab.thief import Thief

HOST, NEIGHBOUR, ELSEWHERE = "library/lib-srv1", "lab/lab-srv1", "school/sch-srv1"
SCOPE, STRICT_SCOPE = "main", "school"

FILES: Mapping[str, str] = {
    "estate.yaml": f"""orch: 1
estate: {ESTATE}
defaults:
  unlisted: report
  expires: 30d
  files:
    /etc/motd: {{ source: motd }}
""",
    "files/motd": "the first day\n",
    "lists/base.list": "site-tools\n",
    "sites/library.yaml": "site: library\nlists: [base]\nhosts:\n  lib-srv1: {}\n",
    "sites/lab.yaml": "site: lab\nhosts:\n  lab-srv1: {}\n",
    "sites/school.yaml": f"site: school\nscope: {STRICT_SCOPE}\nhosts:\n  sch-srv1: {{}}\n",
}
"""The operator's files: small, so that founding is quick."""


def hurry(host: Host, network: Network) -> None:
    """Let something happen on a host's own network, so that its agent tries again now.

    Where a test changes the centre every few seconds, agents take it for a centre that is in trouble and wait longer
    and longer; what they do about that is not these tests' matter.
    """
    for verb in ("add", "delete"):
        command.run(inside(network.line(host.name).namespace, ["ip", "address", verb, "192.0.2.1/32", "dev", "lo"]))


class Silence:
    """A log for those who only look."""

    def write(self, event: Event, **values: Value) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a host is, judged from outside: none of it may change by what a thief says."""

    packages: Mapping[str, tuple[str, str]]
    files: Mapping[str, tuple[str, int]]  # SHA-256 and mode of everything in /etc, and of what orch keeps
    floor: Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody who can sign."""

    operator: Keys
    old_root: SigningKey
    root: SigningKey
    clerk: SigningKey  # may publish in the strict scope, which needs two, and nowhere else
    caretaker: SigningKey  # may publish in every scope, in a ring in which there is nobody


def write_estate(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    """Put the operator's files into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def founded(lab: Lab, name: str) -> Fleet:
    """A fleet with the small estate, its master running, every host of the laboratory enrolled and let in."""
    fleet = Fleet(lab)
    fleet.folders = Folders(lab.folder / name)  # one laboratory, a fleet for each module of tests
    fleet.found(files=write_estate(lab.folder / f"{name}-files"))
    fleet.start_master()
    words = {host.name: fleet.enrol(host) for host in lab.hosts.values()}
    for host in lab.hosts.values():
        fleet.admit(host, words[host.name])
    return fleet


class Siege:
    """The stolen master, the hosts, and the operator who must watch."""

    def __init__(self, lab: Lab) -> None:
        """Everything up to the theft: two releases, the second policy, and then the master is gone."""
        self.lab = lab
        self.fleet = founded(lab, "siege")
        self.fleet.apply()
        write_estate(self.fleet.folders.estate, {"files/motd": "the second day\n"})
        self.fleet.apply()
        self.people = self._people()
        self._second_policy()
        self.fleet.wait_applied(lab.hosts)
        self.fleet.stop_master()
        self.loot = Loot(Path(shutil.copytree(self.fleet.folders.centre, self.fleet.folders.base / "loot")))
        self.thief: Thief | None = None

    # ---- who is at the centre

    def let_in_the_thief(self) -> Thief:
        """From now on the thief is the centre."""
        if self.thief is None:
            if self.lab.centre.is_running(MASTER):
                self.fleet.stop_master()
            self.thief = Thief(self.loot, self.lab.centre.namespace, port=PORT).__enter__()
        return self.thief

    def bring_back_the_master(self) -> None:
        """From now on the real master is the centre again."""
        self.end()
        if not self.lab.centre.is_running(MASTER):
            self.fleet.start_master()

    def end(self) -> None:
        """The thief goes."""
        if self.thief is not None:
            self.thief.__exit__(None, None, None)
            self.thief = None

    # ---- what there is

    def host(self, name: str = HOST) -> Host:
        """A host."""
        return self.lab.hosts[name]

    def curve(self, name: str = HOST) -> bytes:
        """A host's key."""
        return self.loot.admissions()[name][0].curve

    def held(self, name: str = HOST) -> Placed:
        """The newest release of a host."""
        return self.loot.parcels(name)[-1]

    def document(self, name: str = HOST) -> Document:
        """A host's document."""
        return codec.decode(Document, self.held(name).parcel.document, limit=DOCUMENT_LIMIT)

    def evil(self, name: str = HOST, **changes: object) -> bytes:
        """A document of a host that would give itself away: with a file more, and without the packages' list."""
        content = b"the thief was here\n"
        trace = File(path="/etc/thief", sha256=hashlib.sha256(content).digest(), size=len(content), content=content)
        made = self.document(name)
        changed = {"files": (*made.files, trace), "packages": None, "lists": (), **changes}
        return codec.encode(replace(made, **changed))  # type: ignore[arg-type]

    def parcel(
        self, number: int, *, by: tuple[SigningKey, ...], name: str = HOST, document: bytes = b"", **changes: object
    ) -> Parcel:
        """A release of a host's scope with an evil document for it, beside that of another host of the scope."""
        scope = self.document(name).scope
        told = {key: value for key, value in changes.items() if key == "estate"}  # a document says these, too
        others = [other for other in (HOST, NEIGHBOUR) if other != name and scope == SCOPE]
        documents = (document or self.evil(name, **told), *(self.evil(other, **told) for other in others))
        return author.release(author.draft(number, scope=scope), documents, by=by, **changes).parcel(0)

    # ---- what became of it

    def meet(self, name: str = HOST) -> Thief:
        """Wait until a host is on the thief's line."""
        thief = self.let_in_the_thief()
        if not thief.has(self.curve(name)):
            hurry(self.host(name), self.lab.network)
        thief.meet(self.curve(name))
        return thief

    def offer(self, name: str, *said: m.Message) -> str:
        """Let the thief say something to a host; the host's event of refusal, and all events around it.

        Raises:
            LabError: the host refused nothing within some seconds.
        """
        thief, host, curve = self.thief or self.let_in_the_thief(), self.host(name), self.curve(name)
        self.meet(name)
        before = len(host.log("executor"))
        for message in said:
            thief.say(curve, message)
        try:
            thief.serve(lambda: refusals(host.log("executor")[before:]), what="a refusal")
        except LabError as err:
            raise LabError(f"{err}; {name} said:\n{host.log('executor')[before:]}") from err
        thief.serve_for(0.1)
        return host.log("executor")[before:]

    def snapshot(self, name: str = HOST) -> Snapshot:
        """What a host is."""
        host = self.host(name)
        state = host.root / "var/lib/orch"
        kept = [state / word for word in ("policy", "admission", "current", "previous", "next", "lists", "blobs")]
        floor = FloorFile(state, Silence()).load()
        return Snapshot(
            packages=host.packages(),
            files={str(path): _looks(path) for top in (host.root / "etc", *kept) for path in _files(top)},
            # When the centre last proved something is no matter of what the host accepted.
            floor=replace(floor, trusted_time=0),
        )

    # ---- the past

    def _people(self) -> People:
        operator = Keys.of(self.fleet)
        return People(
            operator=operator,
            old_root=operator.root,
            root=SigningKey.generate(),
            clerk=SigningKey.generate(),
            caretaker=SigningKey.generate(),
        )

    def _second_policy(self) -> None:
        """What a growing estate does: a new root key, two more people, a scope in which two must sign."""
        estate = self.fleet.folders.estate
        first = _policy_of(estate)
        recovery = [key for key in first.root.keys if key != self.people.old_root.public]
        made = author.next_policy(
            first,
            by=(self.people.old_root, self.people.root),
            root=KeySet(1, (self.people.root.public, *recovery)),
            operators=(
                *first.operators,
                _person("clerk", self.people.clerk, Grant((STRICT_SCOPE,), ("*",), (Verb.PUBLISH,))),
                _person("caretaker", self.people.caretaker, Grant(("*",), ("nowhere",), (Verb.PUBLISH,))),
            ),
            thresholds=(Threshold(Verb.PUBLISH, STRICT_SCOPE, 2), Threshold(Verb.REMOVE, "*", 2)),
        )
        (estate / "policy/0002.policy").write_bytes(made)
        self.fleet.orch("plan")  # gives the centre what it lacks
        for host in self.lab.hosts.values():
            # The centre hears of it at the host's next beat only.
            until(lambda: "policy-taken version=2" in host.log("executor"), what="the second policy")  # noqa: B023


def refusals(log: str) -> list[tuple[str, str]]:
    """What was refused, and the reason's code, by a host's events."""
    return re.findall(r"^\S+ refused what=(\S+) code=(\S+)", log, re.MULTILINE)


def _person(name: str, signing: SigningKey, grant: Grant) -> Operator:
    return Operator(
        name=name,
        login_curve=CurveKey.generate().public,
        login=SigningKey.generate().public,
        signing=signing.public,
        grants=(grant,),
    )


def _policy_of(estate: Path) -> Policy:
    from orch.master.cli.folder import Folder

    return Folder(estate).newest_policy()


def _files(top: Path) -> list[Path]:
    if not top.is_dir():
        return [top] if top.exists() else []
    return sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink())


def _looks(path: Path) -> tuple[str, int]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), stat.S_IMODE(path.stat().st_mode)
