"""What `orch doctor` finds: one thing, whether it is well, and the command that mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from orch.common import printable
from orch.common.errors import OrchError
from orch.master.cli.output import Data, Output

_MOST = 6


class Mark(Enum):
    """How a thing is."""

    GOOD = "✓"
    LOOK = "!"  # nothing fails yet
    WRONG = "✗"

    @property
    def word(self) -> str:
        """For scripts."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    topic: str
    text: str
    do: str = ""

    def lines(self, output: Output) -> list[str]:
        """For people: one line, and one for what to do."""
        text = f"{self.mark.value} {self.topic:<9} {printable.one_line(self.text)}"
        mend = [f"{'':14}do: {printable.one_line(self.do)}"] if self.do else []
        return ["  " + output.sign(text), *mend]

    def data(self) -> dict[str, Data]:
        """For scripts."""
        return {"mark": self.mark.word, "topic": self.topic, "text": self.text, "do": self.do or None}


def good(topic: str, text: str) -> Finding:
    """All is well."""
    return Finding(mark=Mark.GOOD, topic=topic, text=text)


def look(topic: str, text: str, *, do: str) -> Finding:
    """Worth a look before it hurts."""
    return Finding(mark=Mark.LOOK, topic=topic, text=text, do=do)


def wrong(topic: str, text: str, *, do: str) -> Finding:
    """It hurts."""
    return Finding(mark=Mark.WRONG, topic=topic, text=text, do=do)


def failed(topic: str, err: OrchError) -> Finding:
    """An error that a look ended with."""
    return wrong(topic, err.text, do=err.hint)


def some(names: Iterable[str]) -> str:
    """A few of them, and how many more."""
    listed = list(names)
    return ", ".join(listed[:_MOST]) + (f" and {len(listed) - _MOST} more" if len(listed) > _MOST else "")


def many(count: int, noun: str) -> str:
    """`1 host`, `2 hosts`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
