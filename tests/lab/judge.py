"""Whether hosts are what the operator's files say, judged from outside: by dpkg-query and by reading their disks.

Takes nothing from orch: it reads the estate's lists with eyes of its own (one name a line is all that the tutorial's
estate uses), so that an error in orch's own reading cannot hide here.

Called by `demo` and by the system tests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from tests.lab.hosts import Host

NEEDS = {"lab-notebook": {"lab-common"}, "reading-room": {"library-catalogue"}}
"""What packages of the laboratory's repository depend on (package.py)."""


def listed(estate: Path, names: Collection[str]) -> set[str]:
    """The packages that lists name to be installed."""
    found: set[str] = set()
    for name in names:
        for line in (estate / "lists" / f"{name}.list").read_text("utf-8").splitlines():
            word = line.partition("#")[0].split()
            if word and not word[0].startswith("@") and (len(word) == 1 or word[1] == "install"):
                found.add(word[0])
    return found


def faults(
    host: Host,
    *,
    wanted: Collection[str],
    files: Mapping[str, str],
    gone: Collection[str] = (),
    base: Collection[str] | None = None,
) -> list[str]:
    """What is not as it should be, a line each; empty if all is well.

    Args:
        host: on or off, it does not matter.
        wanted: packages that must be there, with what they need.
        files: exact content by absolute path.
        gone: packages that must not be there.
        base: packages that the host had before orch came, all of which Debian itself needs; where it is given, there
            must be these and the wanted ones, and nothing else.
    """
    packages = host.packages()
    installed = {name for name, (status, _) in packages.items() if status == "installed"}
    needed = set(wanted).union(*(NEEDS.get(name, set()) for name in wanted))
    found = [f"{host.name}: {name} is missing" for name in sorted(needed - installed)]
    found += [f"{host.name}: {name} is still there" for name in sorted(set(gone) & packages.keys() - needed)]
    if base is not None:
        found += [f"{host.name}: {name} should not be there" for name in sorted(installed - needed - set(base))]
        found += [f"{host.name}: {name} is gone" for name in sorted(set(base) - installed)]
    found += [
        f"{host.name}: {name} is {status}"
        for name, (status, _) in sorted(packages.items())
        if status not in ("installed", "config-files", "not-installed")
    ]
    for path, content in files.items():
        place = host.root / path.lstrip("/")
        if not place.is_file() or place.read_text("utf-8") != content:
            found.append(f"{host.name}: {path} is not what the estate says")
    return found
