"""What `--watch` follows: rows as they change, for as long as the person stays, also while the centre does not answer.

Called by status and explain. A centre that does not even answer at first ends the command, as without --watch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orch.common.clock import ago
from orch.common.errors import Unreachable
from orch.common.rows import Nothing, View
from orch.master.cli.context import Desk
from orch.master.cli.line import Centre

AGAIN = 2.0
"""Seconds between two tries to reach a centre that has gone."""
LIVE = "live: changes show as they come; Ctrl-C ends it"


@dataclass(frozen=True, slots=True)
class Seen:
    """The centre said something, or about a second has passed; on this line more can be asked."""

    centre: Centre
    view: View | None


@dataclass(frozen=True, slots=True)
class Silent:
    """The centre does not answer; after how many seconds of that."""

    seconds: int

    def __str__(self) -> str:
        """For people."""
        return f"centre not answering since {ago(self.seconds)}; this goes on by itself when it is back"


def views(desk: Desk) -> Iterator[Seen | Silent]:
    """Rows, and what became of the centre, until the caller leaves.

    Raises:
        Unreachable: the centre did not answer once.
    """
    clock, heard = desk.surroundings.clock, 0.0
    while True:
        try:
            with desk.line() as centre:
                for view in centre.stream("status.watch", Nothing(), View):
                    heard = clock.boottime()
                    yield Seen(centre, view)
        except Unreachable:
            if not heard:
                raise
        # It went, or ended the watch: both pass, and a person who watches wants to see it come back.
        yield Silent(int(clock.boottime() - heard))
        desk.surroundings.pause(AGAIN)
