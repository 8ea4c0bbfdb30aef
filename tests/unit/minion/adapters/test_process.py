from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from orch.common.errors import Blocked, StepFailed
from orch.minion.adapters import process
from orch.minion.adapters.process import Call, ProcessRunner, User


def run(*argv: str, timeout: float = 20.0, **rest: object) -> process.Result:
    return ProcessRunner().run(Call(argv=argv, timeout=timeout, **rest))  # type: ignore[arg-type]


def test_gives_back_both_streams_and_the_exit_code() -> None:
    result = run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.code, result.out, result.err) == (3, "out\n", "err\n")


def test_a_program_reads_what_it_is_given() -> None:
    assert run("cat", input=b"given\n").out == "given\n"


def test_the_environment_is_small_and_in_plain_language() -> None:
    os.environ["ORCH_SECRET"] = "x"
    lines = run("env", env={"EXTRA": "1"}).out.splitlines()
    del os.environ["ORCH_SECRET"]
    assert "LC_ALL=C" in lines
    assert "DEBIAN_FRONTEND=noninteractive" in lines
    assert "EXTRA=1" in lines
    assert not [line for line in lines if line.startswith("ORCH_SECRET")]


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(StepFailed, match="cannot start no-such-program"):
        run("no-such-program")


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! >{tmp_path}/child; echo here; wait"
    with pytest.raises(StepFailed, match="not done after 0 s\nhere"):
        run("sh", "-c", script, timeout=0.3)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def test_a_program_is_ended_with_its_children_as_soon_as_something_else_goes_first(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! >{tmp_path}/child; wait"
    call = Call(argv=("sh", "-c", script), timeout=1000)
    with pytest.raises(Blocked, match="goes first"):
        ProcessRunner(leave=(tmp_path / "child").exists).run(call)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def test_a_program_that_says_too_much_is_ended() -> None:
    with pytest.raises(StepFailed, match=f"yes said more than {process.OUTPUT} bytes"):
        run("yes")


def test_lines_are_passed_on_while_the_program_runs(tmp_path: Path) -> None:
    told: list[str] = []
    heard = tmp_path / "heard"

    def hear(line: str) -> None:
        told.append(line)
        heard.touch()

    ProcessRunner().run(
        Call(argv=("sh", "-c", f"echo one; until [ -e {heard} ]; do sleep 0.01; done; echo two"), timeout=60), hear
    )
    assert told == ["one", "two"]


def test_a_program_outlives_an_executor_that_is_killed(tmp_path: Path) -> None:
    begun, killed, done = (tmp_path / word for word in ("begun", "killed", "done"))
    inner = f"touch {begun}; until [ -e {killed} ]; do sleep 0.01; done; echo much; echo more; touch {done}"
    program = (
        "from orch.minion.adapters.process import Call, ProcessRunner\n"
        f"ProcessRunner().run(Call(argv=('sh', '-c', {inner!r}), timeout=60))\n"
    )
    kill = f"until [ -e {begun} ]; do sleep 0.01; done; kill -KILL $!; touch {killed}; wait $!"
    outer = Call(argv=("sh", "-c", f'"$0" -c "$1" & {kill}', sys.executable, program), timeout=60, env=_path())
    assert ProcessRunner().run(outer).code != 0
    deadline = time.monotonic() + 60
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done.exists()


@pytest.mark.usefixtures("as_root")
def test_a_program_runs_as_another_user_without_other_groups() -> None:
    assert run("sh", "-c", "id -u; id -G", user=User(uid=61001, gid=61001)).out == "61001\n61001\n"


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[4])}


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
