"""Small estates for tests, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orch.common.identity import Admission
from orch.common.names import Place
from orch.master.estate import loader
from orch.master.estate.model import Estate

SMALL = {
    "estate.yaml": 'orch: 1\nestate: small\ndefaults:\n  lists: [base]\nrings:\n  - { name: wide, sites: "*" }\n',
    "sites/library.yaml": (
        "site: library\nlabels: { kind: library, country: fi }\nlink: { down: 2Mbit }\n"
        "hosts:\n  srv1:\n    labels: { rack: a }\n  srv2:\n    lists: [base, extra]\n"
    ),
    "sites/school.yaml": "site: school\nlabels: { kind: school, country: fi }\nlink: { down: 1Gbit }\nhosts:\n  srv1:\n",
    "lists/base.list": "site-tools\n",
    "lists/extra.list": "@base\nhello\n",
}


def write(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files over what is there."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def small(directory: Path, **changes: str) -> Estate:
    """The small estate, with some files otherwise: `small(path, estate="...", library="...")`."""
    files = dict(SMALL)
    for name, text in changes.items():
        known = {"estate": "estate.yaml", "base": "lists/base.list", "extra": "lists/extra.list"}
        files[known.get(name, f"sites/{name}.yaml")] = text
    return loader.load(write(directory, files))


def admission(place: str, *, estate: str = "small", scope: str = "main", key: bytes = b"k" * 32) -> Admission:
    """An operator's word that a key is this host."""
    return Admission(
        estate=estate, host=place, curve=key, sign=key, seal=key, scope=scope, ring="wide", serial=1, issued=1
    )


def place(text: str) -> Place:
    """`site/host`."""
    return Place.parse(text)
