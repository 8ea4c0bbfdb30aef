"""The operator's keys on the operator's machine: which files they are, and how they are opened.

In `$ORCH_HOME` (else `~/.config/orch`), a folder for each estate:

    login.key     mode 0600, not encrypted: connects and asks for plans; changes nothing
    signing.key   under a passphrase: signs releases, admissions, revocations
    root.key      under a passphrase: signs policies; here because `orch init` makes an estate of one operator
    next/         new keys that wait for the policy which names them (orch key rotate)
    numbers.json  the release numbers signed last (numbers.py)
    pin           SHA-256 of the first policy that this operator trusts: the chain in the estate's git starts there

Reading the login key loads no cryptography, so that `orch status` starts quickly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orch.common import keyfile
from orch.common.errors import KeyFileError
from orch.common.keyfile import LoginKey
from orch.master.cli import files
from orch.master.cli.passphrase import Passphrase

if TYPE_CHECKING:
    from orch.common.crypto import SigningKey

LIMIT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Keyring:
    """The folder of one estate's keys."""

    folder: Path

    @property
    def there(self) -> bool:
        """Whether this person has keys of the estate at all."""
        return (self.folder / "login.key").exists()

    def login(self) -> LoginKey:
        """The key for the connection.

        Raises:
            KeyFileError: missing, readable by others, or damaged.
        """
        path = self.folder / "login.key"
        if not path.exists():
            raise KeyFileError(
                f"there is no login key for this estate in {self.folder}",
                hint="ask to be an operator: orch key request; or set ORCH_HOME; or orch init --recover KEYFILE",
            )
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others", hint=f"chmod 600 {path}, and think whether it leaked")
        return keyfile.read_login(self._text("login.key"))

    def pin(self) -> bytes:
        """SHA-256 of the body of the policy that the estate's chain starts with.

        Raises:
            KeyFileError: missing or damaged.
        """
        text = self._text("pin").strip()
        try:
            return bytes.fromhex(text)
        except ValueError as err:
            raise KeyFileError(f"{self.folder / 'pin'} is damaged", hint="restore the file from its backup") from err

    def signing(self, passphrase: Passphrase) -> SigningKey:
        """The key that commands.

        Raises:
            KeyFileError: missing, damaged, or the passphrase is wrong.
        """
        return self._sealed("signing.key", "signing key", passphrase)

    def root(self, passphrase: Passphrase) -> SigningKey:
        """The root key of the operator.

        Raises:
            KeyFileError: missing, damaged, or the passphrase is wrong.
        """
        return self._sealed("root.key", "root key", passphrase)

    @property
    def has_root(self) -> bool:
        """Whether this person keeps a root key here."""
        return (self.folder / "root.key").exists()

    def _sealed(self, name: str, what: str, passphrase: Passphrase) -> SigningKey:
        return opened(self._text(name), self.folder / name, what=what, passphrase=passphrase)

    def _text(self, name: str) -> str:
        path = self.folder / name
        if not path.exists():
            raise KeyFileError(f"{path} is missing", hint="restore it from its backup")
        return files.read(path, limit=LIMIT).decode("utf-8", "replace")


def opened(text: str, path: Path, *, what: str, passphrase: Passphrase) -> SigningKey:
    """The key of a sealed file's text; the person may mistype.

    Raises:
        KeyFileError: damaged, or the passphrase is wrong.
    """
    from orch.common import crypto

    for left in reversed(range(passphrase.tries)):
        try:
            return crypto.SigningKey.from_seed(crypto.open_file(text, passphrase.get(what)))
        except KeyFileError as err:
            if not left:
                raise KeyFileError(f"{path}: {err.text}", hint=err.hint) from err
    raise AssertionError("a passphrase is asked for at least once")
