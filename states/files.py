"""Regular files with content, mode and owner.

A folder that stands in a file's place is an error: deleting it could delete anything. A link is replaced by the file.
Folders above a file are made where they are missing, and shown; what is in them is nobody's business here.

A file that the document no longer names stays as it is: whether it was there before orch came, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orch.common.document import File
from orch.common.errors import StepFailed
from orch.common.report import Change, Sign
from orch.states.base import PutFile, Step
from orch.states.host import FileFacts, FileKind, Host

KIND = "file"
_FOR_ALL = 0o004
FOLDER_MODE = 0o755
"""Of a folder that is made for a file; it belongs to root."""


class Files:
    """The state `files`."""

    def __init__(self, host: Host) -> None:
        """Look at this host."""
        self._host = host

    def observe(self, wanted: tuple[File, ...]) -> Mapping[str, FileFacts]:
        """What stands under each path."""
        return {item.path: self._host.file(item.path) for item in wanted}

    def plan(self, wanted: tuple[File, ...], found: Mapping[str, FileFacts]) -> Iterator[Step]:
        """One step for each file that is not as it should be.

        Raises:
            StepFailed: something that must not be deleted stands in a file's place.
        """
        made: set[str] = set()
        for item in sorted(wanted, key=lambda item: item.path):
            facts = found[item.path]
            _check(item, facts)
            changes = (*_folders(facts, made), *_change(item, facts))
            if changes:
                action = PutFile(
                    path=item.path,
                    sha256=item.sha256,
                    content=item.content,
                    mode=item.mode,
                    owner=item.owner,
                    group=item.group,
                )
                yield Step(
                    resource=f"file {item.path}",
                    changes=changes,
                    action=action,
                    destructive=facts.kind is not FileKind.ABSENT,
                )


def difference(path: str, before: FileFacts, after: FileFacts) -> Change | None:
    """How two findings of one path differ, as a plan shows it; None where they do not."""
    if after.kind is FileKind.REGULAR and before.kind is FileKind.REGULAR:
        parts = [
            (_was(before), f"sha256 {after.sha256[:6].hex()}") if before.sha256 != after.sha256 else ("", ""),
            (f"mode {before.mode:04o}", f"mode {after.mode:04o}"),
            (f"owner {before.owner}:{before.group}", f"owner {after.owner}:{after.group}"),
        ]
        parts = [part for part in parts if part[0] != part[1]]
        if not parts:
            return None
        was, becomes = (", ".join(side) for side in zip(*parts, strict=True))
        return Change(sign=Sign.CHANGE, kind=KIND, name=path, before=was, after=becomes)
    if before.kind is FileKind.ABSENT:
        return Change(sign=Sign.ADD, kind=KIND, name=path, after=_whole(after))
    was = f"a link to {before.target}"[:300] if before.kind is FileKind.LINK else before.kind.value
    return Change(sign=Sign.CHANGE, kind=KIND, name=path, before=was, after=_whole(after))


def folder_change(path: str) -> Change:
    """The line for a folder that is made."""
    return Change(sign=Sign.ADD, kind="folder", name=path, after=f"mode {FOLDER_MODE:04o}, owner root:root")


def _check(item: File, facts: FileFacts) -> None:
    if facts.kind in (FileKind.FOLDER, FileKind.OTHER):
        raise StepFailed(
            f"{item.path}: {facts.kind.value} stands where the file should be",
            hint="move it away, or take the file out of the host's files",
        )


def _folders(facts: FileFacts, made: set[str]) -> Iterator[Change]:
    for folder in facts.missing:
        if folder not in made:
            made.add(folder)
            yield folder_change(folder)


def _change(item: File, facts: FileFacts) -> Iterator[Change]:
    # A user may be named by number; and "0" is root. What is the same must compare as the same.
    owner = facts.owner if item.owner == str(facts.uid) else item.owner
    group = facts.group if item.group == str(facts.gid) else item.group
    if facts.kind is not FileKind.REGULAR:
        owner, group = item.owner, item.group
    after = FileFacts(
        kind=FileKind.REGULAR, sha256=item.sha256, size=item.size, mode=item.mode, owner=owner, group=group
    )
    change = difference(item.path, facts, after)
    if change:
        yield change


def _was(facts: FileFacts) -> str:
    """What was there by its hash, but for what not everybody there may read: a short text is guessed from its hash."""
    return f"sha256 {facts.sha256[:6].hex()}" if facts.mode & _FOR_ALL else "other content"


def _whole(facts: FileFacts) -> str:
    return f"sha256 {facts.sha256[:6].hex()}, mode {facts.mode:04o}, owner {facts.owner}:{facts.group}"
