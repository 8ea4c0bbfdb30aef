"""Which hypervisor this machine has, and the way to it.

Invariants:
- a document that names a hypervisor gets that one or an error; one that names none gets what is found first;
- the simulated one is never found: it is there only where a document asks for it by name;
- an error says for each hypervisor that was tried what it said, and how it can be had.

Called by the executor's assembly, and by whoever tells a host's facts.
"""

from __future__ import annotations

import re

from orch.common.errors import NoHypervisor
from orch.common.hypervisor import Hypervisor
from orch.minion.adapters.guests.drivers import DRIVERS, ORDER, Driver
from orch.minion.adapters.guests.life import LibvirtGuests, Place

_HERE = Place()


def find(wanted: Hypervisor | None, place: Place = _HERE) -> LibvirtGuests:
    """Open the hypervisor that a document wants, or the one that is here.

    Raises:
        NoHypervisor: it is not here; or none is.
    """
    if wanted is not None:
        return _opened(DRIVERS[wanted], place)
    said = []
    for hypervisor in ORDER:
        try:
            return _opened(DRIVERS[hypervisor], place)
        except NoHypervisor as err:
            said.append(f"{hypervisor.value}: {err.text}")
    mends = "; or ".join(DRIVERS[hypervisor].mend for hypervisor in ORDER)
    raise NoHypervisor("this machine has no hypervisor:\n" + "\n".join(said), hint=mends)


def _opened(driver: Driver, place: Place) -> LibvirtGuests:
    word = (
        f"{driver.hypervisor.value} (untested by this version of orch)" if driver.untested else driver.hypervisor.value
    )
    uri = place.uri or driver.uri
    if not uri:
        raise NoHypervisor(f"{word}: nobody said where it is", hint=driver.mend)
    if re.split(r"[+:]", uri, maxsplit=1)[0] != driver.scheme:
        raise NoHypervisor(f"{word}: {uri} is the address of another", hint=driver.mend)
    try:
        return LibvirtGuests(driver, place)
    except NoHypervisor as err:
        raise NoHypervisor(f"{word}: {err.text}", hint=err.hint or driver.mend) from err
