"""A host on a bench: really enrolled in a folder, with its real parts, a manual clock and no sockets or threads.

`Bench.centre` is what the centre would have: it signs, and says messages as the session would deliver them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from orch.common import attest, authoring, messages, trust
from orch.common.authoring import Authored, Question
from orch.common.crypto import sha256
from orch.common.document import Document, File, ListFile, Packages
from orch.common.enrolment import Enrolment
from orch.common.errors import OrchError
from orch.common.identity import Admission
from orch.common.messages import Message
from orch.common.order import Kind, Order
from orch.common.policy import Policy
from orch.common.release import Fresh, Parcel
from orch.common.report import PlanAnswer, Report
from orch.minion import assembly, enrol, keys
from orch.minion.assembly import Core, Given
from orch.minion.failpoint import Failpoints, NoFailpoints
from orch.minion.settings import HostSettings, Layout
from orch.minion.steps import Machine
from orch.minion.want import Errand
from orch.minion.worker import Result, Worker
from tests.fakes import signed_estate as estate
from tests.fakes.clock import CountingChance, ManualClock
from tests.fakes.log import ListLog
from tests.fakes.whole import FakeWhole

HOST = "library/dom0"
BOOT = bytes([7] * 16)
M = TypeVar("M", bound=Machine)


class FakeFetch:
    """Puts contents into a spool, as a centre that has them would; or says why not."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.contents: dict[str, bytes] = {}  # by path in the tree
        self.asked: list[Errand] = []
        self.error: OrchError | None = None

    def __call__(self, errand: Errand) -> Path:
        self.asked.append(errand)
        if self.error is not None:
            raise self.error
        for name, content in self.contents.items():
            target = self.spool / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return self.spool


@dataclass
class BenchOf(Generic[M]):
    """One host and what surrounds it. `start` again to see what a kill leaves."""

    layout: Layout
    settings: HostSettings
    clock: ManualClock
    log: ListLog
    machine: M
    fetch: FakeFetch
    boot: bytes = BOOT
    failpoints: Failpoints = field(default_factory=NoFailpoints)
    policy: Policy = estate.POLICY
    chance: CountingChance = field(default_factory=CountingChance)

    def __post_init__(self) -> None:
        self.core: Core
        self.sent: list[Message] = []
        self.ring = "stable"

    # --- the host -----------------------------------------------------------------------------------

    def start(self) -> Core:
        """A new process: everything in memory is gone."""
        if hasattr(self, "core"):
            self.core.database.close()
        given = Given(
            layout=self.layout,
            settings=self.settings,
            boot=self.boot,
            machine=self.machine,
            fetch=lambda line: self.fetch,
            clock=self.clock,
            chance=self.chance,
            log=self.log,
            failpoints=self.failpoints,
        )
        self.core = assembly.core(given, lambda: None)
        self.core.desk.start()
        self.core.desk.agent_came()
        self.sent = []
        return self.core

    def work(self) -> None:
        """Let the worker do all that waits, here and now."""
        worker: Worker = self.core.worker
        while not worker.idle:
            worker.work(self.core.reconciler)
            self.collect()

    def collect(self) -> None:
        for result in self.core.worker.collect():
            self._heard(result)

    def _heard(self, result: Result) -> None:
        self.sent += self.core.desk.worker_said(result)

    def settle(self, number: int = 2) -> None:
        """Start, connect, and take a release with a list and a file, until nothing is under way."""
        self.start()
        self.connect()
        self.deliver(self.release(number, self.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
        self.work()
        self.ack(self.core.outbox.newest)
        assert self.core.outbox.unsent == ()

    def tick(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        if self.core.desk.due() <= self.clock.boottime():
            self.sent += self.core.desk.tick()

    # --- the line -----------------------------------------------------------------------------------

    @property
    def me(self) -> Admission:
        """The admission that an operator would sign for this host."""
        own = keys.load(self.layout)
        return replace(
            estate.admission(HOST, ring=self.ring),
            curve=own.curve.public,
            sign=own.sign.public,
            seal=own.seal.public,
        )

    def connect(self) -> None:
        """The line is up, the centre lets the host in and proves what is newest."""
        self.up()
        self.say(messages.Admitted(serial=1, envelope=estate.admission_bytes(self.me)))
        self.fresh()

    def connect_again(self) -> None:
        """The line is up for a host that was admitted before."""
        self.up()
        self.fresh()

    def up(self) -> None:
        self.sent += self.core.desk.agent_up("tcp://centre:4505")

    def down(self) -> None:
        self.core.desk.agent_down("the line is down")

    def say(self, message: Message) -> None:
        """The centre says this."""
        self.sent += self.core.desk.centre_said(messages.to_frames(message))

    def fresh(self, **changes: object) -> None:
        """The centre answers the newest nonce that the host has sent."""
        nonce = next(item.nonce for item in reversed(self.sent) if isinstance(item, messages.Hello | messages.Ask))
        made = Fresh(
            estate=estate.ESTATE,
            curve=self.me.curve,
            nonce=nonce,
            policy=1,
            epoch=1,
            number=2,
            release=b"",
            time=self.clock.wall(),
        )
        signed = attest.sign_fresh(replace(made, **changes), estate.signing("fresh"))  # type: ignore[arg-type]
        self.say(messages.Freshness(envelope=signed))

    def ack(self, sequence: int) -> None:
        self.say(messages.Acknowledged(sequence=sequence))

    def deliver(self, made: Authored | Parcel) -> None:
        parcel = made.parcel(0) if isinstance(made, Authored) else made
        self.say(messages.Delivered(proof=parcel.proof, release=parcel.release, document=parcel.document))

    # --- what the operator makes --------------------------------------------------------------------

    def document(self, *, packages: str = "", files: Sequence[File] = (), commit: str = "") -> Document:
        """A document of this host; `packages` is the text of its one list, which the centre then has."""
        made = replace(estate.document(self.me, commit=commit), files=tuple(files))
        if not packages:
            return made
        content = packages.encode()
        self.fetch.contents["lists/base.list"] = content
        base = ListFile("base", hashlib.sha256(content).digest(), len(content))
        return replace(made, lists=(base,), packages=Packages(lists=("base",)))

    def release(self, number: int, document: Document, **changes: object) -> Authored:
        """That document, signed."""
        made = estate.draft(
            number, **{"created": self.clock.wall() - 60, "expires": self.clock.wall() + 30 * 86400, **changes}
        )
        return estate.release(made, contents=estate.documents(document))

    def plan_request(self, document: Document, *, by: str = "anna login") -> Authored:
        """That document, as a candidate."""
        now = self.clock.wall()
        made = Question(estate=estate.ESTATE, scope="main", id=bytes(16), issued=now, expires=now + 60)
        return authoring.sign_plan_request(made, estate.documents(document), keys=estate.keys(by))

    def order(self) -> bytes:
        """An order to look now."""
        now = self.clock.wall()
        made = Order(
            estate=estate.ESTATE,
            scope="main",
            id=bytes([3] * 16),
            hosts=(self.me.curve,),
            kind=Kind.RECONCILE,
            issued=now,
            expires=now + 600,
        )
        return authoring.sign_order(made, keys=estate.keys("anna"))

    # --- what came of it ----------------------------------------------------------------------------

    def reports(self) -> list[Report]:
        """All reports in the outbox, their signatures checked."""
        found = self.core.outbox.envelopes(self.core.outbox.unsent)
        return [trust.judge_report(self.me, envelope) for _sequence, envelope in found]

    def answer(self, planned: Message) -> PlanAnswer:
        """What a plan answer says, its signature checked."""
        assert isinstance(planned, messages.Planned)
        return trust.judge_plan_answer(self.me, planned.envelope, request=planned.request)

    def said(self, kind: type[Message]) -> list[Message]:
        """Messages of one kind that the host has sent since its start."""
        return [item for item in self.sent if isinstance(item, kind)]


Bench: TypeAlias = BenchOf[FakeWhole]
"""A host whose packages and files are names and values."""


def text_file(path: str, text: str) -> File:
    """A small file, its content inline."""
    content = text.encode()
    return File(path=path, sha256=sha256(content), size=len(content), content=content)


def bench(folder: Path) -> Bench:
    """A host that was enrolled just now and was not started yet."""
    layout = Layout(folder)
    log, clock = ListLog(), ManualClock(wall=estate.NOW)
    settings = HostSettings(estate=estate.ESTATE, name=HOST, agent=0, fetcher=0, group=0)
    policy = estate.policy_bytes()
    given = Enrolment(estate=estate.ESTATE, policy=policy, pin=estate.body_hash(policy))
    enrol.enrol(layout, enrol.Wanted(enrolment=given, settings=settings, machine="bench", again=False), log)
    return Bench(layout, settings, clock, log, FakeWhole(), FakeFetch(folder / "spool-of-test"))
