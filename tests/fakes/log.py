"""A log that remembers what was written."""

from __future__ import annotations

from orch.common.events import Event, Value, line


class ListLog:
    """Keeps events as lines, and checks their fields as the real one does."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, event: Event, **values: Value) -> None:
        self.lines.append(line(event, values))

    def names(self) -> list[str]:
        """The events' names, in order."""
        return [entry.split(" ", 1)[0] for entry in self.lines]
