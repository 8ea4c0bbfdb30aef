"""The estate that every world begins with: hosts that were enrolled, a centre that has admitted most of them.

It is made by the code that ships, once in a process, and each world begins with a copy: keys, disks and the centre's
directory are the same in all of them, as nothing that a world tries depends on which keys they are. The last tenth of the
hosts is enrolled and not admitted: those knock in the world, and wait until the operator has let them in.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.fakes.running_centre import write_directory
from tests.sim.agenda import Agenda, Dice
from tests.sim.around import Around, Told
from tests.sim.centre import SimCentre
from tests.sim.errand import Errands
from tests.sim.history import History
from tests.sim.host import SimHost
from tests.sim.operator import SimOperator

SETTINGS = "[keep]\nreports = 100000\ndays = 36500\n"
BEFORE = -86_400.0
"""When an estate is founded, as worlds count the seconds."""
KNOCKING = 10
"""One host in so many is not admitted yet."""
SLICE = 60.0


@dataclass(frozen=True, slots=True)
class Founded:
    """What a world copies."""

    centre: Mapping[str, bytes]  # the files of its directory
    disks: Mapping[str, Mapping[str, bytes]]  # of each host, by its name


def names_of(count: int) -> tuple[str, ...]:
    """The hosts of an estate: five at a site."""
    return tuple(f"site{number // 5}/host{number % 5}" for number in range(count))


def knocking(count: int) -> int:
    """How many hosts of an estate are not admitted when a world begins."""
    return max(1, count // KNOCKING)


@cache
def founded(count: int) -> Founded:
    """An estate of so many hosts."""
    with tempfile.TemporaryDirectory(prefix="orch-sim-") as name:
        folder = Path(name)
        agenda = Agenda(BEFORE)
        history = History(agenda)
        write_directory(folder / "centre", settings=SETTINGS)
        centre = SimCentre(folder / "centre", agenda, Dice("founding"))
        operator = SimOperator(centre, history, Dice("founder"), folder)
        told = Told(acted=history.acted, made=history.made, taken=history.taken, died=history.died)
        around = Around(agenda, Errands(), centre, told, folder)
        hosts = [SimHost(name, around, Dice(f"founding {name}")) for name in names_of(count)]
        centre.start()
        operator.admit(hosts[: count - knocking(count)])
        while not operator.is_idle:
            agenda.run(agenda.now + SLICE)
        centre.kill()
        assert agenda.now < 0, "the world begins after this"
        return Founded(_files(centre.folder), {host.name: host.disk.image() for host in hosts})


def lay(found: Founded, folder: Path) -> None:
    """The centre's directory."""
    for name, content in found.centre.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)


def _files(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
