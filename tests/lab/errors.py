"""What can go wrong in the laboratory: one class, since there is one reader, the person who started it."""

from __future__ import annotations


class LabError(Exception):
    """The laboratory could not do what it was asked; `hint` says what the person at the machine can do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the hint beside the message."""
        super().__init__(f"{message}\n  hint: {hint}" if hint else message)
        self.hint = hint
