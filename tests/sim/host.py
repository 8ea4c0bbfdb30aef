"""One host: the executor's core as it ships (minion/assembly.py) on a simulated disk, clock, line and machine.

It is powered off, suspended, killed and cut off from the current; its disk, journal and machine outlive all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from orch.common.enrolment import Enrolment
from orch.common.errors import Blocked, Malformed, OrchError, ProtocolError, StoreError
from orch.common.messages import Message, Reported, to_frames
from orch.minion import assembly, enrol, keys
from orch.minion.agent import Dialler
from orch.minion.assembly import Core, Given
from orch.minion.failpoint import AFTER_SEND
from orch.minion.floor import SLOTS
from orch.minion.settings import HostSettings, Layout
from orch.minion.want import Errand as Wanted
from tests.fakes import signed_estate as estate
from tests.sim.agenda import Dice
from tests.sim.around import Around, Crashed, HostLog
from tests.sim.clock import SimClock
from tests.sim.disk import SimDisk
from tests.sim.errand import Errand
from tests.sim.ledger import Ledger
from tests.sim.line import PATIENCE, Frames, Line, Road
from tests.sim.machine import SimMachine

IDLE: Final = 300.0
"""Seconds between two looks of a host without a line while days go by: nobody is there who could start anything."""
RESTART: Final = 2.0
"""Seconds after which whoever watches over the executor starts it again."""


class SimHost:
    """One host."""

    def __init__(self, name: str, around: Around, dice: Dice, image: Mapping[str, bytes] | None = None) -> None:
        """Enrolled, and powered off; with an image of its disk, it was enrolled before."""
        self.name, self.around, self.dice = name, around, dice
        told = around.told
        self.agenda = around.agenda
        self.clock = SimClock(around.agenda)
        self.disk = SimDisk(dice.own("disk"), self.reached)
        self.machine = SimMachine(dice.own("machine"), self.reached, lambda act: told.acted(self, act))
        self.machine.wait = self._wait
        self.road = Road(around.agenda, dice.own("road"))
        self.road.mended = self._encouraged
        self.log = HostLog(lambda epoch, number: told.taken(self, epoch, number))
        self.layout = Layout(Path(f"/sim/{name}"), self.disk)
        self._settings = HostSettings(estate=estate.ESTATE, name=name, agent=0, fetcher=0, group=0)
        self._doom, self._doom_is_power, self._doom_at = 0, False, ""
        self._ledger: Ledger | None = None
        self.core: Core | None = None
        self.is_on = False
        self.is_asleep = False
        self.is_away = False
        self.is_revoked = False
        self._boot = bytes(16)
        self._run = 0
        self._errand: Errand | None = None
        self._goes_on = False  # as soon as it wakes
        self._dialler = Dialler(dice.own("dialler"))
        self._tick_at = float("inf")
        self._parked = False
        self._up_since = 0.0
        if image is None:
            self._enrol()
        else:
            self.disk.lay(image)
        own = keys.load(self.layout)
        self.curve, self.sign, self.seal = own.curve.public, own.sign.public, own.seal.public

    def _enrol(self) -> None:
        policy = estate.policy_bytes()
        given = Enrolment(estate=estate.ESTATE, policy=policy, pin=estate.body_hash(policy))
        wanted = enrol.Wanted(
            enrolment=given, settings=self._settings, machine="simulated", again=False, chance=self.dice.own("keys")
        )
        enrol.enrol(self.layout, wanted, self.log)

    # --- power --------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """The machine starts, if somebody is there to start it."""
        if not self.is_on and not self.is_away:
            self.is_on = True
            self.clock.boot()
            self._boot = self.dice.token(16)
            self._start()

    def power_cut(self) -> None:
        """The current is gone, and with it all that was not safe."""
        if self.is_on:
            self._end(silently=True)
            self.is_on = False
            self.is_asleep = False
            self.disk.power_cut()

    def come_back(self) -> None:
        """Whatever it was that kept it away is over."""
        self.is_away = False
        self.power_on()
        self.wake()
        self.road.mend()

    def go_away(self) -> None:
        """Nobody switches it on until it comes back."""
        self.is_away = True
        self.power_cut()

    def break_connection(self) -> None:
        """The connection ends, for no reason of this host's."""
        if self.road.line is not None:
            self.road.line.close("centre")

    def kill(self) -> None:
        """The executor is killed; it is started again."""
        if self.core is not None:
            self._end(silently=False)
            self._start_soon()

    def sleep(self) -> None:
        """The machine is suspended: nothing happens on it, and the centre hears nothing of it."""
        if self.is_on and not self.is_asleep:
            self.is_asleep = True
            self.road.cut(to_host=True, to_centre=True)

    def wake(self) -> None:
        """It goes on where it was; the time that has passed is seen by its clocks."""
        if self.is_asleep:
            self.is_asleep = False
            self.road.mend()
            self._tick_at = float("inf")
            self._plan_tick()
            if self._goes_on and self._errand is not None:
                errand = self._errand
                self.agenda.after(0.1, lambda: self._go_on(errand))
            self._goes_on = False
            if self.road.line is None:
                self._dial_in(self.dice.between(0, 2))

    def doom(self, steps: int, *, power: bool, at: str = "") -> None:
        """Have it die at a durable step to come; `at` counts those of that name only."""
        self._doom, self._doom_is_power, self._doom_at = steps, power, at

    def reached(self, place: str) -> None:
        """A durable step; the one at which it dies never comes back."""
        if self._doom and self.core is not None and self._doom_at in ("", place):
            self._doom -= 1
            if not self._doom:
                self.around.told.died(self, place)
                raise Crashed

    def _start_soon(self) -> None:
        run = self._run
        self.agenda.after(RESTART, lambda: self._start() if run == self._run else None)

    def _start(self) -> None:
        if not self.is_on or self.core is not None:
            return
        given = Given(
            layout=self.layout,
            settings=self._settings,
            boot=self._boot,
            machine=self.machine,
            fetch=lambda line: self._fetch,
            clock=self.clock,
            chance=self.dice,
            log=self.log,
            failpoints=self,
            open=self._opened,
        )

        def begin() -> list[Message]:
            self.core = assembly.core(given, lambda: None)
            self.core.desk.start()
            self._dialler = Dialler(self.dice)
            self._dialler.told(self.core.desk.dialling())
            self._dial_in(self.dice.between(0, 2))
            return []

        self._do(begin)

    def _opened(self, path: Path, schema: Sequence[str]) -> Ledger:
        del path
        if self._ledger is None or self._ledger.is_closed:
            told = self.around.told
            self._ledger = self.around.ledger(schema, self.reached, lambda at, data: told.made(self, at, data))
        return self._ledger

    def _end(self, *, silently: bool) -> None:
        self._run += 1
        self._doom = 0
        self.core = None
        self._tick_at = float("inf")
        self._parked = self._goes_on = False
        if self._errand is not None:
            errand, self._errand = self._errand, None
            self.around.errands.abandon(errand)
        if self.road.line is not None:
            line, self.road.line = self.road.line, None
            line.close("host", silently=silently)

    def _crash(self) -> None:
        if self._doom_is_power:
            self.power_cut()
            self.agenda.after(self.dice.between(5, 90), self.power_on)
        else:
            self.kill()
            if self.core is None and self.is_on:
                self._start_soon()

    # --- what it does -------------------------------------------------------------------------------

    def _do(self, job: Callable[[], list[Message]]) -> None:
        """Have the desk do something, as executor.py does, and see to what follows."""
        try:
            messages = job()
        except Crashed:
            self._crash()
            return
        except (ProtocolError, Malformed) as err:
            self._hang_up(err)
            return
        except StoreError:
            self._end(silently=False)  # the executor ends, maybe in its very start, and is started again
            self._start_soon()
            return
        if not self._say(messages):
            return
        if self.core is not None:
            self.core.desk.permit()
        self._work()
        self._plan_tick()

    def _say(self, messages: list[Message]) -> bool:
        """Send them, as executor.py does; whether it lived through it."""
        line = self.road.line
        for message in messages:
            if line is not None and line.is_up("host"):
                line.send("centre", to_frames(message))
        try:
            if any(isinstance(message, Reported) for message in messages):
                self.reached(AFTER_SEND)
        except Crashed:
            self._crash()
            return False
        return True

    def _hang_up(self, err: OrchError) -> None:
        if self.core is not None:
            self.core.desk.agent_down(err.text)
        if self.road.line is not None:
            line, self.road.line = self.road.line, None
            line.close("host")
            self._lost()

    def _plan_tick(self) -> None:
        if self.core is None or self.is_asleep:
            return
        soonest = self.agenda.now + (IDLE if self._parked and self.around.centre.is_quiet else 0)
        at, run = max(self.clock.at(self.core.desk.due()), soonest), self._run
        if at < self._tick_at or self._tick_at < self.agenda.now:
            self._tick_at = at
            if at < float("inf"):
                self.agenda.at(at + 0.01, lambda: self._tick(run, at))

    def _tick(self, run: int, at: float) -> None:
        if run != self._run or self.core is None or self._tick_at != at or self.is_asleep:
            return
        self._tick_at = float("inf")
        core = self.core
        self._do(lambda: core.desk.tick() if core.desk.due() <= self.clock.boottime() else [])

    def _work(self) -> None:
        core = self.core
        if core is None or self._errand is not None or core.worker.idle:
            return
        self._turn_errand(lambda: self.around.errands.begin(lambda errand: self._errand_body(errand, core)))

    def _errand_body(self, errand: Errand, core: Core) -> None:
        self._errand = errand
        while not core.worker.idle and core.worker.work(core.reconciler):
            pass

    def _turn_errand(self, job: Callable[[], Errand | None]) -> None:
        try:
            job()
        except Crashed:
            self._errand = None
            self._crash()
            return
        if self._errand is not None and self._errand.ended:
            self._errand = None
        self._collect()

    def _collect(self) -> None:
        core = self.core
        if core is not None and (results := core.worker.collect()):
            self._do(lambda: [message for result in results for message in core.desk.worker_said(result)])

    def _wait(self, seconds: float) -> None:
        """Called within an errand: the world goes on, and so does this afterwards."""
        errand = self._errand
        assert errand is not None
        self.agenda.after(seconds, lambda: self._go_on(errand))
        errand.pause()

    def _go_on(self, errand: Errand) -> None:
        if errand is not self._errand:
            return
        if self.is_asleep:
            self._goes_on = True
            return
        self._turn_errand(lambda: self.around.errands.go_on(errand))

    def _fetch(self, errand: Wanted) -> Path:
        del errand
        self._wait(self.dice.between(0.2, 3.0))
        if not self.road.is_open or not self.around.centre.is_up:
            raise Blocked("the line does not carry it")
        return self.around.spool

    # --- the line -----------------------------------------------------------------------------------

    def _dial_in(self, seconds: float) -> None:
        run = self._run
        self.agenda.after(seconds, lambda: self._dial() if run == self._run else None)

    def _dial(self) -> None:
        if self.core is None or self.is_asleep or self.road.line is not None:
            return
        if not self.road.is_open or not self.around.centre.is_up:
            self._parked = True  # it tries and tries; nothing comes of it until something is mended
            return
        self._parked = False
        run = self._run
        self.agenda.after(4 * self.road.delay(), lambda: self._dialled() if run == self._run else None)

    def _dialled(self) -> None:
        centre = self.around.centre
        if self.core is None or self.road.line is not None:
            return
        line = Line(self.road, peer=centre.peer(), host=self, centre=centre)
        if self.is_asleep or not self.road.is_open or not centre.accept(line, self.curve):
            self._dial_in(self._dialler.failed() + PATIENCE * self.dice.random())
            return
        self.road.line = line
        self._up_since = self.clock.boottime()
        core = self.core
        self._do(lambda: core.desk.agent_up("tcp://centre:4505"))

    def _encouraged(self) -> None:
        """Something was mended: whoever tried all the time comes through soon, not at once."""
        if self._parked and self.core is not None:
            self._parked = False
            self._dial_in(max(self._dialler.failed() for _ in range(6)))

    def centre_came_up(self) -> None:
        """The centre runs again."""
        self._encouraged()

    def _lost(self) -> None:
        self._dial_in(self._dialler.lost(self.clock.boottime() - self._up_since))

    def arrived(self, line: Line, frames: Frames) -> None:
        core = self.core
        if core is not None and line is self.road.line:
            self._do(lambda: core.desk.centre_said(frames))

    def ended(self, line: Line) -> None:
        if line is not self.road.line:
            return
        self.road.line = None
        if self.core is not None:
            self.core.desk.agent_down("the line is down")
            self._lost()

    # --- to look at ---------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether something is being done on it."""
        return self._errand is not None

    def rot_a_slot(self) -> None:
        """One of the floor's two slots goes bad on the disk."""
        self.disk.rot(self.layout.state / self.dice.choice(SLOTS))
