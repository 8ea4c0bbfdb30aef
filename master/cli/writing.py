"""Puts down what founding.py made: all of it, or nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orch.common import keyfile
from orch.common.crypto import SigningKey, seal_file
from orch.common.errors import UsageError
from orch.master.cli import files, skeleton
from orch.master.cli.folder import Folder
from orch.master.cli.founding import Founded, Own


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything goes."""

    estate: Path
    centre: Path
    keys: Path
    recovery: Path

    def refuse_existing(self, *, estate_too: bool) -> None:
        """Nothing that is there is ever overwritten.

        Raises:
            UsageError: something is there already.
        """
        wanted = {
            self.centre: "have the centre's directory made elsewhere: --centre-directory DIR",
            self.keys: "these may be your keys of an estate that still counts: move them away, or set ORCH_HOME",
        }
        if estate_too:
            wanted[self.estate] = "have the estate made elsewhere: --directory DIR"
            wanted[self.recovery] = "it is of an estate that was founded here: move it to a safe, or --directory DIR"
        for path, hint in wanted.items():
            if path.exists() and not (path.is_dir() and not any(path.iterdir())):
                raise UsageError(f"{path} is there already: nothing was done", hint=hint)


@dataclass(frozen=True, slots=True)
class Lock:
    """What the operator's keys are sealed with: a passphrase, and the cost of trying one (crypto.seal_file)."""

    passphrase: str
    cost: int


def keys(own: Own, lock: Lock, *, pin: bytes, folder: Path, root: SigningKey | None = None) -> None:
    """The folder of an operator's keys; `root` for somebody who keeps a root key there, too."""
    files.folder(folder, mode=0o700)
    about = "Connects to the centre and asks for plans. It changes nothing, but keep it to yourself."
    files.write(folder / "login.key", keyfile.write(own.login, about=about), mode=0o600)
    sealed(own.signing, lock, folder / "signing.key")
    if root is not None:
        sealed(root, lock, folder / "root.key")
    files.write(folder / "pin", pin.hex() + "\n", mode=0o600)


def sealed(key: SigningKey, lock: Lock, path: Path) -> None:
    """A key that signs, under a passphrase."""
    files.write(path, seal_file(key.seed, lock.passphrase, cost=lock.cost), mode=0o600)


def recovery(founded: Founded, path: Path) -> None:
    """The recovery key, in clear: it is meant for paper."""
    about = skeleton.RECOVERY.format(name=founded.policy.estate)
    files.write(path, keyfile.write(founded.recovery, about=about), mode=0o600)


def centre(founded: Founded, policies: Sequence[bytes], *, folder: Path) -> None:
    """The directory that orch-master runs on."""
    files.folder(folder, mode=0o700)
    port = founded.policy.centre.addresses[0].rpartition(":")[2]
    files.write(folder / "master.toml", skeleton.MASTER.format(name=founded.policy.estate, port=port))
    files.write(folder / "centre.key", keyfile.write(founded.centre), mode=0o600)
    first = founded.policy.version - len(policies) + 1
    for version, envelope in enumerate(policies, start=first):
        files.write(folder / "policy" / f"{version:04d}.policy", envelope)


def estate(founded: Founded, folder: Path) -> None:
    """A new estate's directory."""
    files.folder(folder)
    name = founded.policy.estate
    files.write(folder / "estate.yaml", skeleton.ESTATE.format(name=name))
    files.write(folder / "lists" / "base.list", skeleton.BASE_LIST)
    files.write(folder / "README.md", skeleton.README.format(name=name))
    files.folder(folder / "sites")
    files.write(folder / ".gitignore", skeleton.IGNORED)
    Folder(folder).put_policy(founded.envelope)


class Staging:
    """Folders that become real together at the end; whatever goes wrong before leaves nothing."""

    def __init__(self) -> None:
        """Nothing is staged."""
        self._staged: list[tuple[Path, Path]] = []

    def place(self, target: Path, *, above: int = 0o755) -> Path:
        """Where to write what shall become `target`, on the same file system as it; folders `above` it get that mode.

        Raises:
            UsageError: nothing can be written there.
        """
        files.folder(target.parent, mode=above)
        try:
            room = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        except OSError as err:
            raise UsageError(f"{target.parent} cannot be written: {err.strerror}") from err
        self._staged.append((room, target))
        return room / target.name

    def finish(self) -> None:
        """Make everything real.

        Raises:
            UsageError: a rename was refused; what was renamed before is taken back.
        """
        done: list[Path] = []
        try:
            for room, target in self._staged:
                if target.is_dir():
                    files.give(room / target.name, target.stat())
                    target.rmdir()  # an empty folder that somebody made, for its owner
                (room / target.name).rename(target)
                done.append(target)
        except OSError as err:
            for target in done:
                _remove(target)
            raise UsageError(f"{err.filename2 or err.filename} cannot be made: {err.strerror}") from err
        finally:
            self.discard()

    def discard(self) -> None:
        """Throw away what has not become real."""
        for room, _target in self._staged:
            shutil.rmtree(room, ignore_errors=True)
        self._staged.clear()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
