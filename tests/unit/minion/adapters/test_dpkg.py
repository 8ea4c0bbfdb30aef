from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orch.common.errors import StepFailed
from orch.minion.adapters.dpkg import LISTS, Dpkg
from orch.minion.adapters.tree import Tree
from orch.states.host import PackageState
from tests.contract import roots
from tests.contract.roots import DPKG, stanza


def dpkg(tmp_path: Path, status: str = DPKG) -> Dpkg:
    return Dpkg(Tree(roots.make(tmp_path / "root", status=status)))


def test_names_are_those_that_apt_prints(tmp_path: Path) -> None:
    foreign = stanza("libc6", "2.36").replace("amd64", "i386")
    everywhere = stanza("hello", "1.0").replace("amd64", "all")
    found = dpkg(tmp_path, DPKG + stanza("libc6", "2.36") + foreign + everywhere).facts()
    assert sorted(found.packages) == ["dpkg", "hello", "libc6", "libc6:i386"]
    assert found.architecture == "amd64"


def test_essential_protected_and_important_are_the_same_here(tmp_path: Path) -> None:
    entries = stanza("one", "1", Protected="yes") + stanza("two", "1", Important="yes") + stanza("three", "1")
    found = dpkg(tmp_path, DPKG + entries).facts().packages
    assert [name for name in sorted(found) if found[name].essential] == ["dpkg", "one", "two"]


def test_a_package_that_must_be_unpacked_again_is_broken(tmp_path: Path) -> None:
    odd = stanza("odd", "1").replace("install ok installed", "install reinstreq half-installed")
    found = dpkg(tmp_path, DPKG + odd).facts().packages["odd"]
    assert found.broken
    assert found.state is PackageState.HALF_INSTALLED


def test_what_was_only_selected_is_not_there(tmp_path: Path) -> None:
    selected = "Package: wish\nStatus: install ok not-installed\n\n"
    assert "wish" not in dpkg(tmp_path, DPKG + selected).facts().packages


def test_notes_of_an_interrupted_dpkg_are_seen(tmp_path: Path) -> None:
    one = dpkg(tmp_path)
    updates = tmp_path / "root/var/lib/dpkg/updates"
    (updates / "tmp.i").touch()
    assert not one.facts().interrupted
    (updates / "0003").touch()
    assert one.facts().interrupted


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("", "cut off"),
        ((DPKG + stanza("hello", "1.0"))[:-20], "cut off"),
        (stanza("hello", "1.0"), "does not name dpkg itself"),
        (DPKG + "Package: odd\nVersion: 1\n\n", "lacks 'Status'"),
        (DPKG + stanza("odd", "1", "wonderful"), "wonderful"),
        (DPKG + "Package: odd\nStatus: install ok installed\nVersion: 1\n x\x0bq\n\n", "start with whitespace"),
    ],
)
def test_a_damaged_status_is_refused(tmp_path: Path, status: str, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        dpkg(tmp_path, status).facts()


def test_a_byte_that_is_no_text_spoils_the_word_in_which_it_is_and_nothing_else(tmp_path: Path) -> None:
    one = dpkg(tmp_path, DPKG + stanza("odd", "1~X", Maintainer="X"))
    status = tmp_path / "root/var/lib/dpkg/status"
    status.write_bytes(status.read_bytes().replace(b"X", b"\xfc"))
    assert one.facts().packages["odd"].version == "1~\ufffd"


def test_a_status_that_was_cut_off_between_two_entries_is_refused(tmp_path: Path) -> None:
    one = dpkg(tmp_path, DPKG + stanza("hello", "1.0"))
    info = tmp_path / "root/var/lib/dpkg/info"
    for name in ("dpkg.list", "hello.list", "lost.list", "lost2:amd64.list"):
        (info / name).touch()
    with pytest.raises(StepFailed, match=r"does not name 2 packages of which files are there: lost, lost2:amd64"):
        one.facts()


def test_there_is_no_status_at_all(tmp_path: Path) -> None:
    one = dpkg(tmp_path)
    (tmp_path / "root/var/lib/dpkg/status").unlink()
    with pytest.raises(StepFailed, match="there is no /var/lib/dpkg/status"):
        one.facts()


def test_the_fingerprint_follows_packages_marks_indexes_and_sources(tmp_path: Path) -> None:
    one, root = dpkg(tmp_path), tmp_path / "root"
    seen = {one.fingerprint()}
    for path in (
        "var/lib/apt/extended_states",
        f"{LISTS[1:]}/index",
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/lab.sources",
        "var/lib/dpkg/updates/0001",
        "var/lib/dpkg/status",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("changed")
        seen.add(one.fingerprint())
    assert len(seen) == 7
    (root / LISTS[1:] / "partial").mkdir()
    (root / LISTS[1:] / "lock").touch()
    assert one.fingerprint() in seen


def test_python_debian_is_loaded_by_the_first_question_only() -> None:
    program = "import sys\nimport orch.minion.adapters.machine, orch.minion.actions\nprint('debian' in sys.modules)"
    env = {"PYTHONPATH": str(Path(__file__).resolve().parents[4]), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "False\n"
