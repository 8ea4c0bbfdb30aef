from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orch.common import codec
from orch.common.errors import Blocked, StepFailed
from orch.minion.adapters.process import Call, Progress, Result
from orch.minion.adapters.rsync import ChildFetcher, Line, Parts, Program, Rsync
from orch.minion.want import LIMIT, Errand, Want

ERRAND = Errand(document=bytes([5] * 32), most=1, seconds=7.0)


@dataclass
class OneAnswer:
    """A Runner that says one thing to everybody."""

    answer: Result | StepFailed
    calls: list[Call] = field(default_factory=list)

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        self.calls.append(call)
        if isinstance(self.answer, StepFailed):
            raise self.answer
        return self.answer


def fetch(folder: Path, runner: OneAnswer, *, addresses: tuple[str, ...] = ("tcp://a:1",)) -> Rsync:
    parts = Parts(
        fetcher=ChildFetcher(
            runner, Program(words=("/usr/bin/orch-minion",), environment={"PYTHONPATH": "/opt"}), None
        ),
        line=lambda: Line(addresses, (bytes(32),), ""),
        spool=folder / "spool",
        curve=folder / "net/host.curve",
        user=None,
    )
    return Rsync(parts)


def test_the_child_is_told_what_to_fetch_on_its_stdin(tmp_path: Path) -> None:
    runner = OneAnswer(Result(code=0, out="", err=""))
    assert fetch(tmp_path, runner)(replace(ERRAND, most=99, lists_only=True)) == tmp_path / "spool/tree"
    (call,) = runner.calls
    assert call.argv == ("/usr/bin/orch-minion", "fetch")
    want = codec.decode(Want, call.input, limit=LIMIT)
    assert (want.document, want.most, want.addresses) == (bytes([5] * 32), 99, ("tcp://a:1",))
    assert want.lists_only
    assert call.timeout == 7.0


def test_without_a_line_nothing_is_started(tmp_path: Path) -> None:
    runner = OneAnswer(Result(code=0, out="", err=""))
    with pytest.raises(Blocked, match="not reached"):
        fetch(tmp_path, runner, addresses=())(ERRAND)
    assert runner.calls == []


@pytest.mark.parametrize(
    "answer", [Result(code=12, out="", err="the line to the centre broke"), StepFailed("not done after 3600 s")]
)
def test_whatever_goes_wrong_is_waited_for(tmp_path: Path, answer: Result | StepFailed) -> None:
    with pytest.raises(Blocked, match=r"broke|not done"):
        fetch(tmp_path, OneAnswer(answer))(ERRAND)
