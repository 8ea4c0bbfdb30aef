"""What to fetch, from where and with which key: what the executor tells the fetcher, and the fetcher its pipe.

It holds no secret and commands nothing: it travels on a child's stdin and in rsync's environment.

Made by adapters/rsync.py, read by fetcher.py and pipe.py.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated, Final

from orch.common import codec
from orch.common.codec import Bytes32, Length, Line
from orch.common.errors import Malformed, SettingsError

VARIABLE: Final = "ORCH_WANT"
LIMIT: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A fetch, as whoever needs the contents orders it (materials.py)."""

    document: bytes  # hash
    most: int  # bytes that the stream may have
    seconds: float  # for all of it, however much came by then
    lists_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What to fetch, from where, and with which key. Holds no secret."""

    addresses: Annotated[tuple[Line, ...], Length(1, 8)]
    servers: Annotated[tuple[Bytes32, ...], Length(1, 4)]
    proxy: Line = ""
    curve: Line  # path of the connection's secret
    document: Bytes32
    spool: Line  # folder of the fetcher
    most: int  # bytes that the stream may have
    lists_only: bool = False

    def as_text(self) -> str:
        """For the environment."""
        return base64.b64encode(codec.encode(self)).decode()

    @classmethod
    def from_text(cls, text: str) -> Want:
        """Read it back.

        Raises:
            SettingsError: it is none.
        """
        try:
            return codec.decode(cls, base64.b64decode(text, validate=True), limit=LIMIT)
        except (Malformed, ValueError) as err:
            raise SettingsError("this command is for rsync to start, not for people") from err
