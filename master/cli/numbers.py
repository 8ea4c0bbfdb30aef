"""Which release numbers this operator signed last, so that a centre cannot talk them into using the numbers up.

The next number is the centre's newest and two. Hosts refuse a jump of more than `release.MAX_JUMP`; so one signature
under a number that is far too high would take them along, and a few would leave a scope without numbers. What the
centre says is therefore held against what this operator knows.

Kept in `numbers.json` beside the keys: {"schema": "orch/numbers/1", "scopes": {SCOPE: [EPOCH, NUMBER]}}. Nothing in it
is secret. It may be lost: then nothing is known, and numbers count from 0, as at the beginning of an epoch.

Invariants:
- a number is kept before the release that bears it leaves this machine;
- within an epoch what is kept only goes up.

Called by publishing.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from orch.common.errors import KeyFileError, NotAllowed
from orch.master.cli import files
from orch.master.cli.keyring import Keyring

JUMP = 10_000
"""How far above the last known number an operator signs without being told to; as `roster.HEARD_JUMP`."""
_SCHEMA = "orch/numbers/1"
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Numbers:
    """What this operator signed in one estate."""

    keyring: Keyring

    def last(self, scope: str, *, epoch: int) -> int:
        """The highest number signed in this scope and epoch; 0 where none is known.

        Raises:
            KeyFileError: the file is damaged.
        """
        kept = self._read().get(scope)
        return kept[1] if kept is not None and kept[0] == epoch else 0

    def check(self, scope: str, *, epoch: int, number: int, accepted: int) -> None:
        """Let a number pass that is near the last one, or at most the one that the person accepted.

        Raises:
            NotAllowed: it is too far above.
            KeyFileError: the file is damaged.
        """
        last = self.last(scope, epoch=epoch)
        if number <= max(accepted, last + JUMP):
            return
        known = f"the last that you signed is {last}" if last else f"{self._path} knows of none that you signed in it"
        raise NotAllowed(
            f"the next release of {scope} would be {number} of epoch {epoch}, says the centre; {known}, and without"
            f" your word only {JUMP} more are signed, as a centre or a host that lies could use up all numbers so",
            hint="ask whoever publishes too whether that is right. It can be where your last apply is long ago, or"
            f" this machine is new and the scope old; then: orch apply --accept-number {number}",
        )

    def keep(self, scope: str, *, epoch: int, number: int) -> None:
        """Remember that this number is signed.

        Raises:
            UsageError: the file cannot be written.
        """
        kept = {**self._read(), scope: (epoch, max(number, self.last(scope, epoch=epoch)))}
        text = json.dumps({"schema": _SCHEMA, "scopes": kept}, indent=1, sort_keys=True)
        files.write(self._path, text + "\n", mode=0o600)

    @property
    def _path(self) -> Path:
        return self.keyring.folder / "numbers.json"

    def _read(self) -> dict[str, tuple[int, int]]:
        path = self._path
        if not path.exists():
            return {}
        try:
            return _scopes(json.loads(files.read(path, limit=_LIMIT)))
        except (ValueError, RecursionError) as err:
            raise KeyFileError(
                f"{path} is damaged", hint=f"remove it: numbers count from 0 then, and {JUMP} are signed unasked"
            ) from err


def _scopes(found: object) -> dict[str, tuple[int, int]]:
    match found:
        case {"schema": "orch/numbers/1", "scopes": dict(scopes)}:
            pass
        case _:
            raise ValueError("not the numbers of an operator")
    read: dict[str, tuple[int, int]] = {}
    for scope, kept in scopes.items():
        match kept:
            case [int(epoch), int(number)]:
                read[str(scope)] = (epoch, number)
            case _:
                raise ValueError(f"no number for {scope}")
    return read
