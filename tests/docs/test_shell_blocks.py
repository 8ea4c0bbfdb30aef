"""Every shell block in README and docs/ is run, or its targets are looked up: blocks.py says which is which."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.docs import blocks

DOCUMENTS = blocks.documents()


def with_blocks(kind: str) -> list[object]:
    """Return the documents that have blocks of this kind, under names that a person can read."""
    found = [path for path in DOCUMENTS if blocks.of_kind(path, kind)]
    return [pytest.param(path, id=str(path.relative_to(blocks.TOP))) for path in found]


def test_finds_the_documents() -> None:
    assert blocks.TOP / "README.md" in DOCUMENTS


def test_an_unmarked_block_is_an_error(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("text\n```\norch status\n```\n")
    with pytest.raises(ValueError, match=r"a\.md:2: mark it as one of sh, sh make, or as text"):
        blocks.of_kind(document, "run")


def test_a_failing_block_is_named_by_file_and_line(tmp_path: Path) -> None:
    block = blocks.Block(path=blocks.TOP / "README.md", line=7, words="sh", text="true\nfalse\necho unreached\n")
    done = blocks.run([block], folder=tmp_path, commands=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "failed in the block at README.md:7\n"


@pytest.mark.parametrize("path", with_blocks("run"))
def test_runs_from_top_to_bottom_in_an_empty_folder(path: Path, tmp_path: Path) -> None:
    folder, commands = tmp_path / "folder", tmp_path / "commands"
    folder.mkdir()
    commands.mkdir()
    done = blocks.run(blocks.of_kind(path, "run"), folder=folder, commands=blocks.put_commands(commands))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", with_blocks("make"))
def test_every_target_that_is_named_is_there(path: Path) -> None:
    for block in blocks.of_kind(path, "make"):
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            assert not words or words[0] == "make", f"{path}: {line}"
            subprocess.run(["make", "-n", *words[1:]], cwd=blocks.TOP, check=True, capture_output=True)
