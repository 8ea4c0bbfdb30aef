"""Has the fetcher fetch: under its own user, with a time limit; it becomes rsync and exits.

Where systemd is, it is a unit of its own (unit.py); elsewhere a child.

Refuses to do: look at what came. The spool is the fetcher's; materials.py copies out of it what has the right hash.

Called by materials.py, through its `Fetch` port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orch.common import codec, transfer
from orch.common.errors import Blocked, StepFailed, StoreError
from orch.minion.adapters import files
from orch.minion.adapters.disk import Owner
from orch.minion.adapters.process import Call, Result, Runner, User
from orch.minion.want import Errand, Want


@dataclass(frozen=True, slots=True)
class Line:
    """Where the centre is right now."""

    addresses: tuple[str, ...]  # the one that works first; empty: none does
    servers: tuple[bytes, ...]
    proxy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How this software is called, and what its children need to find it."""

    words: tuple[str, ...]
    environment: dict[str, str]


class Fetcher(Protocol):
    """Who fetches."""

    def fetch(self, want: bytes, *, seconds: float) -> Result:
        """Fetch what an encoded Want says, in at most so many seconds.

        Raises:
            StepFailed: it did not come to an end of its own.
            Blocked: it was ended because something else goes first.
        """


@dataclass(frozen=True, slots=True)
class ChildFetcher:
    """A child of the executor's; without a user, as our own."""

    runner: Runner
    program: Program
    user: User | None

    def fetch(self, want: bytes, *, seconds: float) -> Result:
        """Fetch it."""
        words, environment = self.program.words, self.program.environment
        call = Call(argv=(*words, "fetch"), timeout=seconds, input=want, env=environment, user=self.user)
        return self.runner.run(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a fetch is made of."""

    fetcher: Fetcher
    line: Callable[[], Line]
    spool: Path
    curve: Path
    user: User | None  # whose the spool is; None: our own, where we may not choose


class Rsync:
    """Fetches a document's files."""

    def __init__(self, parts: Parts) -> None:
        """Use these parts."""
        self._parts = parts

    def __call__(self, errand: Errand) -> Path:
        """The folder in which the files lie now.

        Raises:
            Blocked: there is no line, the fetch did not come to its end, or something else goes first.
        """
        parts, line = self._parts, self._parts.line()
        if not line.addresses:
            raise Blocked("lists or files must be fetched, and the centre is not reached")
        want = Want(
            addresses=line.addresses,
            servers=line.servers,
            proxy=line.proxy,
            curve=str(parts.curve),
            document=errand.document,
            spool=str(parts.spool),
            most=errand.most,
            lists_only=errand.lists_only,
        )
        try:
            owner = Owner(parts.user.uid, parts.user.gid) if parts.user else None
            files.make_folder(parts.spool, mode=0o700, owner=owner)
            result = parts.fetcher.fetch(codec.encode(want), seconds=errand.seconds)
        except (StepFailed, StoreError) as err:
            raise Blocked(f"the fetcher did not run: {err.text}") from err
        if result.code != 0:
            raise Blocked(f"the fetch ended with {result.code}: {result.last_words(4) or 'it said no more'}")
        return parts.spool / transfer.TREE
