"""What goes wrong, and what people do meanwhile, in an episode: everything that this world has to stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orch.minion.failpoint import PLACES as FAILPOINTS
from tests.sim import disk, ledger, machine
from tests.sim.agenda import Dice
from tests.sim.host import SimHost
from tests.sim.thief import Thief

if TYPE_CHECKING:
    from tests.sim.world import World

PLACES = (*FAILPOINTS, *disk.PLACES, *ledger.PLACES, *machine.PLACES)
"""Every durable step of a host, by its name."""
YEAR = 365 * 86_400


class Weather:
    """One world's."""

    def __init__(self, world: World, thief: Thief, dice: Dice) -> None:
        """Fair."""
        self._world, self._thief, self._dice = world, thief, dice
        self._number = 0

    def clear(self) -> None:
        """What was to come does not come."""
        self._number += 1
        for host in self._world.hosts:
            host.machine.mirror_is_down = False
            host.machine.breaks = 0.0
            host.disk.full = host.disk.failing = False
            host.doom(0, power=False)
        self._world.centre.doom(0)

    def episode(self, seconds: float) -> None:
        """Some minutes."""
        world, dice = self._world, self._dice
        world.history.note(f"--- an episode of {seconds:.0f} s")
        for _ in range(dice.randint(1, 3)):
            self._some_time(seconds * 0.8, self._publish)
        for probability, job in (
            (0.3, self._policy),
            (0.1, self._epoch),
            (0.15, self._revoke),
            (0.6, self._kill_centre),
            (0.3, self._kill_centre),
        ):
            if dice.chance(probability):
                self._some_time(seconds, job)
        for _ in range(dice.randint(1, 40) if dice.chance(0.5) else 0):
            self._some_time(seconds, self._thieve)
        self._trouble_hosts(seconds)
        world.agenda.run(world.agenda.now + seconds)

    def _trouble_hosts(self, seconds: float) -> None:
        rough = self._dice.random()
        for host in self._world.hosts:
            for _ in range(5):
                if self._dice.chance(rough):
                    self._some_time(seconds, self._for(host, self._dice.choice(TROUBLES)))

    def _some_time(self, seconds: float, job: Callable[[], None]) -> None:
        self._later(self._dice.between(0, seconds), job)

    def _later(self, seconds: float, job: Callable[[], None]) -> None:
        """Then, unless it has cleared up before."""
        number = self._number
        self._world.agenda.after(seconds, lambda: job() if number == self._number else None)

    def _for(self, host: SimHost, trouble: Callable[[Weather, SimHost], None]) -> Callable[[], None]:
        def strike() -> None:
            self._world.history.note(f"{host.name}: {trouble.__name__.strip('_')}")
            trouble(self, host)

        return strike

    # --- people -------------------------------------------------------------------------------------

    def _publish(self) -> None:
        operator, dice = self._world.operator, self._dice
        living = self._world.living
        if dice.chance(0.5):
            living = [host for host in living if dice.chance(0.6)] or living
        seconds = dice.choice((90, 600, 6 * 3600, 3 * 86_400, 30 * 86_400))
        operator.publish(living, seconds=seconds, by=dice.choice(operator.signers))

    def _policy(self) -> None:
        if len(self._world.operator.signers) > 1:
            self._world.operator.drop_bert()
        else:
            self._world.operator.give_bert_all()

    def _epoch(self) -> None:
        self._world.operator.open_epoch()
        self._publish()

    def _revoke(self) -> None:
        if len(self._world.living) > 2:
            self._world.operator.revoke(self._dice.choice(self._world.living))

    def _thieve(self) -> None:
        self._thief.says(self._dice.choice(self._world.hosts))

    def _kill_centre(self) -> None:
        centre, dice = self._world.centre, self._dice
        if dice.chance(0.7):
            centre.doom(dice.randint(1, 60))
        else:
            centre.kill()
        self._later(dice.choice((1.0, 10.0, 60.0)) * dice.between(0.5, 2.0), centre.start_again)

    # --- trouble of one host ------------------------------------------------------------------------

    def cut(self, host: SimHost) -> None:
        """Nothing comes through for a while."""
        way = self._dice.randrange(4)
        host.road.cut(to_host=way != 0, to_centre=way != 1)
        self._later(self._dice.choice((0.5, 5.0, 30.0, 120.0)) * self._dice.random(), host.road.mend)

    def flap(self, host: SimHost) -> None:
        """The line comes and goes each second."""
        for at in range(self._dice.randint(5, 40)):
            self._later(at, lambda: host.road.cut(to_host=True, to_centre=True))
            self._later(at + 0.5, host.road.mend)

    def hang_up(self, host: SimHost) -> None:
        """The connection breaks, the line does not."""
        host.break_connection()

    def kill(self, host: SimHost) -> None:
        """The executor is killed between two things."""
        host.kill()

    def power_cut(self, host: SimHost) -> None:
        """The current is gone for a while."""
        host.power_cut()
        self._later(self._dice.between(5, 120), host.power_on)

    def doom(self, host: SimHost) -> None:
        """It dies at a durable step."""
        host.doom(self._dice.randint(1, 80), power=self._dice.chance(0.5))

    def doom_by_name(self, host: SimHost) -> None:
        """It dies at a certain durable step, one that comes seldom as soon as one that comes often."""
        host.doom(self._dice.randint(1, 3), power=self._dice.chance(0.5), at=self._dice.choice(PLACES))

    def clock(self, host: SimHost) -> None:
        """Somebody sets the machine's clock, or its battery dies."""
        host.clock.wrong = self._dice.choice((0, -3600, 3600, -40 * 86_400, 40 * 86_400, -10 * YEAR, 10 * YEAR))

    def mirror(self, host: SimHost) -> None:
        """The mirror does not answer."""
        host.machine.mirror_is_down = True

    def breaking(self, host: SimHost) -> None:
        """Steps fail, now and then."""
        host.machine.breaks = 0.3

    def full(self, host: SimHost) -> None:
        """The disk is full for a while."""
        host.disk.full = True
        self._later(self._dice.between(1, 60), host.disk.recover)

    def failing(self, host: SimHost) -> None:
        """The disk cannot sync for a while."""
        host.disk.failing = True
        self._later(self._dice.between(1, 20), host.disk.recover)

    def drift(self, host: SimHost) -> None:
        """Somebody on site edits what orch has put there."""
        host.machine.drift()


TROUBLES: tuple[Callable[[Weather, SimHost], None], ...] = (
    Weather.cut,
    Weather.cut,
    Weather.flap,
    Weather.hang_up,
    Weather.kill,
    Weather.power_cut,
    Weather.doom,
    Weather.doom,
    Weather.doom_by_name,
    Weather.clock,
    Weather.mirror,
    Weather.breaking,
    Weather.full,
    Weather.failing,
    Weather.drift,
)
