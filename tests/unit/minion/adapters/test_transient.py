from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orch.common.errors import Blocked, StepFailed
from orch.minion.adapters import process, transient
from orch.minion.adapters.process import Call, ProcessRunner, Result
from orch.minion.adapters.transient import TransientRunner, runner_of
from tests.fakes.systemd import FakeSystemd


@pytest.fixture
def systemd() -> Iterator[FakeSystemd]:
    """Ended with all that it has started."""
    made = FakeSystemd()
    yield made
    made.close()


@pytest.fixture
def runner(systemd: FakeSystemd, tmp_path: Path) -> TransientRunner:
    """Runs units whose files are in a folder of the test's."""
    return TransientRunner(ProcessRunner(), systemd, folder=tmp_path / "units")


def shell(script: str, *, timeout: float = 60, given: bytes = b"") -> Call:
    return Call(argv=("sh", "-c", script), timeout=timeout, input=given, env={"EXTRA": "1"}, detached=True)


def test_a_unit_is_given_what_it_reads_and_what_it_says_comes_back(runner: TransientRunner, tmp_path: Path) -> None:
    script = 'cat; echo "$EXTRA $DEBIAN_FRONTEND"; echo complaint >&2; exit 3'
    assert runner.run(shell(script, given=b"in\n")) == Result(code=3, out="in\n1 noninteractive\n", err="complaint\n")
    assert list((tmp_path / "units").iterdir()) == []


def test_what_is_not_detached_is_a_child(runner: TransientRunner, systemd: FakeSystemd) -> None:
    assert runner.run(Call(argv=("sh", "-c", "echo $PPID"), timeout=60)).out.strip() == str(os.getpid())
    assert systemd.properties == []


def test_a_unit_ends_before_whoever_waits_for_it_loses_patience(runner: TransientRunner, systemd: FakeSystemd) -> None:
    runner.run(shell("true", timeout=7))
    (properties,) = systemd.properties
    assert properties["RuntimeMaxSec"] == "67"
    assert properties["Before"] == "orch-executor.service"
    assert systemd.stopped == []


def test_lines_are_passed_on_while_it_runs(runner: TransientRunner, tmp_path: Path) -> None:
    told: list[str] = []

    def hear(line: str) -> None:
        told.append(line)
        (tmp_path / "heard").touch()

    runner.run(shell(f"echo one; until [ -e {tmp_path}/heard ]; do sleep 0.01; done; echo two; printf three"), hear)
    assert told == ["one", "two"]


def test_a_signal_is_a_negative_code(runner: TransientRunner) -> None:
    assert runner.run(shell("kill -KILL $$")).code == -9


def test_a_program_that_is_not_there_is_named(runner: TransientRunner) -> None:
    with pytest.raises(StepFailed, match="cannot start no-such-program"):
        runner.run(Call(argv=("no-such-program",), timeout=60, detached=True))


def test_a_unit_that_systemd_refuses_is_an_error_in_its_words(runner: TransientRunner, systemd: FakeSystemd) -> None:
    systemd.refuses = True
    with pytest.raises(StepFailed, match=r"does not start sh: .*destructive"):
        runner.run(shell("true"))


def test_a_unit_that_takes_too_long_is_told_to_stop(runner: TransientRunner, systemd: FakeSystemd) -> None:
    with pytest.raises(StepFailed, match="not done after 0 s"):
        runner.run(shell("exec sleep 1000", timeout=0.1))
    assert len(systemd.stopped) == 1


def test_a_unit_that_says_too_much_is_told_to_stop(runner: TransientRunner, systemd: FakeSystemd) -> None:
    with pytest.raises(StepFailed, match=f"said more than {process.OUTPUT} bytes"):
        runner.run(shell("exec yes"))
    assert len(systemd.stopped) == 1


def test_a_unit_in_the_way_of_a_release_is_told_to_stop(systemd: FakeSystemd, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    runner = TransientRunner(ProcessRunner(), systemd, leave=begun.exists, folder=tmp_path / "units")
    with pytest.raises(Blocked, match="goes first"):
        runner.run(shell(f"touch {begun}; exec sleep 1000"))
    assert len(systemd.stopped) == 1


def test_words_that_look_like_an_end_are_none(runner: TransientRunner, tmp_path: Path) -> None:
    script = f"echo exited 0; echo exited 0 >{tmp_path}/units/end; sleep 0.3; exit 5"
    assert runner.run(shell(script)).code == 5


def test_an_end_that_nobody_knows_is_no_good_one() -> None:
    for end in ("", "exited", "dumped NOSUCH", "exited -1"):
        with pytest.raises(StepFailed, match="ended by systemd"):
            transient._code(end, shell("true"))  # what systemd may write one day


def test_two_programs_are_never_one_unit(systemd: FakeSystemd, tmp_path: Path) -> None:
    for _time in range(2):
        TransientRunner(ProcessRunner(), systemd, folder=tmp_path / "units").run(shell("true"))
    assert len({properties["StandardOutput"] for properties in systemd.properties}) == 2


def test_another_root_has_nothing_to_do_with_this_machine_s_systemd(tmp_path: Path) -> None:
    assert isinstance(runner_of(tmp_path), ProcessRunner)
