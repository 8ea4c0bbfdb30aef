"""What whoever runs a centre may set, in `master.toml` of the centre's directory. Everything has a default.

docs/reference/master-settings.md describes each; the two are compared by a test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from orch.common.codec import Length, Pattern
from orch.common.settings import Range

Address = Pattern(r"tcp://(\*|[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5}|\*)", "an address like tcp://*:4505")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of this machine others may take up."""

    pending: Annotated[int, Range(1, 100_000)] = 1000  # keys that wait for a decision; the oldest are forgotten
    silent: Annotated[int, Range(10, 100_000)] = 10_000  # open connections that have said nothing yet
    strangers: Annotated[int, Range(10, 100_000)] = 2000  # open connections of keys that nobody has admitted
    streams: Annotated[int, Range(1, 1000)] = 32  # rsync at once; others wait
    blobs: Annotated[int, Range(64, 10_000_000)] = 20_480  # MiB of uploaded contents
    reports: Annotated[int, Range(1, 10_000)] = 64  # MiB of reports that one host may send in an hour

    def within(self, descriptors: int) -> Limits:
        """The same, so that whoever is not known takes at most half of the descriptors that this process may open."""
        most = max(10, descriptors // 4)
        return replace(self, silent=min(self.silent, most), strangers=min(self.strangers, most))


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept; what is in force is always kept."""

    reports: Annotated[int, Range(1, 100_000)] = 200  # newest per host
    days: Annotated[int, Range(1, 36_500)] = 90  # and none older
    releases: Annotated[int, Range(1, 10_000)] = 20  # newest per scope


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `master.toml`."""

    listen: Annotated[tuple[str, ...], Length(1, 8), Address] = ("tcp://*:4505",)
    rsync: Annotated[str, Pattern(r"/[^\x00-\x1f]*", "an absolute path")] = "/usr/bin/rsync"
    limits: Limits = Limits()
    keep: Keep = Keep()
