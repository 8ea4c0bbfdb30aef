"""What a host's PID 1 is told: who the host is, what it may see, and which daemons it runs.

A file, so that it can be changed while the host runs. Written by `hosts`, read by `init`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import command


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A daemon of a host.

    Attributes:
        name: names its log and its process.
        argv: the program and its arguments; it stands outside the host's root and is told `--root`.
        uid: the user it runs as; nobody of that number need exist.
        gid: the group.
        env: added to a small environment in which `import orch` works.
    """

    name: str
    argv: tuple[str, ...]
    uid: int = 0
    gid: int = 0
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The whole of it; `hidden` and `shared` as in `view.View`."""

    hostname: str
    folder: Path
    checkout: Path
    hidden: tuple[Path, ...] = ()
    shared: tuple[Path, ...] = ()
    services: tuple[Service, ...] = ()

    def write(self, file: Path) -> None:
        """Put the table in its place whole."""
        base = command.environment({"PYTHONPATH": str(self.checkout), "PYTHONUNBUFFERED": "1", "HOME": "/"})
        services = [
            {
                "name": service.name,
                "argv": list(service.argv),
                "uid": service.uid,
                "gid": service.gid,
                "env": base | dict(service.env),
            }
            for service in self.services
        ]
        content = {
            "hostname": self.hostname,
            "folder": str(self.folder),
            "checkout": str(self.checkout),
            "hidden": [str(path) for path in self.hidden],
            "shared": [str(path) for path in self.shared],
            "services": services,
        }
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(content, indent=2), "utf-8")
        partial.rename(file)

    @classmethod
    def read(cls, file: Path) -> Table:
        """Read what `write` wrote; the services' environments are complete then."""
        content = json.loads(file.read_text("utf-8"))
        services = tuple(Service(**service | {"argv": tuple(service["argv"])}) for service in content["services"])
        return cls(
            hostname=content["hostname"],
            folder=Path(content["folder"]),
            checkout=Path(content["checkout"]),
            hidden=tuple(map(Path, content["hidden"])),
            shared=tuple(map(Path, content["shared"])),
            services=services,
        )
