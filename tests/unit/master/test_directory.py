"""What can be wrong with a centre's directory, and that all of it is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import keyfile
from orch.common.errors import OrchError, SettingsError
from orch.common.keyfile import CentreKey
from orch.master.directory import chain_of, check, open_directory
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import write_directory

TOP = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_directory(tmp_path)
    return tmp_path


def key(folder: Path, text: str) -> None:
    (folder / "centre.key").write_text(text)


def other_key(folder: Path) -> None:
    made = CentreKey(estate="other", curve=estate.curve("x").secret, fresh=estate.signing("x").seed)
    key(folder, keyfile.write(made))


WRONG: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a mistake in the settings": (lambda f: (f / "master.toml").write_text("lissten = 1"), ["did you mean listen?"]),
    "no rsync": (lambda f: (f / "master.toml").write_text('rsync = "/nowhere"'), ["/nowhere cannot be run"]),
    "no key": (lambda f: (f / "centre.key").unlink(), ["centre.key is missing"]),
    "a key for all to read": (lambda f: (f / "centre.key").chmod(0o644), ["can be read by others (mode 0644)"]),
    "a damaged key": (lambda f: key(f, "nonsense"), ["centre.key: this is not a centre key"]),
    "another estate's key": (other_key, ["is of the estate other", "connection key", "freshness key"]),
    "no policy": (lambda f: (f / "policy/0001.policy").unlink(), ["no policy is here"]),
    "a damaged policy": (lambda f: (f / "policy/0001.policy").write_bytes(b"x"), ["an envelope is a list"]),
    "a database that is none": (lambda f: (f / "store.db").write_bytes(b"x" * 5000), ["cannot be opened"]),
}


def test_nothing_is_wrong_with_what_init_makes(folder: Path) -> None:
    assert check(folder) == []


@pytest.mark.parametrize("name", WRONG)
def test_is_said(folder: Path, name: str) -> None:
    spoil, said = WRONG[name]
    spoil(folder)
    found = [problem.text for problem in check(folder)]
    assert len(found) == len(said)
    for text, part in zip(found, said, strict=True):
        assert part in text


def test_everything_is_said_at_once(folder: Path) -> None:
    for name in ("a mistake in the settings", "no key", "a damaged policy", "a database that is none"):
        WRONG[name][0](folder)
    assert len(check(folder)) == 4


def test_a_second_centre_on_one_directory_is_refused(folder: Path) -> None:
    first = open_directory(folder)
    with pytest.raises(SettingsError, match="another orch-master"):
        open_directory(folder)
    first.close()
    open_directory(folder).close()


def test_a_policy_in_the_folder_comes_into_force_only_by_the_chain() -> None:
    good = replace(estate.POLICY, version=2)
    envelopes = (estate.policy_bytes(), estate.policy_bytes(good))
    assert [made.version for _envelope, made in chain_of(envelopes)] == [1, 2]
    assert chain_of(envelopes, good) == []
    with pytest.raises(OrchError):
        chain_of((estate.policy_bytes(), estate.policy_bytes(good, "anna")))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orch.master", *arguments],
        env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.processes
class TestTheCommand:
    def test_says_ok(self, folder: Path) -> None:
        found = run("--directory", str(folder), "--check-config")
        assert (found.returncode, found.stdout, found.stderr) == (0, "ok\n", "")

    def test_says_what_is_wrong_and_ends_with_2(self, folder: Path) -> None:
        (folder / "master.toml").write_text("[limits]\nstreems = 1\n")
        (folder / "centre.key").chmod(0o644)
        found = run("--directory", str(folder), "--check-config")
        assert found.returncode == 2
        assert "master.toml: limits.streems: is not a setting; did you mean streams?" in found.stderr
        assert "chmod 600" in found.stderr

    def test_does_not_start_on_a_wrong_directory_and_shows_no_traceback(self, folder: Path) -> None:
        (folder / "centre.key").unlink()
        found = run("--directory", str(folder))
        assert found.returncode == 2
        assert "orch-master: " in found.stderr
        assert "Traceback" not in found.stderr

    def test_says_its_version(self) -> None:
        assert run("--version").stdout.startswith("orch-master, version ")
