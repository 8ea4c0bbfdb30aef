"""A small signed package repository: made at set-up, changed and broken on purpose later.

It holds packages of the laboratory's own and the real ones fetched with the root. `server` serves its folder.

Invariants:
- an index is published whole: indexes lie under their own hash, and `InRelease`, which names them, comes last;
- every publication is at least a second newer than the last, by its date and by its file's time: HTTP knows whole
  seconds only, and a host that asks twice in one second would be told that nothing has changed;
- the key is made for this one repository and never leaves its folder; no gpg-agent outlives the call that needed it
  (each runs in a process namespace of its own, which ends with gpg).

Called by `lab`, and by tests that add, replace, expire or damage.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.lab import command, package

_GPG = 'mount --bind "$1" /mnt; shift; exec gpg --homedir /mnt --batch --quiet --no-tty "$@"'
"""gpg with a short path to its home (its agent's socket must fit into 108 bytes)."""

SUITE = "lab"
COMPONENT = "main"
KEYRING = "/etc/apt/keyrings/lab.asc"


class Repository:
    """The repository in one folder; `served` is what the web server shows."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before `create`."""
        self.folder = folder
        self.served = folder / "served"
        self.pool = self.served / "pool"
        self._dists = self.served / "dists" / SUITE
        self._keys = folder / "keys"
        self._published = datetime.fromtimestamp(0, UTC)
        self._harmed = False

    def create(self, *, packages: Iterable[package.Package], real: Iterable[Path] = ()) -> None:
        """Make the key, build the packages, take the real ones over, publish."""
        self.pool.mkdir(parents=True)
        self._dists.mkdir(parents=True)
        self._keys.mkdir(mode=0o700)
        owner = "The laboratory <laboratory@example.org>"
        self._gpg("--passphrase", "", "--quick-gen-key", owner, "ed25519", "sign", "1y")
        for file in real:
            shutil.copy(file, self.pool)
        self.add(*packages)

    def add(self, *packages: package.Package) -> None:
        """Build packages (again, if they are there), and publish."""
        for one in packages:
            package.build(one, self.pool, work=self.folder)
        self.publish()

    def remove(self, name: str, version: str = "*") -> None:
        """Take a package, or one version of it, out, and publish."""
        for file in self.pool.glob(f"{name}_{version}_*.deb"):
            file.unlink()
        self.publish()

    def publish(self, *, valid_for: timedelta = timedelta(days=7)) -> None:
        """Write and sign the indexes; mends what was wrong with them. A negative time makes them expired."""
        index = command.run(["apt-ftparchive", "packages", str(self.pool)]).out
        self._publish(index.replace(f"Filename: {self.pool}/", "Filename: pool/"), valid_for)

    def _publish(self, index: str, valid_for: timedelta) -> None:
        """Write and sign this index of packages."""
        plain, packed = index.encode(), gzip.compress(index.encode(), mtime=0)
        listed = []
        for name, content in (("Packages", plain), ("Packages.gz", packed)):
            folder = f"{COMPONENT}/binary-{_architecture()}"
            digest = hashlib.sha256(content).hexdigest()
            listed.append(f" {digest} {len(content)} {folder}/{name}\n")
            _replace(self._dists / folder / name, content)
            _replace(self._dists / folder / "by-hash/SHA256" / digest, content)
        release = self._release(valid_for) + "SHA256:\n" + "".join(listed)
        signed = self._gpg("--clearsign", "--output", "-", stdin=release)
        self._put_release(signed.encode())
        self._harmed = False

    def mend(self) -> None:
        """Publish again if an index was expired, truncated or forged on purpose."""
        if self._harmed:
            self.publish()

    def expire(self) -> None:
        """Publish the same packages with a date that has passed."""
        self.publish(valid_for=timedelta(hours=-1))
        self._harmed = True

    def truncate_index(self) -> None:
        """Cut the package indexes in half, as a full disk on a mirror does. `mend` mends it.

        The index is a new one, since no host asks again for one that it has.
        """
        extra = f"Package: new\nVersion: {self._published.timestamp():.0f}\nArchitecture: all\n"
        known = (self._dists / f"{COMPONENT}/binary-{_architecture()}/Packages").read_text("utf-8")
        self._publish(f"{known}\n{extra}", timedelta(days=7))
        for index in self._dists.rglob("binary-*/**/*"):
            if index.is_file():
                _replace(index, index.read_bytes()[: index.stat().st_size // 2])
        self._harmed = True

    def forge_index(self) -> None:
        """Change what was signed and leave the signature as it is. `mend` mends it."""
        self._published += timedelta(seconds=1)
        self._put_release((self._dists / "InRelease").read_bytes().replace(b"Label: ", b"Label: forged "))
        self._harmed = True

    def damage(self, name: str) -> None:
        """Change bytes in a package's file so that it is not what the index says. `add` mends it."""
        for file in self.pool.glob(f"{name}_*.deb"):
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0xFF
            _replace(file, bytes(content))

    def names(self) -> dict[str, list[str]]:
        """The versions of every package that the pool holds, by name."""
        found: dict[str, list[str]] = {}
        for file in sorted(self.pool.glob("*.deb")):
            name, version, _ = file.name.split("_")
            found.setdefault(name, []).append(version.replace("%3a", ":"))
        return found

    def key(self) -> str:
        """The public key, for a host's `KEYRING`."""
        return self._gpg("--armor", "--export")

    def source(self, url: str) -> str:
        """A host's `/etc/apt/sources.list.d/lab.sources`.

        Args:
            url: where the repository is served, without a slash at the end.
        """
        return f"Types: deb\nURIs: {url}/\nSuites: {SUITE}\nComponents: {COMPONENT}\nSigned-By: {KEYRING}\n"

    def _release(self, valid_for: timedelta) -> str:
        """The head of the Release file."""
        now = self._published = max(datetime.now(UTC), self._published + timedelta(seconds=1)).replace(microsecond=0)
        # apt believes nothing that was published more than ten seconds from now.
        time.sleep(max(0.0, (now - datetime.now(UTC)).total_seconds() - 5))
        fields = {
            "Origin": "laboratory",
            "Label": "laboratory",
            "Suite": SUITE,
            "Codename": SUITE,
            "Date": format_datetime(now),
            "Valid-Until": format_datetime(now + valid_for),
            "Acquire-By-Hash": "yes",
            "Architectures": _architecture(),
            "Components": COMPONENT,
        }
        return "".join(f"{key}: {value}\n" for key, value in fields.items())

    def _put_release(self, content: bytes) -> None:
        """Put the signed index of indexes in its place, with the time of the publication."""
        _replace(self._dists / "InRelease", content)
        os.utime(self._dists / "InRelease", (self._published.timestamp(), self._published.timestamp()))

    def _gpg(self, *arguments: str, stdin: str = "") -> str:
        """Run gpg on the repository's key."""
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return command.run([*alone, "sh", "-ec", _GPG, "sh", str(self._keys), *arguments], stdin=stdin).out


def _architecture() -> str:
    """Debian's name of this machine's architecture; packages for all of them are in the same index."""
    return command.run(["dpkg", "--print-architecture"]).out.strip()


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    partial.rename(path)
