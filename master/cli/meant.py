"""Which estate a command is about, and why that one.

In this order: `--estate`, `ORCH_ESTATE`, the nearest directory around with an estate.yaml, `estate` in the operator's
file `config`. The first two may be a directory, or the last part of one that `config` lists:

    estate = "/home/anna/netgate"                          # where no other is meant
    estates = ["/home/anna/netgate", "/home/anna/lab"]     # --estate lab

The file lies beside the folders of keys, is TOML, and need not be there.

Called by context.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from orch.common import settings
from orch.common.codec import Length
from orch.common.errors import UsageError
from orch.master.cli import folder

FILE = "config"


@dataclass(frozen=True, slots=True)
class Config:
    """All of an operator's file."""

    estate: str = ""
    estates: Annotated[tuple[str, ...], Length(0, 100)] = ()

    def named(self, name: str) -> Path | None:
        """The directory that is listed and ends in this name."""
        found = [path for path in map(_path, self.estates) if path.name == name]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Meant:
    """The estate's directory, and why it is this one."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What can say which one."""

    option: str  # --estate; empty: not given
    variable: str  # ORCH_ESTATE; empty: not set
    start: Path  # the current directory
    home: Path  # where `config` lies


def config(home: Path) -> Config:
    """The operator's file; a default where there is none.

    Raises:
        SettingsError: with every mistake in it.
    """
    return settings.read(Config, home / FILE)


def find(said: Said) -> Meant:
    """The estate that is meant.

    Raises:
        UsageError: none, or what was said is none.
        SettingsError: the operator's file is wrong.
    """
    if said.option:
        return Meant(_given(said.option, said.home), "--estate")
    if said.variable:
        return Meant(_given(said.variable, said.home), "ORCH_ESTATE")
    try:
        return Meant(folder.find(None, start=said.start).path, "the directory around you")
    except UsageError:
        default = config(said.home).estate
        if not default:
            raise
        return Meant(_given(default, said.home), f"estate in {said.home / FILE}")


def _given(text: str, home: Path) -> Path:
    path = _path(text)
    if "/" not in text and not (path / "estate.yaml").is_file():
        path = config(home).named(text) or path
    return folder.find(path, start=path).path


def _path(text: str) -> Path:
    return Path(text).expanduser()
