"""Find the shell blocks of a document and run them as a reader would: from top to bottom, in one shell.

A fenced block is marked by the words after its backticks:

- ``sh``: run, in an empty folder of its own, with ``orch``, ``orch-master`` and ``orch-minion`` on PATH;
- ``sh make``: every line is ``make TARGET``; it is looked up, and CI runs it;
- ``text`` and others: output, or not for a shell; never run.

A block with no word, or with an unknown shell word, is an error: nobody should have to wonder whether it was tried.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<words>.*)$")
SHELL = {"sh": "run", "sh make": "make"}
LIMIT = 300.0
"""Seconds that the blocks of one document may take."""

COMMANDS = {
    "orch": "orch.master.cli",
    "orch-master": "orch.master",
    "orch-minion": "orch.minion",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: where it opens, the words that mark it, and its text."""

    path: Path
    line: int
    words: str
    text: str


def documents() -> list[Path]:
    """Return every document that a person reads: those at the top, and those in docs/."""
    return sorted(TOP.glob("*.md")) + sorted((TOP / "docs").rglob("*.md"))


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document in their order."""
    opened: re.Match[str] | None = None
    start = 0
    body: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if fence and opened is None:
            opened, start, body = fence, number, []
        elif fence and opened is not None:
            yield Block(path=path, line=start, words=opened["words"].strip(), text="\n".join(body) + "\n")
            opened = None
        elif opened is not None:
            body.append(line.removeprefix(opened["indent"]))
    if opened is not None:
        raise ValueError(f"{path}:{start}: this block is never closed")


def kind(block: Block) -> str:
    """Say what is to be done with a block: run, make, or show."""
    if block.words in SHELL:
        return SHELL[block.words]
    if not block.words or block.words.split()[0] in {"sh", "bash", "shell", "console"}:
        raise ValueError(f"{block.path}:{block.line}: mark it as one of {', '.join(SHELL)}, or as text")
    return "show"


def of_kind(path: Path, wanted: str) -> list[Block]:
    """Return the blocks of one kind in a document."""
    return [block for block in blocks(path) if kind(block) == wanted]


def run(chosen: list[Block], *, folder: Path, commands: Path) -> subprocess.CompletedProcess[str]:
    """Run blocks one after another in one shell that stops at the first failure and says in which block.

    `commands` is a folder of this page's own; the page's home is in it too: keys that one page makes are no other's.
    """
    lines = ["set -euo pipefail", "trap 'echo \"failed in the block at $here\" >&2' ERR"]
    for block in chosen:
        lines += [f"here={shlex.quote(f'{block.path.relative_to(TOP)}:{block.line}')}", block.text]
    return subprocess.run(
        ["/bin/bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "HOME": str(commands), "PATH": f"{commands}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def put_commands(folder: Path) -> Path:
    """Write the three commands, as this checkout and this interpreter have them, into a folder for PATH."""
    for name, module in COMMANDS.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(TOP))} exec {sys.executable} -m {module} "$@"\n')
        script.chmod(0o755)
    return folder
