from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import codec, transfer
from orch.common.errors import SettingsError, StoreError
from orch.minion.fetcher import RSYNC, arguments, fetch
from orch.minion.want import VARIABLE, Want
from tests.unit.minion.test_pipe import WANT

WORDS = ("/usr/bin/python3", "-m", "orch.minion")


def test_becomes_rsync_with_our_transport_and_hands_on_the_want(tmp_path: Path) -> None:
    became: list[tuple[str, list[str], dict[str, str]]] = []
    want = replace(WANT, spool=str(tmp_path))
    environment = {"PATH": "/bin", "SECRET": "x", "RSYNC_RSH": "evil"}
    fetch(codec.encode(want), WORDS, environment, lambda *all_: became.append(all_))
    ((path, words, variables),) = became
    assert path == RSYNC
    assert words[-1] == f"{tmp_path}/tree/"
    assert words[words.index("-e") + 1] == "/usr/bin/python3 -m orch.minion pipe"
    assert set(variables) == {"PATH", VARIABLE}
    assert Want.from_text(variables[VARIABLE]) == want


def test_a_program_that_rsync_could_not_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="blank"):
        arguments(("/opt/my programs/python",), tmp_path)


def test_a_spool_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    want = replace(WANT, spool=str(tmp_path / "missing"))
    with pytest.raises(StoreError):
        fetch(codec.encode(want), WORDS, {})


def test_the_real_rsync_says_to_its_remote_shell_exactly_what_the_centre_expects(tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    shell.chmod(0o755)
    words = [RSYNC, *transfer.CLIENT_OPTIONS, "-e", str(shell), transfer.REMOTE, f"{tmp_path}/tree/"]
    subprocess.run(words, check=False, capture_output=True)
    assert transfer.fits((tmp_path / "said").read_text().split())


def test_the_real_rsync_takes_files_and_folders_and_nothing_else(tmp_path: Path) -> None:
    tree, target = tmp_path / "tree", tmp_path / "target"
    (tree / "lists").mkdir(parents=True)
    (tree / "lists/base.list").write_text("nano\n")
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "lists/base.list").chmod(0o4755)
    shell = tmp_path / "shell"
    server = " ".join(transfer.server_arguments(f"{tree}/"))
    shell.write_text(f"#!/bin/sh\nexec {RSYNC} {server}\n")
    shell.chmod(0o755)
    words = [RSYNC, *transfer.CLIENT_OPTIONS, "-e", str(shell), transfer.REMOTE, f"{target}/"]
    subprocess.run(words, check=True, capture_output=True)
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["lists", "lists/base.list"]
    assert (target / "lists/base.list").stat().st_mode & 0o7000 == 0


def test_the_real_rsync_leaves_contents_of_files_alone_when_only_lists_are_wanted(tmp_path: Path) -> None:
    tree, target = tmp_path / "tree", tmp_path / "target"
    for name in ("lists/base.list", "blobs/aa"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text("new\n")
    (target / "blobs").mkdir(parents=True)
    (target / "blobs/kept").write_text("half of a large file")
    shell, said = tmp_path / "shell", tmp_path / "said"
    server = " ".join(transfer.server_arguments(f"{tree}/"))
    shell.write_text(f'#!/bin/sh\necho "$@" > {said}\nexec {RSYNC} {server}\n')
    shell.chmod(0o755)
    words = arguments(("/x",), target, lists_only=True)
    words[words.index("-e") + 1] = str(shell)
    subprocess.run(words, check=True, capture_output=True)
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == ["blobs/kept", "lists/base.list"]
    assert transfer.fits(said.read_text().split())
