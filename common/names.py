"""Names that peers and files may give, and nothing else may be built from.

A name from a peer never becomes a path, an argument or a key before it has passed here
(path traversal and argument injection are what systems like this one fell to). A host's full name is `site/host`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Length, Pattern
from orch.common.errors import Malformed

WORD = r"[a-z0-9][a-z0-9._-]{0,62}"
_WORD = re.compile(WORD)

Name = Annotated[str, Pattern(WORD, "a name (a-z 0-9 . _ -)"), Length(1, 63)]
"""Site, host, scope, ring, operator, list, service."""

HostName = Annotated[str, Pattern(f"{WORD}/{WORD}", "a host's name (site/host)"), Length(3, 127)]
"""`site/host`."""

NameOrAll = Annotated[str, Pattern(rf"\*|{WORD}", "a name or *"), Length(1, 63)]

PackageName = Annotated[str, Pattern(r"[a-z0-9][a-z0-9+.-]{0,126}(:[a-z0-9]{1,20})?", "a package name"), Length(2, 148)]
Version = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9.+~:-]{0,127}", "a Debian version"), Length(1, 128)]
Path = Annotated[str, Pattern(r"(/(?!\.\.?(/|\Z))[^/\x00-\x1f\x7f]+)+", "a plain absolute path"), Length(2, 1024)]


def is_name(text: str) -> bool:
    """Whether the text may name a site, host, scope, ring, operator or list."""
    return _WORD.fullmatch(text) is not None


def checked(text: str, what: str) -> str:
    """Return the text if it is a name.

    Raises:
        Malformed: it is not; `what` says what it should have named.
    """
    if not is_name(text):
        raise Malformed(f"{what} {text[:80]!r} is not a name: a-z, 0-9, dot, dash and underscore, at most 63")
    return text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a host stands: its site and its own name there."""

    site: str
    host: str

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `site/host`.

        Raises:
            Malformed: not two names joined by a slash.
        """
        site, slash, host = text.partition("/")
        if not slash:
            raise Malformed(f"{text[:80]!r} is not site/host")
        return cls(checked(site, "site"), checked(host, "host"))

    def __str__(self) -> str:
        """`site/host`."""
        return f"{self.site}/{self.host}"
