"""Starts the fetcher: a child under its own user, with a time limit, that becomes rsync and exits.

Refuses to do: look at what came. The spool is the fetcher's; materials.py copies out of it what has the right hash.

Called by materials.py, through its `Fetch` port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orch.common import codec, transfer
from orch.common.errors import Blocked, StepFailed, StoreError
from orch.minion.adapters import files
from orch.minion.adapters.disk import Owner
from orch.minion.adapters.process import Call, Runner, User
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a fetch is made of."""

    runner: Runner
    program: Program
    line: Callable[[], Line]
    spool: Path
    curve: Path
    user: User | None  # None: our own, where we may not choose


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
        call = Call(
            argv=(*parts.program.words, "fetch"),
            timeout=errand.seconds,
            input=codec.encode(want),
            env=parts.program.environment,
            user=parts.user,
        )
        try:
            owner = Owner(parts.user.uid, parts.user.gid) if parts.user else None
            files.make_folder(parts.spool, mode=0o700, owner=owner)
            result = parts.runner.run(call)
        except (StepFailed, StoreError) as err:
            raise Blocked(f"the fetcher did not run: {err.text}") from err
        if result.code != 0:
            raise Blocked(f"the fetch ended with {result.code}: {result.last_words(4) or 'it said no more'}")
        return parts.spool / transfer.TREE
