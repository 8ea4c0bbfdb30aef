"""What the centre answers when it is asked how all hosts are: a row a host.

Apart from the other answers (operations.py): `orch status` needs nothing else of them, and its start is a promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Bytes32, Length, Line, Text
from orch.common.names import HostName, Name
from orch.common.release import Hash

ROWS = 500
"""Rows in one answer."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No arguments, or no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One host as the centre knows it now. Times in seconds since 1970, 0 for never."""

    host: HostName
    curve: Bytes32
    scope: Line  # empty where nothing is known of it but that its key is revoked
    ring: Line
    connected: bool
    heard: int  # last sign of life
    policy: int
    wanted: Annotated[tuple[int, ...], Length(2, 2)]  # epoch, number of the newest release for it; 0, 0
    wanted_release: Hash = b""
    running: Annotated[tuple[int, ...], Length(2, 2)]  # what it says it holds
    outcome: Line = ""  # of its newest report about the wanted release; empty: none yet
    code: Line = ""
    text: Text = ""
    reported: int = 0  # when its newest report came
    sequence: int = 0
    changes: int = 0
    drift: bool = False
    listeners: Annotated[tuple[Line, ...], Length(0, 256)] = ()
    progress: Line = ""
    warning: Line = ""  # what it refused since its last turn, other than the wanted release
    warned: int = 0
    revoked: int = 0  # when its key was ended; `text` says why, as the signed revocation does
    by: Line = ""  # who signed that
    ahead: bool = False  # it says that it holds a newer release than any that this centre has for it


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Some rows, and what holds for the whole estate."""

    estate: Name
    policy: int
    time: int  # the centre's clock
    since: int  # when this centre started
    total: int  # hosts in all
    rows: Annotated[tuple[Row, ...], Length(0, ROWS)]
