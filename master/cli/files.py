"""Files of the operator, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from orch.common.errors import UsageError


def folder(path: Path, *, mode: int = 0o755) -> None:
    """Make a folder and the missing ones above it, none of them wider than `mode` whatever the umask is.

    Raises:
        UsageError: the place cannot be used.
    """
    missing = [place for place in (path, *path.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir(mode=mode, exist_ok=True)
    except OSError as err:
        raise UsageError(f"{path} cannot be made: {err.strerror}") from err


def needs_folder(path: Path) -> None:
    """Refuse a file to hand over whose folder is not there: a folder of that name is most likely a slip.

    Raises:
        UsageError: there is no such folder.
    """
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}: nothing was written", hint="make it, or name another file")


def write(path: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file so that no reader and no power cut ever sees half of it; its folder is made where it is missing.

    Raises:
        UsageError: the place cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.new")
    folder(path.parent)
    try:
        beside.unlink(missing_ok=True)
        # O_EXCL and the mode at creation: a secret is at no moment readable by others.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as err:
        raise UsageError(f"{path} cannot be written: {err.strerror}") from err


def give(tree: Path, to: os.stat_result) -> None:
    """Make a tree somebody else's, where we may: that of the folder of which `to` was asked.

    Raises:
        UsageError: it was refused.
    """
    if os.geteuid() != 0 or (to.st_uid, to.st_gid) == (os.geteuid(), os.getegid()):
        return
    try:
        for path in (tree, *sorted(tree.rglob("*"))):
            os.chown(path, to.st_uid, to.st_gid, follow_symlinks=False)
    except OSError as err:
        raise UsageError(f"{tree} cannot be given to user {to.st_uid}: {err.strerror}") from err


def read(path: Path, *, limit: int) -> bytes:
    """The bytes of a file of at most `limit` bytes.

    Raises:
        UsageError: it cannot be read or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as err:
        raise UsageError(f"{path} cannot be read: {err.strerror}", hint="is that the right name?") from err
    if len(data) > limit:
        raise UsageError(f"{path} has more than {limit} bytes, which no such file has")
    return data
