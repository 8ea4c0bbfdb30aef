"""What git says of an estate's directory, asked of the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orch.master.adapters import git


def said(folder: Path, *words: str) -> str:
    env = os.environ | {
        f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    said(tmp_path, "init", "-q")
    (tmp_path / "estate.yaml").write_text("orch: 1\n", "utf-8")
    said(tmp_path, "add", ".")
    said(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_names_the_commit_that_is_checked_out(estate: Path) -> None:
    assert git.commit(estate) == said(estate, "rev-parse", "HEAD")


def test_says_when_files_differ_from_it(estate: Path) -> None:
    (estate / "estate.yaml").write_text("orch: 1\nestate: x\n", "utf-8")
    assert git.commit(estate).endswith("+")


def test_a_directory_without_git_has_no_commit(tmp_path: Path) -> None:
    assert git.commit(tmp_path) == ""


def test_a_directory_that_only_lies_inside_another_repository_has_no_commit(estate: Path) -> None:
    inner = estate / "build"
    inner.mkdir()
    (inner / "estate.yaml").write_text("orch: 1\n", "utf-8")
    assert git.commit(inner) == ""
