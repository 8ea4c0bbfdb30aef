"""The document: everything that one host must be. Compiled from the estate, msgpack on the wire.

It names its host by name and by key, so it can be nobody else's. Contents up to INLINE bytes travel inside;
larger ones, and all lists, are named by SHA-256 and fetched. A host holds no YAML parser and no template engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from orch.common.codec import LATER, Bytes16, Bytes32, Length, Line
from orch.common.names import HostName, Name, PackageName, Path

LIMIT = 1024 * 1024
INLINE = 16 * 1024
BLOB_LIMIT = 64 * 1024 * 1024
LIST_LIMIT = 1024 * 1024
COPY = 80
"""Bytes of a key that is sealed to one host (sealed.py)."""

BOX_LIMIT = 17 * 1024
"""Most bytes of a secret's box: 16 KiB of value, and what is around them."""


class Unlisted(Enum):
    """What happens to packages that no list names (thesis 6.1: removed)."""

    REMOVE = "remove"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list as the operator wrote it, with its includes named beside it in the same document."""

    name: Name
    sha256: Bytes32
    size: int


Pattern = Annotated[str, Length(1, 148)]
"""A package name, with `*` for any run of characters, or the word `essential`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The installed set becomes what the lists say, plus dependencies, plus what is protected."""

    lists: Annotated[tuple[Name, ...], Length(1, 64)]  # in order; a later line wins
    also: Annotated[tuple[PackageName, ...], Length(0, 1000)] = ()  # what services bring along
    unlisted: Unlisted = Unlisted.REMOVE
    protect: Annotated[tuple[Pattern, ...], Length(0, 200)] = ()
    removals: int = 20  # most packages one apply may remove without an explicit word


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A regular file: content, mode and owner, put there atomically."""

    path: Path
    sha256: Bytes32
    size: int
    content: Annotated[bytes, Length(0, INLINE)] | None = None  # None: a blob, fetched by its hash
    mode: int = 0o644
    owner: Annotated[str, Length(1, 32)] = "root"
    group: Annotated[str, Length(1, 32)] = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """A file whose content only this host can open, at this path (sealed.py)."""

    path: Path
    secret: Name
    value: Bytes16  # which value of the secret; made by chance, tells nothing of it
    key: Annotated[bytes, Length(0, COPY)]  # the box's key, sealed to this host; empty: not yet, so only to plan with
    box: Annotated[bytes, Length(16, BOX_LIMIT)]
    mode: int = 0o600
    owner: Annotated[str, Length(1, 32)] = "root"
    group: Annotated[str, Length(1, 32)] = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """When a host looks again by itself, in seconds (thesis 6.2.5: daily and at boot)."""

    every: int = 900
    full: int = 86_400
    at_boot: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a resource was written, for `explain`: e.g. `file /etc/motd` came from `sites/library.yaml:12:5`."""

    resource: Line
    where: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one host must be."""

    estate: Name
    host: HostName
    curve: Bytes32
    scope: Name
    lists: Annotated[tuple[ListFile, ...], Length(0, 256)] = ()
    packages: Packages | None = None
    files: Annotated[tuple[File, ...], Length(0, 2000)] = ()
    listen: Annotated[tuple[Line, ...], Length(0, 64)] = ()  # e.g. tcp/22; empty: nothing may listen
    reconcile: Reconcile = Reconcile()
    commit: Line = ""  # the estate's git commit
    origins: Annotated[tuple[Origin, ...], Length(0, 4000)] = ()
    secrets: Annotated[tuple[SecretFile, ...], Length(0, 500)] = field(default=(), metadata=LATER)
