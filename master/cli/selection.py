"""From TARGET to hosts: the estate's files, and what only the centre knows (`state:offline`)."""

from __future__ import annotations

from collections.abc import Callable

from orch.common.errors import UsageError
from orch.common.names import Place
from orch.master.cli.condition import Condition, condition
from orch.master.cli.context import Desk
from orch.master.cli.fleet import Fleet
from orch.master.cli.group import did_you_mean
from orch.master.estate import loader, targets
from orch.master.estate.expression import Question, Relation, Source
from orch.master.estate.model import Estate

ONLINE = "online"


class LiveStates:
    """Answers `state:WORD` from the centre's rows, which are fetched when the first question comes."""

    def __init__(self, fetch: Callable[[], Fleet]) -> None:
        """Nothing is fetched yet."""
        self._fetch = fetch
        self._fleet: Fleet | None = None

    def holds(self, place: Place, question: Question) -> bool:
        """Whether the host is as the question says.

        Raises:
            UsageError: not a question that this version can answer.
        """
        if question.source is not Source.STATE:
            raise UsageError(f"{question.source.value}: is not supported by this version")
        words = {item.word for item in Condition} | {ONLINE}
        if question.name not in words:
            near = did_you_mean(question.name, words)
            raise UsageError(f"there is no state {question.name!r}{near}", hint=f"known: {', '.join(sorted(words))}")
        if question.relation not in (None, Relation.EQUAL):
            raise UsageError(f"a state is only asked for, as in state:{question.name}")
        self._fleet = self._fleet or self._fetch()
        row = self._fleet.rows.get(str(place))
        if row is None:
            return False
        return row.connected if question.name == ONLINE else condition(row).word == question.name


def hosts(desk: Desk, target: str, fleet: Fleet) -> frozenset[str]:
    """The names of the hosts that a target means, by the estate's files and these rows."""
    estate = loader.load(desk.folder.path)
    return frozenset(str(place) for place in places(estate, target, lambda: fleet))


def places(estate: Estate, target: str | None, fetch: Callable[[], Fleet]) -> tuple[Place, ...]:
    """The hosts that a target means; all where there is none.

    Raises:
        TargetError: not understood, or it names what is not there.
    """
    if target is None:
        return estate.places
    return targets.select(estate, target, LiveStates(fetch))
