"""A root without a system: a few folders and dpkg's status, enough for whoever only reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def stanza(name: str, version: str, state: str = "installed", **fields: str) -> str:
    """An entry of dpkg's status; more fields by name, `_` for `-`."""
    want = "deinstall" if state == "config-files" else "install"
    head = {"Package": name, "Status": f"{want} ok {state}", "Architecture": "amd64", "Version": version}
    rest = {key.replace("_", "-"): value for key, value in fields.items()}
    return "".join(f"{key}: {value}\n" for key, value in (head | rest).items()) + "\n"


DPKG = stanza("dpkg", "1.21", Essential="yes")


def make(root: Path, *, status: str = DPKG) -> Path:
    """Make it."""
    for folder in ("etc/apt", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/orch/lists", "var/lib/apt"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nwww-data:x:33:\n")
    (root / "var/lib/dpkg/status").write_text(status)
    return root


def put(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files with mode 0644."""
    for path, content in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o644)
