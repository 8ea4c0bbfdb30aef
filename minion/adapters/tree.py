"""A host's root as a tree of names that nobody can lead out of: the only way in which orch reads and writes host files.

Each part of a path is opened from the folder before it, without following links. A link in the middle is resolved by
hand within the root, as chroot would, and only if root owns it: any user could lay one in a folder of their own.

Refuses to do: follow a link at the end of a path, leave the root, write through another user's link.

Invariants:
- `put` gives the old file or the new one, never a mixture, with owner and mode set before it has its name; it survives
  a power cut from the moment it returns: file and folder are synced;
- a file that a kill left half-written has a name that the next `put` for the same path takes over.

Called by dpkg.py (reading) and machine.py, actions.py.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Self

from orch.common.errors import StepFailed
from orch.states.files import FOLDER_MODE
from orch.states.host import FileFacts, FileKind

_MOST_LINKS: Final = 40
_CHUNK: Final = 256 * 1024
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS: Final = {stat.S_IFREG: FileKind.REGULAR, stat.S_IFLNK: FileKind.LINK, stat.S_IFDIR: FileKind.FOLDER}
_MOST_NAMES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file has beside its content."""

    mode: int
    uid: int
    gid: int


class Tree:
    """All below one folder."""

    def __init__(self, root: Path, *, one_look: bool = False) -> None:
        """Take this folder for the root; for one look, the names of its users are read once."""
        self._root = root
        self._seen: dict[str, tuple[tuple[str, str], ...]] | None = {} if one_look else None

    # --- reading ------------------------------------------------------------------------------------

    def facts(self, path: str) -> FileFacts:
        """What stands under a path.

        Raises:
            StepFailed: another user's link leads there, or the disk fails.
        """
        with _door(path), self._parent(path) as (folder, name, missing):
            if missing:
                return FileFacts(kind=FileKind.ABSENT, missing=missing)
            return self._named(_facts(folder, name))

    def read(self, path: str, *, limit: int) -> bytes | None:
        """The content of a regular file; None where there is none.

        Raises:
            StepFailed: not a regular file, more than `limit` bytes, or the disk fails.
        """
        with _door(path), self._parent(path) as (folder, name, missing):
            if missing:
                return None
            try:
                handle = os.open(name, _READ, dir_fd=folder)
            except FileNotFoundError:
                return None
            with open(handle, "rb") as file:  # noqa: PTH123  Path.open would follow links
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise StepFailed(f"{path} is not a regular file")
                data = file.read(limit + 1)
        if len(data) > limit:
            raise StepFailed(f"{path} has more than the {limit} bytes that it may have")
        return data

    def names(self, path: str) -> tuple[str, ...]:
        """What lies in a folder, sorted; nothing where there is no folder.

        Raises:
            StepFailed: it is not a folder, or the disk fails.
        """
        with _door(path), self._folder(path) as handle:
            return () if handle is None else tuple(sorted(os.listdir(handle)))  # noqa: PTH208  a handle, not a path

    def states(self, path: str) -> Iterator[tuple[str, os.stat_result]]:
        """Name and `lstat` of all that lies in a folder, sorted by name."""
        with _door(path), self._folder(path) as handle:
            for name in sorted(os.listdir(handle)) if handle is not None else ():  # noqa: PTH208  as above
                with contextlib.suppress(FileNotFoundError):
                    yield name, os.stat(name, dir_fd=handle, follow_symlinks=False)

    def number(self, name: str, *, of: str) -> int | None:
        """The number of a user (`of="passwd"`) or group (`of="group"`) of this root; a number is one itself."""
        if name.isdigit():
            return int(name)
        return next((int(number) for other, number in self._users(of) if other == name), None)

    # --- writing ------------------------------------------------------------------------------------

    def put(self, path: str, content: bytes, metadata: Metadata) -> tuple[str, ...]:
        """Put a file there, whole and for good; folders above it are made.

        Returns:
            The folders that were made, from the top.

        Raises:
            StepFailed: a folder stands there, another user's link leads there, or the disk is full or fails.
        """
        made = self._make_folders(path)
        with _door(path), self._parent(path) as (folder, name, _):
            beside = f".{name[:200]}.orch-new"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)
            try:
                handle = os.open(beside, _WRITE, 0o600, dir_fd=folder)
                with open(handle, "wb") as file:  # noqa: PTH123  as above
                    file.write(content)
                    file.flush()
                    os.fchown(handle, metadata.uid, metadata.gid)
                    os.fchmod(handle, metadata.mode)
                    os.fsync(handle)
                os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(beside, dir_fd=folder)
                raise
        return made

    def drop(self, path: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StepFailed: it is a folder, or the disk refuses.
        """
        with _door(path), self._parent(path) as (folder, name, missing), contextlib.suppress(FileNotFoundError):
            if not missing:
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)

    def make_folder(self, path: str) -> None:
        """Make a folder of root's, and those above it, where they are missing."""
        self._make_folders(f"{path}/.")

    def _make_folders(self, path: str) -> tuple[str, ...]:
        with _door(path), self._parent(path) as (folder, _, missing):
            handle, opened = folder, []
            try:
                for one in missing:
                    name = PurePosixPath(one).name
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, FOLDER_MODE, dir_fd=handle)
                    inner = os.open(name, _FOLDER, dir_fd=handle)
                    opened.append(inner)
                    os.fchmod(inner, FOLDER_MODE)  # whatever our umask is
                    os.fsync(handle)
                    handle = inner
            finally:
                for one_opened in opened:
                    os.close(one_opened)
        return missing

    # --- walking ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
        """The folder above a path (the last one that is there), the last name, and the folders between."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        name = "." if path.endswith("/.") else parts.pop()
        if ".." in (name, *parts):
            raise StepFailed(f"{path} leads upwards")
        with _Walk(self._root) as walk:
            missing = walk.down(parts)
            shown = tuple("/" + "/".join(parts[: len(parts) - at]) for at in range(missing - 1, -1, -1))
            yield walk.here, name, shown

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int | None]:
        with _Walk(self._root) as walk:
            missing = walk.down([part for part in path.split("/") if part])
            yield None if missing else walk.here

    def _users(self, file: str) -> Iterable[tuple[str, str]]:
        """Name and number of every user (`passwd`) or group (`group`)."""
        if self._seen is None:
            return self._read_users(file)
        if file not in self._seen:
            self._seen[file] = tuple(self._read_users(file))
        return self._seen[file]

    def _read_users(self, file: str) -> Iterator[tuple[str, str]]:
        text = self.read(f"/etc/{file}", limit=_MOST_NAMES) or b""
        for line in text.decode("utf-8", "replace").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdigit():
                yield fields[0], fields[2]

    def _named(self, facts: FileFacts) -> FileFacts:
        if facts.kind is FileKind.ABSENT:
            return facts
        owner = next((name for name, number in self._users("passwd") if number == str(facts.uid)), str(facts.uid))
        group = next((name for name, number in self._users("group") if number == str(facts.gid)), str(facts.gid))
        return replace(facts, owner=owner, group=group)


class _Walk:
    """Goes down from the root, folder by folder, as chroot would."""

    def __init__(self, root: Path) -> None:
        self._handles = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        self._trusted = {0, os.fstat(self._handles[0]).st_uid}
        self._links = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            os.close(handle)

    @property
    def here(self) -> int:
        """The folder that was reached."""
        return self._handles[-1]

    def down(self, parts: list[str]) -> int:
        """Go down.

        Returns:
            How many of the parts, at the end, are not there.
        """
        for at, part in enumerate(parts):
            try:
                self._step(part)
            except FileNotFoundError:
                return len(parts) - at
        return 0

    def _step(self, part: str) -> None:
        if part == "..":
            if len(self._handles) > 1:
                os.close(self._handles.pop())
            return
        try:
            self._handles.append(os.open(part, _FOLDER, dir_fd=self.here))
        except OSError as err:
            # ELOOP or ENOTDIR, as the kernel likes: a link. Anything else is what it is.
            if err.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            self._follow(part)

    def _follow(self, part: str) -> None:
        found = os.stat(part, dir_fd=self.here, follow_symlinks=False)
        if not stat.S_ISLNK(found.st_mode):
            raise StepFailed(f"{part} is in the way: it is not a folder")
        if found.st_uid not in self._trusted:
            raise StepFailed(f"{part} is a link of user {found.st_uid}: only root's own are followed")
        self._links += 1
        if self._links > _MOST_LINKS:
            raise StepFailed(f"{part} leads through too many links")
        self._jump(part, os.readlink(part, dir_fd=self.here))

    def _jump(self, part: str, target: str) -> None:
        if target.startswith("/"):
            while len(self._handles) > 1:
                os.close(self._handles.pop())
        try:
            for inner in target.split("/"):
                if inner not in ("", "."):
                    self._step(inner)
        except FileNotFoundError as err:
            raise StepFailed(f"{part} is a link to {target}, which is not there") from err


def _facts(folder: int, name: str) -> FileFacts:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return FileFacts(kind=FileKind.ABSENT)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), FileKind.OTHER)
    facts = FileFacts(
        kind=kind, size=found.st_size, mode=stat.S_IMODE(found.st_mode), uid=found.st_uid, gid=found.st_gid
    )
    if kind is FileKind.LINK:
        # Any user may write one where a folder is theirs: it must fit into a report, whatever bytes it has.
        target = os.fsencode(os.readlink(name, dir_fd=folder))
        return replace(facts, target=target.decode("utf-8", "replace"))
    return replace(facts, sha256=_hash(folder, name)) if kind is FileKind.REGULAR else facts


def _hash(folder: int, name: str) -> bytes:
    digest = hashlib.sha256()
    handle = os.open(name, _READ, dir_fd=folder)
    try:
        while piece := os.read(handle, _CHUNK):
            digest.update(piece)
    finally:
        os.close(handle)
    return digest.digest()


@contextlib.contextmanager
def _door(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise StepFailed(f"{path}: {err.strerror}", hint="look at the disk: df, dmesg") from err
