"""The desk: everything that reaches the executor is put on it, and it says who does what. No sockets, no threads.

It drives the session with the centre, has what comes judged and kept (intake.py), gives turns and plans to the worker,
and answers people on site. The executor carries words in and out and calls `tick` when `due` says so.

Invariants:
- after each turn the next look is settled: soon where something stands in the way, else on a jittered timer.

Called by executor.py, in the main thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from orch.common import events, messages
from orch.common.clock import Chance, Clock
from orch.common.errors import Malformed, Refused
from orch.common.events import Log
from orch.common.messages import Message
from orch.common.report import Outcome, Reason, Trigger
from orch.common.session import CheckFresh, Forget, Held, HostEffect, HostSession, Say, SendReports, Standing, Take
from orch.minion.adapters.rsync import Line
from orch.minion.channel import Ailing, Dialling
from orch.minion.failpoint import BEFORE_FORGET, Failpoints
from orch.minion.inbox import Inbox
from orch.minion.intake import Intake, Sent
from orch.minion.journal import Journal
from orch.minion.last import LastNote
from orch.minion.outbox import Outbox
from orch.minion.reconcile import Turn
from orch.minion.refusals import Refusals
from orch.minion.reporter import Reporter, clipped
from orch.minion.watch import Watch
from orch.minion.worker import MOST_PLANS, Attention, Broke, Job, Moved, PlanJob, PlanMade, Result, TurnEnded

FIRST_RETRY: Final = 10.0
LONGEST_RETRY: Final = 300.0
IDLE: Final = 3600.0
SHORTEST: Final = 10.0
"""Seconds between two looks, whatever a document says."""
_LOST: Final = "lost"
_LOST_HINT: Final = "look at the host's disk; a damaged journal lies beside the new one: journal.db.damaged-1"
ADMITTED: Final = "admitted"
"""What the session calls a host that is let in."""


class Doer(Protocol):
    """Who does jobs (worker.Worker)."""

    def put(self, job: Job) -> None:
        """Do this when everything before it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a desk is made of."""

    boot: bytes
    request: bytes  # this host's signed identity request
    proxy: str
    inbox: Inbox
    outbox: Outbox
    journal: Journal
    reporter: Reporter
    attention: Attention
    worker: Doer
    watch: Watch
    lost: str  # why the journal is a new one; empty: it is not
    clock: Clock
    chance: Chance
    log: Log
    failpoints: Failpoints


@dataclass(slots=True)
class View:
    """What changes while the executor runs, for people on site. Lost at its end, on purpose."""

    agent: bool = False  # whether there is one
    ails: Reason | None = None  # why it cannot work
    centre: str = ""
    since: int = 0
    standing: str = ""
    lost: str = ""  # while there is no connection: how the last try ended
    denied: str = ""  # what the centre said last when it turned this host away; it is not let in since
    doing: str = ""
    turning: bool = False
    plans: int = 0
    trouble: Reason | None = None  # why nothing can be written down
    next: int = 0


class Desk:
    """One host's desk."""

    def __init__(self, parts: Parts) -> None:
        """Use these parts; `start` begins."""
        self._parts = parts
        self._session = HostSession(parts.chance)
        self.refusals = Refusals(parts.journal, parts.reporter, parts.log, parts.boot)
        self._intake = Intake(parts.inbox, parts.journal, self.refusals, parts.log)
        self._last = LastNote(parts.journal)
        self._queued: set[Trigger] = set()
        self._look_at = float("inf")
        self._retry = FIRST_RETRY
        self._dialling = self.dialling()
        self.view = View(since=parts.clock.wall())

    # --- time ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """The process begins: finish what a kill left, or look whether the host is still right."""
        inbox, journal = self._parts.inbox, self._parts.journal
        if self._parts.lost:
            journal.set_note(_LOST, self._parts.lost.encode())
            self._tell_loss()
        if (lost := inbox.lost) is not None:
            self.refusals.lost(inbox.question, lost, inbox.newest)
        if inbox.in_force is None:
            return
        self._parts.attention.newest(inbox.in_force.release_hash)
        last = self._last.read()
        if journal.interrupted() is not None:
            self._turn(Trigger.RETURN)
        elif last is None or last.release != inbox.in_force.release_hash:
            self._turn(Trigger.RELEASE)  # it was accepted, and the process ended before it began
        elif last.boot == self._parts.boot or inbox.in_force.document.reconcile.at_boot:
            self._turn(Trigger.TIMER if last.boot == self._parts.boot else Trigger.BOOT)
        else:
            self._settle_next()

    def due(self) -> float:
        """When `tick` has something to do, on the clock's boottime."""
        return min(self._session.due(), self._look_at, self._parts.watch.due)

    def tick(self) -> list[Message]:
        """Time has passed; what to send."""
        now = self._parts.clock.boottime()
        if self._parts.watch.news() or now >= self._look_at:
            self._look_at = float("inf")  # settled anew when the turn ends
            self._turn(Trigger.TIMER)
        return self._effects(self._session.tick(self._held(), now)) if self._session.open else []

    # --- the agent ----------------------------------------------------------------------------------

    def dialling(self) -> Dialling:
        """Where the centre is, as the policy in force says."""
        centre = self._parts.inbox.policy.centre
        return Dialling(centre.addresses, centre.curve, self._parts.proxy)

    def line(self) -> Line:
        """Where the centre is right now, for the fetcher; called by the worker's thread, which only reads."""
        where, address = self._dialling, self.view.centre
        if not address or self.view.standing != ADMITTED:
            return Line((), where.servers, where.proxy)
        others = tuple(item for item in where.addresses if item != address)
        return Line((address, *others), where.servers, where.proxy)

    def moved(self) -> bool:
        """Whether the policy has moved the centre since the last call."""
        before, self._dialling = self._dialling, self.dialling()
        return before != self._dialling

    def agent_came(self) -> None:
        """There is an agent; it has no connection yet."""
        self.view.agent, self.view.ails = True, None

    def agent_ails(self, word: Ailing) -> None:
        """The agent cannot work at all."""
        self.view.ails = Reason(code="agent", text=word.text, hint=word.hint)

    def agent_gone(self, reason: str) -> None:
        """There is no agent any more."""
        self.agent_down(f"the agent has gone: {reason}")
        self.view.agent = False

    def agent_up(self, address: str) -> list[Message]:
        """There is a connection."""
        self._parts.log.write(events.CONNECTED, address=address)
        self.view.centre, self.view.since, self.view.standing = address, self._parts.clock.wall(), ""
        self.view.lost = ""
        return self._effects(self._session.connected(self._held(), self._parts.clock.boottime()))

    def agent_down(self, reason: str) -> None:
        """There is none."""
        if self._session.open:
            self._parts.log.write(events.DISCONNECTED, reason=reason)
            self.view.since = self._parts.clock.wall()
        self.view.centre, self.view.standing, self.view.lost = "", "", clipped(reason)
        self._session.disconnected()

    def centre_said(self, frames: tuple[bytes, ...]) -> list[Message]:
        """A message of the centre; what to send in answer.

        Raises:
            ProtocolError: it may not say that: the connection must be ended.
            Malformed: it is no message: the same.
        """
        message = messages.from_frames(frames)
        return self._effects(self._session.received(message, self._held(), self._parts.clock.boottime()))

    # --- the worker ---------------------------------------------------------------------------------

    def worker_said(self, result: Result) -> list[Message]:
        """A turn or a plan is over, or has moved; what to send.

        Raises:
            Exception: what broke the worker; the executor ends with it.
        """
        match result:
            case Moved():
                return self._moved(result)
            case TurnEnded():
                self._turn_ended(result)
            case PlanMade():
                return self._planned(result)
            case Broke(error=error):
                raise error
        # There may be a report to send.
        return self._effects(self._session.tick(self._held(), self._parts.clock.boottime()))

    def _moved(self, result: Moved) -> list[Message]:
        self.view.doing = clipped(f"step {result.step} of {result.steps}: {result.text}")
        if self.view.standing != ADMITTED:
            return []
        release = result.what.release
        progress = messages.Progress(
            epoch=release.epoch,
            number=release.number,
            step=result.step,
            steps=result.steps,
            text=clipped(result.text),
        )
        return [progress]

    def _turn_ended(self, result: TurnEnded) -> None:
        self._queued.discard(result.turn.trigger)
        self.view.doing, self.view.turning = "", bool(self._queued)
        self.view.trouble = result.ended.reason if result.ended.unwritten else None
        if (trouble := self.view.trouble) is not None:
            self._parts.log.write(events.PROBLEM, code=trouble.code, text=trouble.text, hint=trouble.hint)
        outcome = result.ended.outcome
        if outcome is None or outcome is Outcome.SUPERSEDED:
            return
        self._settle_next(outcome)

    def _settle_next(self, outcome: Outcome | None = None) -> None:
        chance, in_force = self._parts.chance, self._parts.inbox.in_force
        every = max(SHORTEST, float(in_force.document.reconcile.every)) if in_force else IDLE
        seconds = every * chance.between(0.9, 1.1)
        if outcome in (Outcome.WAITING, Outcome.FAILED):
            # What failed may have been a mirror in the middle of its own update: soon again, then ever more seldom.
            seconds = min(seconds, self._retry * chance.between(0.5, 1.0))
            self._retry = min(LONGEST_RETRY if outcome is Outcome.WAITING else every, self._retry * 2)
        else:
            self._retry = FIRST_RETRY
        self._look_at = self._parts.clock.boottime() + seconds
        self.view.next = self._parts.clock.wall() + int(seconds)

    def _planned(self, result: PlanMade) -> list[Message]:
        self.view.plans -= 1
        job = result.job
        answer = self._parts.reporter.answer(job.request, job.document_hash, steps=result.steps, reason=result.reason)
        code = result.reason.code if result.reason else "-"
        self._parts.log.write(events.PLAN_ANSWERED, request=job.request, steps=len(result.steps), code=code)
        return [messages.Planned(request=job.request, envelope=answer)] if self._session.open else []

    def _turn(self, trigger: Trigger, *, full: bool = False) -> None:
        in_force = self._parts.inbox.in_force
        if in_force is None or (trigger in self._queued and trigger is not Trigger.RELEASE):
            return
        self.permit()
        self._queued.add(trigger)
        self.view.turning = True
        self._parts.worker.put(Turn(trigger=trigger, what=in_force, full=full))

    def permit(self) -> None:
        """Tell a turn at work by what it may act now: something came, or somebody who signed counts no more."""
        self._parts.attention.stand_on(self._parts.inbox.grounds())

    # --- the session's wishes -----------------------------------------------------------------------

    def _held(self) -> Held:
        inbox, outbox, newest = self._parts.inbox, self._parts.outbox, self._parts.inbox.held
        return Held(
            boot=self._parts.boot,
            policy=inbox.policy.version,
            admission=inbox.admission.serial if inbox.admission else 0,
            scope=newest.release.scope if newest else "",
            epoch=newest.release.epoch if newest else 0,
            number=newest.release.number if newest else 0,
            release=newest.release_hash if newest else b"",
            document=newest.document_hash if newest else b"",
            sequence=outbox.newest,
            unsent=outbox.unsent,
            request=self._parts.request,
        )

    def _effects(self, effects: list[HostEffect]) -> list[Message]:
        out: list[Message] = []
        for effect in effects:
            match effect:
                case Say(message=message):
                    out.append(message)
                case SendReports(sequences=sequences):
                    out.extend(self._reports(sequences))
                case Take():
                    out.extend(self.take(effect.message))
                case CheckFresh(envelope=envelope, nonce=nonce):
                    self._fresh(envelope, nonce)
                case Forget(sequence=sequence):
                    self._forget(sequence)
                case Standing(word=word, denied=denied):
                    self.view.denied = clipped(word) if denied else ""
                    self._standing(word)
        return out

    def _reports(self, sequences: tuple[int, ...]) -> list[Message]:
        found = self._parts.outbox.envelopes(sequences)
        if found:
            self._parts.log.write(events.REPORTS_SENT, first=found[0][0], last=found[-1][0])
        return [messages.Reported(sequence=sequence, envelope=envelope) for sequence, envelope in found]

    def _forget(self, sequence: int) -> None:
        # At every welcome the centre says again what it has; only what is news is a place to die at.
        if sequence > self._parts.outbox.committed:
            self._parts.failpoints.reached(BEFORE_FORGET)
        outbox = self._parts.outbox
        ahead, unsent = sequence > outbox.newest, len(outbox.unsent)
        if outbox.forget(sequence):
            self._parts.log.write(events.REPORTS_COMMITTED, sequence=sequence)
        if ahead:  # the centre has reports that this journal does not know of: what it had made was under their numbers
            self._tell_loss(and_=f", with {unsent} reports made since" if unsent else "")
            self._turn(Trigger.TIMER)

    def _tell_loss(self, *, and_: str = "") -> None:
        """The journal is not the one that this host had: said, and the next turn is reported whatever it finds."""
        why = (self._parts.journal.note(_LOST) or b"it is an older one, or was removed").decode()
        text = clipped(f"its journal was lost, and reports that the centre did not have{and_}: {why}", 8000)
        self.refusals.over(Reason(code="journal-lost", text=text, hint=_LOST_HINT), self._parts.inbox.newest)

    def _standing(self, word: str) -> None:
        news = word != self.view.standing
        self.view.standing = word
        if news:
            self._parts.log.write(events.CENTRE_SAYS, word=word)
        if news and word == ADMITTED:
            self._try_again()  # what had to wait for the line need not wait for the timer too

    def _fresh(self, envelope: bytes, nonce: bytes) -> None:
        inbox, log = self._parts.inbox, self._parts.log
        before, _ = inbox.permission()
        try:
            fresh = inbox.take_fresh(envelope, nonce)
        except (Refused, Malformed) as err:
            log.write(events.REFUSED, what="fresh", code=err.code, text=err.text)
            return
        log.write(events.FRESH, epoch=fresh.epoch, number=fresh.number, time=fresh.time)
        self.permit()
        after, _ = inbox.permission()
        if before is not after:
            self._try_again()

    def _try_again(self) -> None:
        last = self._last.read()
        if last is not None and last.outcome is Outcome.WAITING:
            self._turn(Trigger.TIMER)

    def take(self, message: Sent) -> list[Message]:
        """The centre sent this, or a person on site brought it; what to send.

        Raises:
            OrchError: what a person brought is not accepted, or cannot be kept.
        """
        before, _ = self._parts.inbox.permission()
        came = self._intake.take(message)
        self.permit()
        if not came.begins and self._parts.inbox.permission()[0] is not before:
            self._try_again()
        if came.begins:
            self._retry = FIRST_RETRY
            self._parts.attention.newest(came.begins)
            self._turn(Trigger.RELEASE)
        if came.look:
            self._turn(Trigger.ASKED, full=True)
        if came.plan is not None:
            return self._plan(came.plan)
        now = self._parts.clock.boottime()
        effects = self._session.ask_now(self._held(), now, lacks=came.lacks) if came.ask or came.lacks else []
        return self._effects(effects + (self._session.tick(self._held(), now) if came.reported else []))

    def _plan(self, job: PlanJob) -> list[Message]:
        self.view.plans += 1
        if self.view.plans <= MOST_PLANS:
            self._parts.worker.put(job)
            return []
        text = f"{MOST_PLANS} plans are waiting on this host"
        return self._planned(PlanMade(job=job, reason=Reason(code="busy", text=text, hint="ask again later")))
