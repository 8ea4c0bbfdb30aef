"""A disk in memory that does what real ones may do: keep what was not synced, lose it, or tear it.

Satisfies minion/adapters/disk.py, so files.py runs as it ships, and each of its calls is a place where a host may die.

The model: a file's content is safe once it was synced; a name (made, replaced or taken away) is safe once its folder
was. A power cut keeps all that is safe. Of names that are not, a first part happened; of a content that is not, it keeps
nothing, a part, the whole, or zeros of its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EIO, ENOSPC
from pathlib import Path

from orch.minion.adapters.disk import Owner, Written
from tests.sim.agenda import Dice

Reached = Callable[[str], None]
CHANGES = ("create", "write", "sync", "replace", "unlink", "sync-folder")
PLACES = tuple(f"disk-{change}" for change in CHANGES)
RUN = "/run/"
"""What lies below it is gone after a power cut."""


class _Inode:
    def __init__(self) -> None:
        self.content = b""
        self.safe: bytes | None = None  # what a power cut leaves at least


class SimDisk:
    """One host's disk."""

    def __init__(self, dice: Dice, reached: Reached) -> None:
        """Empty; `reached` is told before each change, and may never come back."""
        self._dice = dice
        self._reached = reached
        self._names: dict[str, _Inode] = {}
        self._safe: dict[str, _Inode] = {}
        self._pending: list[tuple[str, str, _Inode | None]] = []  # folder, name, what it names from then on
        self.full = False
        self.failing = False
        self.forgetful: tuple[str, ...] = ()  # a fault: names whose sync is a lie

    # --- the port -----------------------------------------------------------------------------------

    def read(self, path: Path, *, most: int) -> bytes | None:
        found = self._names.get(str(path))
        return None if found is None else found.content[:most]

    @contextmanager
    def create(self, path: Path, *, mode: int, owner: Owner | None) -> Iterator[Written]:
        del mode, owner
        self._change("create")
        made = _Inode()
        self._name(path, made)
        yield _SimFile(self, path, made)

    def replace(self, source: Path, target: Path) -> None:
        self._change("replace")
        found = self._names.get(str(source))
        if found is None:
            raise FileNotFoundError(2, "No such file or directory")
        self._name(target, found)
        self._name(source, None)

    def unlink(self, path: Path) -> None:
        if str(path) in self._names:
            self._change("unlink")
            self._name(path, None)

    def sync_folder(self, path: Path) -> None:
        self._change("sync-folder")
        if self.failing:
            raise OSError(EIO, "Input/output error")
        left = []
        for item in self._pending:
            folder, name, inode = item
            if folder != str(path) or self._lies(name):
                left.append(item)
            else:
                self._keep(name, inode)
        self._pending = left

    def size(self, path: Path) -> int | None:
        found = self._names.get(str(path))
        return None if found is None else len(found.content)

    def names(self, folder: Path) -> tuple[str, ...]:
        before = f"{folder}/"
        return tuple(name[len(before) :] for name in self._names if name.startswith(before))

    def make_folder(self, path: Path, *, mode: int, owner: Owner | None) -> None:
        del path, mode, owner

    # --- as a whole ---------------------------------------------------------------------------------

    def image(self) -> Mapping[str, bytes]:
        """Every file."""
        return {name: inode.content for name, inode in self._names.items()}

    def lay(self, image: Mapping[str, bytes]) -> None:
        """These files and no others, all of them safe."""
        for name, content in image.items():
            made = self._names[name] = self._safe[name] = _Inode()
            made.content = made.safe = content

    # --- trouble ------------------------------------------------------------------------------------

    def power_cut(self) -> None:
        """What was not safe is lost, torn, or there."""
        happened = self._dice.randint(0, len(self._pending))
        for _folder, name, inode in self._pending[:happened]:
            if not self._lies(name):
                self._keep(name, inode)
        self._pending.clear()
        self._names = {name: inode for name, inode in self._safe.items() if not name.startswith(RUN)}
        self._safe = dict(self._names)
        for inode in self._names.values():
            if inode.safe != inode.content:
                inode.content = inode.safe if inode.safe is not None else self._torn(inode.content)
            inode.safe = inode.content

    def rot(self, path: Path) -> None:
        """A file of the disk goes bad."""
        found = self._names.get(str(path))
        if found is not None and found.content:
            at = self._dice.randrange(len(found.content))
            found.content = found.content[:at] + bytes([found.content[at] ^ 0x55]) + found.content[at + 1 :]
            found.safe = found.content

    def recover(self) -> None:
        """There is room again, and it syncs."""
        self.full = self.failing = False

    def write(self, path: Path, inode: _Inode, data: bytes) -> None:
        """A file is filled."""
        self._change("write")
        if self.full:
            raise OSError(ENOSPC, "No space left on device")
        inode.content += data
        del path

    def sync(self, path: Path, inode: _Inode) -> None:
        """A file's content is safe."""
        self._change("sync")
        if self.failing:
            raise OSError(EIO, "Input/output error")
        if not self._lies(str(path)):
            inode.safe = inode.content

    def _torn(self, content: bytes) -> bytes:
        match self._dice.randrange(4):
            case 0:
                return b""
            case 1:
                return content[: self._dice.randint(0, len(content))]
            case 2:
                return bytes(len(content))
            case _:
                return content

    def _change(self, what: str) -> None:
        self._reached(f"disk-{what}")

    def _name(self, path: Path, inode: _Inode | None) -> None:
        name = str(path)
        if inode is None:
            self._names.pop(name, None)
        else:
            self._names[name] = inode
        self._pending.append((str(path.parent), name, inode))

    def _keep(self, name: str, inode: _Inode | None) -> None:
        if inode is None:
            self._safe.pop(name, None)
        else:
            self._safe[name] = inode

    def _lies(self, name: str) -> bool:
        return any(word in name for word in self.forgetful)


class _SimFile:
    """A file that is being filled."""

    def __init__(self, disk: SimDisk, path: Path, inode: _Inode) -> None:
        self._disk, self._path, self._inode = disk, path, inode

    def write(self, data: bytes) -> None:
        self._disk.write(self._path, self._inode, data)

    def sync(self) -> None:
        self._disk.sync(self._path, self._inode)
