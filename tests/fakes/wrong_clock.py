"""A wall clock that is wrong, for real programs, and that can be set while they run (Debian's faketime).

Clocks that count from boot are not touched. A program that sleeps by the wall clock would notice more than it should;
ours wait by none.
"""

from __future__ import annotations

from pathlib import Path

_LIBRARY = "*/faketime/libfaketimeMT.so.1"


class WrongClock:
    """The clock of one machine."""

    def __init__(self, file: Path) -> None:
        """It is right; `file` holds by how much it is not."""
        self._file = file
        self.set(0)

    def set(self, ahead: int) -> None:
        """Somebody sets it: seconds by which it is ahead of the true time, or behind."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n", "ascii")
        new.replace(self._file)
        self.ahead = ahead

    def words(self) -> tuple[str, ...]:
        """To put before a program that has this clock."""
        library = next(Path("/usr/lib").glob(_LIBRARY), None)
        if library is None:
            raise RuntimeError("faketime is not installed: packaging/setup-debian.sh test")
        variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        return ("env", *(f"{name}={value}" for name, value in variables.items()))
