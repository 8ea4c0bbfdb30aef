"""Puts an executor together from its parts: the one place that knows all of them.

Refuses to do: anything else. What differs between a real host and a test (the machine, the fetch, the clock) is given.

Called by `orch-minion executor` and by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orch.common import trust
from orch.common.clock import Chance, Clock
from orch.common.events import Log
from orch.common.identity import IdentityRequest
from orch.minion import channel, enrol, keys, ledger
from orch.minion.adapters import files
from orch.minion.adapters.database import Database
from orch.minion.adapters.rsync import Line
from orch.minion.answers import Answers
from orch.minion.answers import Parts as AnswerParts
from orch.minion.desk import Desk
from orch.minion.desk import Parts as DeskParts
from orch.minion.executor import Bell, Executor
from orch.minion.executor import Parts as ExecutorParts
from orch.minion.failpoint import Failpoints
from orch.minion.floor import FloorFile
from orch.minion.inbox import Inbox
from orch.minion.inbox import Parts as InboxParts
from orch.minion.journal import Journal
from orch.minion.materials import Fetch, Store
from orch.minion.outbox import Outbox
from orch.minion.question import QuestionFile
from orch.minion.reconcile import Reconciler, Written
from orch.minion.reporter import Parts as ReporterParts
from orch.minion.reporter import Reporter, Who
from orch.minion.settings import HostSettings, Layout
from orch.minion.steps import Machine
from orch.minion.steps import Parts as StepParts
from orch.minion.watch import Parts as WatchParts
from orch.minion.watch import Watch
from orch.minion.worker import Attention, Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What differs from place to place."""

    layout: Layout
    settings: HostSettings
    boot: bytes
    machine: Machine
    fetch: Callable[[Callable[[], Line]], Fetch]  # made with a way to ask where the centre is
    clock: Clock
    chance: Chance
    log: Log
    failpoints: Failpoints
    open: Callable[[Path, Sequence[str]], Database] = Database  # the journal's, with its schema
    attention: Attention = field(default_factory=Attention)  # machine and fetch heed it too


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """An executor without its sockets and its thread."""

    desk: Desk
    answers: Answers
    reconciler: Reconciler
    worker: Worker
    inbox: Inbox
    outbox: Outbox
    journal: Journal
    database: Database


def core(given: Given, wake: Callable[[], None]) -> Core:
    """Read what the host knows, and put the parts together.

    Raises:
        SettingsError: the host is not enrolled, or a key is missing.
        StoreError: what it knows is damaged.
    """
    layout, clock, log, failpoints = given.layout, given.clock, given.log, given.failpoints
    own = keys.load(layout)
    request = enrol.request(layout)
    mine = trust.check_identity_request(request, estate=given.settings.estate)
    files.make_folder(layout.run, mode=0o755, disk=layout.disk)
    found = ledger.opened(layout, given.open, log)
    database, journal, outbox = found.database, found.journal, found.outbox
    inbox = _inbox(given, mine)
    inbox.load()
    parts = ReporterParts(database, outbox, own.sign, clock, log, failpoints, lambda: inbox.question)
    reporter = Reporter(parts, Who(host=given.settings.name, curve=own.curve.public, boot=given.boot))
    attention = given.attention
    worker = Worker(attention, wake)
    desk = Desk(
        DeskParts(
            boot=given.boot,
            request=request,
            proxy=given.settings.proxy,
            inbox=inbox,
            outbox=outbox,
            journal=journal,
            reporter=reporter,
            attention=attention,
            worker=worker,
            watch=Watch(WatchParts(inbox, journal, given.machine.listeners, given.machine.rules, clock)),
            lost=found.lost,
            clock=clock,
            chance=given.chance,
            log=log,
            failpoints=failpoints,
        )
    )
    steps = StepParts(
        journal=journal,
        machine=given.machine,
        clock=clock,
        log=log,
        failpoints=failpoints,
        heed=attention,
        progress=worker.moved,
    )
    store = Store(layout, given.fetch(desk.line), log)
    about = AnswerParts(settings=given.settings, desk=desk, inbox=inbox, outbox=outbox, journal=journal, clock=clock)
    return Core(
        desk=desk,
        answers=Answers(about),
        reconciler=Reconciler(steps, Written(boot=given.boot, database=database, reporter=reporter, store=store)),
        worker=worker,
        inbox=inbox,
        outbox=outbox,
        journal=journal,
        database=database,
    )


def _inbox(given: Given, mine: IdentityRequest) -> Inbox:
    layout, log = given.layout, given.log
    floor = FloorFile(layout.state, log, layout.disk)
    question = QuestionFile(layout.state, given.chance, log, layout.disk)
    return Inbox(InboxParts(layout, floor, question, given.clock, log, given.failpoints), mine, given.boot)


def run(given: Given, bell: Bell, stopping: Callable[[], bool]) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: the host is not enrolled, or another executor runs.
        StoreError: its own disk.
    """
    files.make_folder(given.layout.run, mode=0o755)
    door = channel.listen(given.layout.socket, group=given.settings.group)
    parts = core(given, bell.ring)
    parts.worker.start(parts.reconciler)
    executor = Executor(
        ExecutorParts(
            door=door,
            agent=given.settings.agent,
            desk=parts.desk,
            answers=parts.answers,
            worker=parts.worker,
            clock=given.clock,
            log=given.log,
            failpoints=given.failpoints,
        ),
        bell,
        stopping,
    )
    executor.run()
    parts.database.close()
