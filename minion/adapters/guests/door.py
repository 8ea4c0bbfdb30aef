"""libvirt itself: connections, domains, and its errors as ours. The only importer of `libvirt`.

Invariants:
- no error of libvirt's leaves: what may pass by itself (its daemon went away) is Blocked, the rest StepFailed;
- libvirt is loaded when a door is opened, and not before: a host without guests needs neither it nor its memory;
- a connection that died is opened anew at the next question.

Known limit: libvirt's calls have no time limit of their own. A daemon that takes a question and never answers holds up
whoever asked.

Called by finding.py and life.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orch.common.errors import Blocked, HostError, NoHypervisor, StepFailed
from orch.minion.adapters.guests import domain
from orch.minion.adapters.guests.drivers import Said
from orch.states.hypervisor import Ending, Life

if TYPE_CHECKING:
    import libvirt

_DAEMON: Final = "does libvirt's daemon run? systemctl status libvirtd"
CRASHED: Final = "crashed"
"""What `Condition.word` says of a guest that crashed and still holds its memory."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How libvirt says that a domain is."""

    life: Life
    ending: Ending = Ending.UNKNOWN
    word: str = ""


class Door:
    """One connection to one hypervisor."""

    def __init__(self, uri: str) -> None:
        """Open it.

        Raises:
            NoHypervisor: libvirt is not installed, or nobody answers there.
        """
        self.uri = uri
        self._open: libvirt.virConnect | None = None
        self._connection()

    def said(self) -> Said:
        """What libvirt says of the machine."""
        with _asking("the machine"):
            connection = self._connection()
            offers, arch = domain.offers(connection.getCapabilities())
            _, memory, cpus, *_ = connection.getInfo()
            return Said(version=connection.getVersion(), offers=offers, arch=arch, memory=memory, cpus=cpus)

    def domains(self) -> tuple[Domain, ...]:
        """All of them, whoever defined them, by name."""
        with _asking("the guests"):
            found = self._connection().listAllDomains()
            return tuple(sorted((Domain(one) for one in found), key=lambda one: one.name))

    def domain(self, name: str) -> Domain | None:
        """One of them."""
        import libvirt

        with _asking(f"the guest {name}"):
            try:
                return Domain(self._connection().lookupByName(name))
            except libvirt.libvirtError as err:
                if err.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return None
                raise

    def define(self, xml: str, name: str) -> Domain:
        """Make one known, or known as something else."""
        with _asking(f"defining the guest {name}"):
            return Domain(self._connection().defineXML(xml))

    def close(self) -> None:
        """Let go."""
        if self._open is not None:
            with _asking("closing"):
                self._open.close()
            self._open = None

    def _connection(self) -> libvirt.virConnect:
        try:
            import libvirt
        except ImportError as err:
            raise NoHypervisor(
                "libvirt's Python module is not here", hint="install it: apt install python3-libvirt"
            ) from err
        if self._open is None or not self._open.isAlive():
            libvirt.registerErrorHandler(lambda _context, _error: None, None)  # or it prints them, too
            try:
                self._open = libvirt.open(self.uri)
            except libvirt.libvirtError as err:
                text = f"{self.uri}: {err.get_error_message() or err}"
                if self._open is None:
                    raise NoHypervisor(text) from err
                raise Blocked(text, hint=_DAEMON) from err  # it was here, and may come again
        return self._open


class Domain:
    """One guest, as libvirt has it."""

    def __init__(self, found: libvirt.virDomain) -> None:
        """Wrap it."""
        self._found = found
        self.name = found.name()

    @property
    def identity(self) -> str:
        """Its number in this world, which a new definition must repeat."""
        with self._asked("identity"):
            return self._found.UUIDString()

    @property
    def autostart(self) -> bool:
        """Whether it is started with the host; False where the driver knows no such thing."""
        import libvirt

        with self._asked("autostart"):
            try:
                return bool(self._found.autostart())
            except libvirt.libvirtError as err:
                if err.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
                    return False
                raise

    @property
    def active(self) -> bool:
        """Whether it holds memory."""
        with self._asked("state"):
            return bool(self._found.isActive())

    @property
    def saved(self) -> bool:
        """Whether the middle of its life is on disk."""
        with self._asked("state"):
            return bool(self._found.hasManagedSaveImage())

    def xml(self, *, running: bool = False) -> str:
        """What it is from its next start on; or what it runs as."""
        import libvirt

        with self._asked("definition"):
            return self._found.XMLDesc(0 if running else libvirt.VIR_DOMAIN_XML_INACTIVE)

    def condition(self, *, saves: bool) -> Condition:
        """How it is."""
        import libvirt

        with self._asked("state"):
            state, reason = self._found.state()[:2]
        if state == libvirt.VIR_DOMAIN_CRASHED:
            return Condition(Life.OFF, Ending.CRASHED, CRASHED)
        if state != libvirt.VIR_DOMAIN_SHUTOFF:
            held = state in {libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED}
            return Condition(Life.PAUSED if held else Life.RUNNING)
        if saves and self.saved:
            return Condition(Life.SAVED, Ending.SAVED)
        endings = {
            libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: Ending.SHUT_DOWN,
            libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: Ending.DESTROYED,
            libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: Ending.CRASHED,
            libvirt.VIR_DOMAIN_SHUTOFF_FAILED: Ending.FAILED,
        }
        return Condition(Life.OFF, endings.get(reason, Ending.UNKNOWN))

    def set_autostart(self, *, wanted: bool) -> None:
        """Have it started with the host, or not."""
        with self._asked("autostart"):
            self._found.setAutostart(int(wanted))

    def create(self) -> None:
        """Start it, or let it go on from where it was saved."""
        with self._asked("starting"):
            self._found.create()

    def suspend(self) -> None:
        """Hold it."""
        with self._asked("suspending"):
            self._found.suspend()

    def resume(self) -> None:
        """Let it go on."""
        with self._asked("resuming"):
            self._found.resume()

    def save(self) -> None:
        """Write it to disk."""
        with self._asked("saving"):
            self._found.managedSave()

    def forget_saved(self) -> None:
        """Remove what was written to disk."""
        with self._asked("forgetting what was saved"):
            self._found.managedSaveRemove()

    def ask_to_end(self, *, signal: bool) -> None:
        """Ask it to shut down; also by SIGTERM, where it is a container.

        libvirt says that it reached a container's init through /dev/initctl where there is nobody to read that. A
        systemd in there reads it, and takes no harm from the signal.
        """
        import libvirt

        with self._asked("shutting down"):
            self._found.shutdown()
            if signal:
                self._found.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_SIGNAL)

    def destroy(self) -> None:
        """Take its power away."""
        with self._asked("destroying"):
            self._found.destroy()

    def undefine(self) -> None:
        """Forget it."""
        with self._asked("undefining"):
            self._found.undefine()

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        with _asking(f"the guest {self.name}: {what}"):
            yield


@contextmanager
def _asking(what: str) -> Iterator[None]:
    import libvirt

    try:
        yield
    except libvirt.libvirtError as err:
        raise _ours(err, what) from err


def _ours(err: libvirt.libvirtError, what: str) -> HostError:
    import libvirt

    text = f"{what}: {err.get_error_message() or err}"
    if err.get_error_domain() == libvirt.VIR_FROM_RPC:
        return Blocked(text, hint=_DAEMON)
    return StepFailed(text, hint="libvirt's own log may say more: journalctl -u libvirtd")
