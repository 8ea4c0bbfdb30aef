"""The policy on this host's disk: the one in force, and the one that is coming while the floor is raised to it.

Refuses to do: judge it, or know of the floor (inbox.py does both).

Invariants:
- the coming policy is on disk before the floor names it, and comes into force only after that: a disk that refuses in
  between leaves the old one in force, and a power cut is settled by the floor's word;
- a file is replaced whole or not at all.

Called by inbox.py.
"""

from __future__ import annotations

from typing import Final

from orch.common import codec, policy
from orch.common.envelope import open_envelope
from orch.common.errors import OrchError, StoreError
from orch.common.events import PROBLEM, Log
from orch.common.policy import Policy
from orch.minion.adapters import files
from orch.minion.settings import Layout

IN_FORCE: Final = "policy"
COMING: Final = "policy.next"
_LIMIT: Final = policy.LIMIT + 4096


class PolicyFile:
    """Both places of one host."""

    def __init__(self, layout: Layout, log: Log) -> None:
        """Beside the floor."""
        self._log = log
        self._disk = layout.disk
        self._in_force, self._coming = layout.state / IN_FORCE, layout.state / COMING

    def read(self) -> tuple[Policy, bytes]:
        """The policy in force, and the hash of its body.

        Raises:
            StoreError: it is missing or damaged.
        """
        envelope = files.read(self._in_force, limit=_LIMIT, disk=self._disk)
        if envelope is None:
            raise StoreError("the policy is missing", hint="enrol this host anew with --break-enrolment")
        # Not verified again: it was when it was taken, and whoever can write here is root.
        opened = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT)
        return codec.decode(Policy, opened.body, limit=policy.LIMIT), opened.hash

    def put(self, envelope: bytes) -> None:
        """This one is coming.

        Raises:
            StoreError: the disk refuses.
        """
        files.write(self._coming, envelope, disk=self._disk)

    def promote(self) -> None:
        """The one that is coming is in force from now on.

        Raises:
            StoreError: the disk refuses.
        """
        files.rename(self._coming, self._in_force, disk=self._disk)

    def settle(self, named: bytes) -> None:
        """After a start: what is coming comes into force if the floor names its hash, and is forgotten if not."""
        try:
            if self._coming_hash() == named:
                self.promote()
            else:
                files.remove(self._coming, disk=self._disk)
        except StoreError as err:  # a disk that fails must not keep the host from healing; the next start settles it
            self._log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)

    def _coming_hash(self) -> bytes:
        try:
            envelope = files.read(self._coming, limit=_LIMIT, disk=self._disk)
            return open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT).hash if envelope else b""
        except OrchError:
            return b""  # it was cut or spoiled: the centre sends it again
