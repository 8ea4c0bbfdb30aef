"""What git says of the estate's directory. A directory without git is fine: then it says nothing.

Called by the command line, for the commit that documents name and for hints.
"""

from __future__ import annotations

from pathlib import Path

from orch.master.adapters import process

_GIT = ("/usr/bin/git", "-c", "core.fsmonitor=false")
"""fsmonitor would run a program that the directory's own settings name."""

_SECONDS = 5.0


def uncommitted(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which files, in these places of a directory under git, are new or other than in its newest commit."""
    said = process.said_by(
        (*_GIT, "status", "--porcelain", "--untracked-files=all", "--", *names), folder=folder, seconds=_SECONDS
    )
    return tuple(line[3:].strip() for line in (said or "").splitlines())


def commit(folder: Path) -> str:
    """The commit that is checked out, with `+` where files differ from it; empty where there is none."""
    # A directory that merely lies inside somebody else's repository, ignored or not yet added, has no commit.
    known = process.said_by((*_GIT, "ls-files", "--", "estate.yaml"), folder=folder, seconds=_SECONDS)
    head = known and process.said_by((*_GIT, "rev-parse", "--verify", "HEAD"), folder=folder, seconds=_SECONDS)
    if not head:
        return ""
    changed = process.said_by((*_GIT, "status", "--porcelain", "--", "."), folder=folder, seconds=_SECONDS)
    return head.strip()[:64] + ("+" if changed else "")
