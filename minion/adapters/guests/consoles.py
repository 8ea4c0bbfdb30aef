"""What guests showed on their consoles, in a file each.

Xen and KVM write such a file themselves. A container has a terminal only, which keeps 4 KiB: what is read of it here is
added to a file of ours, so that it is there again at the next question. What a container says while nobody asks for
long, and its very last words, may be missing.

Refuses to do: follow a link, or hand out more than the last 256 KiB: a guest writes there whatever it likes.

Called by life.py.
"""

from __future__ import annotations

import os
import select
import stat
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from orch.common.errors import StepFailed
from orch.minion.adapters.guests.drivers import Keeping

MOST: Final = 256 * 1024
_SEEN: Final = 1.5
_XEN: Final = Path("/var/log/xen/console")


class Consoles:
    """The consoles of one hypervisor's guests."""

    def __init__(self, keeping: Keeping, folder: Path) -> None:
        """Files that are ours stand in this folder."""
        self._keeping, self._folder = keeping, folder

    def file(self, name: str) -> Path:
        """Where a guest's console is kept."""
        if self._keeping is Keeping.XEN:
            return _XEN / f"guest-{name}.log"
        return self._folder / f"{name}.log"

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            StepFailed: the disk refuses.
        """
        try:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as err:
            raise StepFailed(f"cannot make {self._folder}: {err.strerror}") from err

    def begin(self, name: str) -> None:
        """Empty it: the guest is about to start."""
        self._opened(name, os.O_WRONLY, act=lambda handle: os.ftruncate(handle, 0))

    def drop(self, name: str) -> bool:
        """Remove it; whether there was one."""
        try:
            self.file(name).unlink()
        except FileNotFoundError:
            return False
        except OSError as err:
            raise StepFailed(f"cannot remove {self.file(name)}: {err.strerror}") from err
        return True

    def text(self, name: str, terminal: str) -> str:
        """The end of what it showed.

        Args:
            name: of the guest.
            terminal: the one that it has now, where it runs and its console is live.
        """
        if self._keeping is Keeping.NOWHERE:
            return ""
        if self._keeping is Keeping.LIVE and terminal:
            self._fetch(name, terminal)
        said: list[bytes] = []

        def tail(handle: int) -> None:
            size = os.fstat(handle).st_size
            said.append(os.pread(handle, MOST, max(0, size - MOST)))

        self._opened(name, os.O_RDONLY, act=tail)
        return b"".join(said).decode("utf-8", "replace")

    def _fetch(self, name: str, terminal: str) -> None:
        """Add to the file what waits in the terminal."""
        said = _waiting(terminal)
        if said:
            handle = os.open(self.file(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                os.write(handle, said)
            finally:
                os.close(handle)

    def _opened(self, name: str, flags: int, *, act: Callable[[int], None]) -> None:
        """Do something with the file, if there is one."""
        try:
            handle = os.open(self.file(name), flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        except OSError as err:
            raise StepFailed(f"cannot open {self.file(name)}: {err.strerror}") from err
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                act(handle)
        finally:
            os.close(handle)


def _waiting(terminal: str) -> bytes:
    """What a terminal holds for its reader; nothing where the guest went away meanwhile."""
    said = b""
    with suppress(OSError):
        handle = os.open(terminal, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            with suppress(OSError, termios.error):
                # Or the terminal would send the guest's own words back to it. Now: the default throws away what waits.
                tty.setraw(handle, termios.TCSANOW)
            # The container's keeper hands nothing out before it has seen that somebody opened the terminal.
            while len(said) < MOST and select.select([handle], [], [], _SEEN)[0] and (more := os.read(handle, 4096)):
                said += more
        finally:
            os.close(handle)
    return said
