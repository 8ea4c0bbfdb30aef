"""Small Debian packages made on the spot, so that a test can have any package it can describe.

Called by `repository`, and by tests that need one more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import command, tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package to build.

    Attributes:
        name: its name.
        version: its version.
        summary: one line for people.
        files: content by absolute path; what lies under /etc is a conffile, as Debian's policy has it.
        scripts: `preinst`, `postinst`, `prerm`, `postrm`: shell text after `set -e`.
        fields: more control fields, such as `Depends`.
    """

    name: str
    version: str = "1.0"
    summary: str = "made by the laboratory"
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The name of its .deb."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_all.deb"

    def control(self) -> str:
        """Its control file."""
        own = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "all",
            "Maintainer": "The laboratory <laboratory@example.org>",
            "Section": "misc",
            "Priority": "optional",
            "Description": self.summary,
        }
        return "".join(f"{key}: {value}\n" for key, value in (own | dict(self.fields)).items())


def build(package: Package, pool: Path, *, work: Path) -> Path:
    """Make the .deb in the folder `pool`; `work` is a folder for the tree that it is made of."""
    folder = work / f"{package.name}-tree"
    tree.remove(folder)
    _write(folder / "DEBIAN/control", package.control())
    for name, text in package.scripts.items():
        _write(folder / "DEBIAN" / name, f"#!/bin/sh\nset -e\n{text}\n", mode=0o755)
    conffiles = [path for path in package.files if path.startswith("/etc/")]
    if conffiles:
        _write(folder / "DEBIAN/conffiles", "".join(f"{path}\n" for path in conffiles))
    for path, text in package.files.items():
        _write(folder / path.lstrip("/"), text, mode=0o755 if "/bin/" in path else 0o644)
    target = pool / package.file_name
    partial = pool / f".{package.file_name}.part"
    command.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(folder), str(partial)])
    tree.remove(folder)
    return partial.rename(target)


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file of a package's tree, whatever the umask is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in (path.parent, *path.parent.parents):
        if folder.name.endswith("-tree"):
            folder.chmod(0o755)
            break
        folder.chmod(0o755)
    path.write_text(text, "utf-8")
    path.chmod(mode)


def tool(name: str, summary: str, *, version: str = "1.0", depends: str = "") -> Package:
    """An ordinary package: a command that says what it is, and a page about it."""
    return Package(
        name=name,
        version=version,
        summary=summary,
        files={
            f"/usr/bin/{name}": f'#!/bin/sh\necho "{name} {version}: {summary}"\n',
            f"/usr/share/doc/{name}/README": f"{summary}\n",
        },
        fields={"Depends": depends} if depends else {},
    )


def queue(settings: str, *, version: str = "1.0") -> Package:
    """A package with a configuration file."""
    return Package(
        name="printer-queue",
        version=version,
        summary="a queue with a configuration file",
        files={"/etc/printer-queue.conf": settings, "/usr/bin/printer-queue": "#!/bin/sh\nexit 0\n"},
    )


ORDINARY = (
    tool("site-tools", "what every site has"),
    tool("library-catalogue", "the catalogue of the library"),
    tool("reading-room", "seats and opening hours of the reading room", depends="library-catalogue"),
    tool("school-timetable", "the timetable of the school"),
    tool("lab-common", "what the programs of the laboratory share"),
    tool("lab-notebook", "a notebook for the laboratory", depends="lab-common"),
    tool("telnet-old", "an old program that has to go"),
    queue("paper = a4\n"),
)
"""What the repository holds at set-up."""

UPDATES = (
    tool("library-catalogue", "the catalogue of the library", version="1.1"),
    queue("paper = a4\nduplex = yes\n", version="1.1"),
)
"""Newer versions, to be added while the laboratory runs."""

TROUBLE = (
    Package(name="broken-setup", summary="cannot be configured", scripts={"postinst": "exit 1"}),
    Package(
        name="broken-removal",
        summary="cannot be removed",
        scripts={"prerm": "test ! -e /etc/broken-removal.mended && exit 1\nexit 0"},
    ),
    Package(
        name="mendable-setup",
        summary="can be configured once /etc/mendable-setup.ok is there",
        scripts={"postinst": "test -e /etc/mendable-setup.ok"},
    ),
    Package(
        name="slow-setup",
        summary="takes its time to be configured: time enough to kill something",
        scripts={"postinst": 'touch /run/slow-setup.started\nsleep "$(cat /etc/slow-setup 2>/dev/null || echo 20)"'},
    ),
    Package(name="lost-needs", summary="needs what nobody has", fields={"Depends": "nowhere-to-be-found"}),
)
"""Packages that go wrong, each in one way."""
