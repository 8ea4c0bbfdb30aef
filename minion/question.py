"""What a host with a lost floor asks: 32 random bytes, which a reset must repeat to count here, now, and once.

Refuses to do: be asked twice. A question is forgotten when a reset has answered it, and when the floor is whole.

Called by inbox.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from orch.common.clock import Chance
from orch.common.errors import StoreError
from orch.common.events import PROBLEM, Log
from orch.minion.adapters import files
from orch.minion.adapters.disk import REAL, Disk

SIZE: Final = 32


class QuestionFile:
    """Where the question is kept until it is answered, so that the answer may take days and a reboot."""

    def __init__(self, folder: Path, chance: Chance, log: Log, disk: Disk = REAL) -> None:
        """Keep it in this folder."""
        self._path = folder / "question"
        self._disk = disk
        self._chance = chance
        self._log = log

    def ask(self) -> bytes:
        """The question that is open; a new one where there is none."""
        try:
            kept = files.read(self._path, limit=SIZE, disk=self._disk)
            if kept is not None and len(kept) == SIZE:
                return kept
        except StoreError as err:  # whatever lies there is no question: it is replaced
            self._log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
        made = self._chance.token(SIZE)
        try:
            files.write(self._path, made, disk=self._disk)
        except StoreError as err:  # a full disk must not keep the host from healing; the next start asks anew
            self._log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
        return made

    def forget(self) -> None:
        """Nothing is asked any more.

        Raises:
            StoreError: the disk refuses.
        """
        if files.size(self._path, disk=self._disk) is not None:
            files.remove(self._path, disk=self._disk)
