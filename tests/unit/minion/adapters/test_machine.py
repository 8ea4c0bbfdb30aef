from __future__ import annotations

from pathlib import Path

import pytest

from orch.minion.adapters.machine import Machine
from tests.contract import roots
from tests.fakes.runner import FakeRunner, said

pytestmark = pytest.mark.usefixtures("as_root")
POLICY = "hello:\n  Candidate: 1.0\n  Version table:\n     1.0 500\n"


def runner() -> FakeRunner:
    return FakeRunner({"update": said(), "policy": said(POLICY)})


def test_indexes_are_fetched_once_a_look_and_only_when_somebody_asks(tmp_path: Path) -> None:
    programs = runner()
    machine = Machine(roots.make(tmp_path / "root"), runner=programs)
    machine.packages()
    machine.package_fingerprint()
    assert programs.calls == []
    machine.available(("hello",))
    assert machine.available(("hello",))["hello"].candidate == "1.0"
    assert programs.programs == ["apt-get", "apt-cache", "apt-cache"]


def test_indexes_of_the_last_time_do_until_the_sources_change(tmp_path: Path) -> None:
    root, programs = roots.make(tmp_path / "root"), runner()
    Machine(root, runner=programs, refresh=False).available(("hello",))
    assert programs.programs == ["apt-get", "apt-cache"]
    Machine(root, runner=programs, refresh=False).available(("hello",))
    assert programs.programs == ["apt-get", "apt-cache", "apt-cache"]
    (root / "etc/apt/sources.list").write_text("deb http://mirror.example/ lab main\n")
    Machine(root, runner=programs, refresh=False).available(("hello",))
    assert programs.programs[-2:] == ["apt-get", "apt-cache"]


def test_other_files_among_the_lists_are_no_lists(tmp_path: Path) -> None:
    root = roots.make(tmp_path / "root")
    roots.put(root, {"/var/lib/orch/lists/.base.list.orch-new": b"", "/var/lib/orch/lists/note": b""})
    (root / "var/lib/orch/lists/link.list").symlink_to("/etc/passwd")
    assert Machine(root, runner=runner()).list_hashes() == {}
