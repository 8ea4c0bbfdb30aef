"""Runs no program: answers from a table, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orch.minion.adapters.process import Call, Progress, Result

Answer = Result | Callable[[Call], Result]


def said(out: str = "", *, err: str = "", code: int = 0) -> Result:
    """How a program ended."""
    return Result(code=code, out=out, err=err)


@dataclass
class FakeRunner:
    """`answers` by a piece of the command line, the first that fits; a call that fits none is an error."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        self.calls.append(call)
        line = " ".join(call.argv)
        answer = next((answer for piece, answer in self.answers.items() if piece in line), None)
        assert answer is not None, f"nobody expected: {line}"
        result = answer if isinstance(answer, Result) else answer(call)
        if progress is not None:
            for told in result.out.splitlines():
                progress(told)
        return result

    @property
    def programs(self) -> list[str]:
        return [call.argv[0] for call in self.calls]
