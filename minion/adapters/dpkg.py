"""What dpkg knows: the only door to python-debian, which is loaded when the first question is asked.

Refuses to do: believe a status file that was cut off. What it does not name would look as if it were not installed,
and a plan made of that could do anything; so every package of which dpkg keeps a list of files must be named in it.

Invariants:
- it only reads files: no program runs, no lock is taken. dpkg replaces its status whole, so a reader sees one state;
- names are apt's: without an architecture where it is the host's own, `name:architecture` otherwise.

Called by machine.py and actions.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from orch.common.errors import StepFailed
from orch.minion.adapters.tree import Tree
from orch.states.host import Installed, PackageFacts, PackageState

STATUS: Final = "/var/lib/dpkg/status"
_INFO: Final = "/var/lib/dpkg/info"
_UPDATES: Final = "/var/lib/dpkg/updates"
_MARKS: Final = "/var/lib/apt/extended_states"
_SETTINGS: Final = (
    "/etc/apt",
    "/etc/apt/sources.list.d",
    "/etc/apt/preferences.d",
    "/etc/apt/apt.conf.d",
    "/etc/apt/trusted.gpg.d",
    "/etc/apt/keyrings",
)
LISTS: Final = "/var/lib/orch/apt/lists"
_LIMIT: Final = 64 * 1024 * 1024
_FIELDS: Final = ("Package", "Status", "Version", "Architecture", "Essential", "Protected", "Important")
_CUT_OFF_HINT: Final = "copies of earlier days are in /var/lib/dpkg/status-old and /var/backups/dpkg.status.*"


class Dpkg:
    """dpkg's records in one root."""

    def __init__(self, tree: Tree) -> None:
        """Read in this tree."""
        self._tree = tree

    def facts(self) -> PackageFacts:
        """Every package that dpkg knows of.

        Raises:
            StepFailed: there is no status file, or it is damaged or cut off.
        """
        data = self._tree.read(STATUS, limit=_LIMIT)
        if data is None:
            raise StepFailed(f"there is no {STATUS}", hint=_CUT_OFF_HINT)
        if not data.endswith(b"\n\n"):
            raise StepFailed(f"{STATUS} is cut off: its last entry does not end", hint=_CUT_OFF_HINT)
        found = _packages(data)
        architecture = next((arch for name, arch, _ in found if name == "dpkg"), "")
        if not architecture:
            raise StepFailed(f"{STATUS} does not name dpkg itself: it is damaged", hint=_CUT_OFF_HINT)
        packages = {one.name: one for one in _named(found, architecture)}
        self._check_whole(packages, architecture)
        interrupted = any(name.isdigit() for name in self._tree.names(_UPDATES))
        return PackageFacts(architecture=architecture, packages=packages, interrupted=interrupted)

    def fingerprint(self) -> bytes:
        """A hash that differs when packages, marks, apt's indexes or apt's settings do."""
        state = hashlib.sha256()
        for path in (STATUS, _MARKS):
            data = self._tree.read(path, limit=_LIMIT) or b""
            state.update(len(data).to_bytes(8, "big") + data)
        for folder in (_UPDATES, LISTS):
            self._add(state, folder)
        state.update(self.sources())
        return state.digest()

    def sources(self) -> bytes:
        """A hash that differs when apt's settings do, its sources and keys among them."""
        state = hashlib.sha256()
        for folder in _SETTINGS:
            self._add(state, folder)
        return state.digest()

    def _add(self, state: hashlib._Hash, folder: str) -> None:
        for name, found in self._tree.states(folder):
            if name not in ("lock", "partial"):
                line = f"{folder}/{name} {found.st_mtime_ns} {found.st_size} {found.st_ino} {found.st_mode}\n"
                state.update(line.encode("utf-8", "surrogateescape"))

    def _check_whole(self, packages: Mapping[str, Installed], architecture: str) -> None:
        files = (name.removesuffix(".list") for name in self._tree.names(_INFO) if name.endswith(".list"))
        lost = sorted(name for name in files if name.removesuffix(f":{architecture}") not in packages)
        if lost:
            text = f"{STATUS} does not name {len(lost)} packages of which files are there: {', '.join(lost[:8])}"
            raise StepFailed(text, hint=_CUT_OFF_HINT)


def _packages(data: bytes) -> list[tuple[str, str, Installed]]:
    """Name, architecture and record of each entry, those of which nothing is left apart."""
    from debian import deb822

    # python-debian would guess what bytes mean that are no UTF-8. A damaged name or version is one that nobody means.
    text = data.decode("utf-8", "replace").encode()
    try:
        entries = deb822.Deb822.iter_paragraphs(text, fields=list(_FIELDS), use_apt_pkg=False, encoding="utf-8")
        return [one for entry in entries if (one := _package(entry)) is not None]
    except (KeyError, IndexError) as err:
        raise StepFailed(f"{STATUS} is damaged: an entry lacks {err}", hint=_CUT_OFF_HINT) from err
    except ValueError as err:  # python-debian's own, too: it raises them while it looks for the next entry
        raise StepFailed(f"{STATUS} is damaged: {err}", hint=_CUT_OFF_HINT) from err


def _package(entry: Mapping[str, str]) -> tuple[str, str, Installed] | None:
    state = entry["Status"].split()
    if state[2] == "not-installed":
        return None
    flags = (entry.get(field, "no") for field in ("Essential", "Protected", "Important"))
    one = Installed(
        name=entry["Package"],
        version=entry["Version"],
        state=PackageState(state[2]),
        essential="yes" in flags,
        reinstall=state[1] == "reinstreq",
    )
    return one.name, entry.get("Architecture", "all"), one


def _named(found: list[tuple[str, str, Installed]], native: str) -> Iterator[Installed]:
    for name, architecture, one in found:
        if architecture in (native, "all"):
            yield one
        else:
            yield Installed(
                name=f"{name}:{architecture}",
                version=one.version,
                state=one.state,
                essential=False,  # a foreign twin of an essential package is not itself needed
                reinstall=one.reinstall,
            )
