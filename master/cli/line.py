"""The operator's line to the centre, as the commands see it: questions and answers, nothing about sockets.

wireline.py is the real one; tests/fakes/centre.py is another, held to the same contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """Where the centre may be, by which keys it may prove itself, and who calls."""

    addresses: tuple[str, ...]
    servers: tuple[bytes, ...]
    secret: bytes  # CURVE
    timeout: float = 10.0  # seconds for one answer, and for each attempt to connect
    notice: Callable[[str], None] = lambda _text: None  # told once where a person would wonder what is going on


class Centre(Protocol):
    """A connection to the centre that has been made."""

    def ask(self, operation: str, arguments: object, gives: type[T]) -> T:
        """Ask for an operation that answers once.

        Args:
            operation: a name in operations.OPERATIONS.
            arguments: an object of the class that the operation takes.
            gives: the class that the operation gives.

        Raises:
            OrchError: what the centre answered, as the class that its code names.
            Unreachable: no answer in time, or the line broke.
        """

    def stream(self, operation: str, arguments: object, gives: type[T]) -> Iterator[T | None]:
        """Ask for an operation that answers many times; None about once a second while there is nothing new.

        Raises:
            OrchError: what the centre answered, as the class that its code names.
            Unreachable: the line broke, or not even a first answer came.
        """

    def close(self) -> None:
        """Hang up."""
