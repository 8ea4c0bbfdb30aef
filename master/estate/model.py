"""The estate as read: checked values, each with the place where it was written. Nothing is merged yet (merge.py).

Called by everything above it in master/estate, and by the command line for names, titles and links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orch.common.document import Unlisted
from orch.common.lists import ParsedList
from orch.common.names import Place
from orch.master.estate.diagnostics import Located, Mark
from orch.master.estate.schema import DEFAULT_EXPIRES, DEFAULT_RING, DEFAULT_SCOPE
from orch.master.estate.sealed_file import SealedSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWanted:
    """A file that a host must hold."""

    path: str
    content: bytes
    sha256: bytes
    mode: int
    owner: str
    group: str
    mark: Mark
    secret: Located[str] | None = None  # a secret's name, in place of a content


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one level (defaults, group, site, host) says about its hosts; None where it says nothing."""

    lists: Located[tuple[Located[str], ...]] | None = None
    files: Mapping[str, FileWanted] = field(default_factory=dict)
    unlisted: Located[Unlisted] | None = None
    protect: Located[tuple[str, ...]] | None = None
    removals: Located[int] | None = None
    listen: Located[tuple[Located[str], ...]] | None = None
    every: Located[int] | None = None
    full: Located[int] | None = None
    at_boot: Located[bool] | None = None


NOTHING = Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine of a site."""

    place: Place
    mark: Mark
    title: str = ""
    labels: Mapping[str, str]
    own: Settings = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who is on site."""

    name: str = ""
    mail: str = ""
    phone: str = ""
    locale: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the line carries, as written."""

    down: str = ""
    up: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place with hosts."""

    name: str
    mark: Mark
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    location: tuple[str, str] | None = None  # latitude, longitude, as written
    contact: Contact = Contact()
    link: Link = Link()
    scope: str = DEFAULT_SCOPE
    ring: str = DEFAULT_RING
    own: Settings = NOTHING
    hosts: Mapping[str, Host]

    def says(self, host: Host, path: str) -> str | None:
        """What the estate says of a host under a label's name or one of the format's own; None where nothing."""
        if path in host.labels:
            return host.labels[path]
        if path in self.labels:
            return self.labels[path]
        known = {"scope": self.scope, "title": host.title or self.title}
        return known.get(path) or {"link.down": self.link.down, "link.up": self.link.up}.get(path) or None


OWN_WORDS = ("scope", "title", "link.down", "link.up")
"""What targets may compare besides labels; no label may be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A name for some of the hosts, and what it says about them."""

    name: str
    mark: Mark
    members: frozenset[Place]
    own: Settings = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A step on the way of a change."""

    name: str
    mark: Mark
    sites: tuple[Located[str], ...]  # `*`: all that no earlier ring names


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSource:
    """A list as it lies in the estate."""

    name: str
    content: bytes
    sha256: bytes
    parsed: ParsedList


@dataclass(frozen=True, kw_only=True)  # no slots: what is worked out from it is remembered with it
class Estate:
    """All of it."""

    name: str
    directory: Path
    description: str = ""
    expires: int = DEFAULT_EXPIRES  # seconds that a release is good for
    defaults: Settings = NOTHING
    groups: Mapping[str, Group] = field(default_factory=dict)
    rings: tuple[Ring, ...] = ()
    sites: Mapping[str, Site]
    lists: Mapping[str, ListSource] = field(default_factory=dict)
    secrets: Mapping[str, SealedSecret] = field(default_factory=dict)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every host, by site and name."""
        return tuple(sorted(host.place for site in self.sites.values() for host in site.hosts.values()))

    @cached_property
    def parsed_lists(self) -> Mapping[str, ParsedList]:
        """Every list by name, for resolving."""
        return {name: item.parsed for name, item in self.lists.items()}

    def host(self, place: Place) -> Host | None:
        """The host at a place; None where there is none."""
        site = self.sites.get(place.site)
        return site.hosts.get(place.host) if site else None

    @property
    def ring_order(self) -> tuple[str, ...]:
        """Names of the rings in the order in which changes travel."""
        return tuple(ring.name for ring in self.rings) or (DEFAULT_RING,)
