"""Where this machine gets its Debian packages from: the laboratory builds its roots from the same place.

No mirror is named in the repository; whoever has a nearer one, or a proxy, has told apt already.
Reads /etc/apt, one-line and deb822 form. Takes Debian's own suites of the running release (the release itself, its
updates and its security suite) and leaves other vendors' sources alone. Called by `roots`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab import command
from tests.lab.errors import LabError

_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<parts>\S.*)$")
_SETTING = re.compile(
    r'^Acquire::(\w+::Proxy(::\S+)?|Check-Valid-Until|Check-Date|Retries|ForceIPv\d|https::Ca\w+) "[^"]+";$'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One suite at one address; `keyring` is a path, empty where apt's own keyrings are used."""

    uri: str
    suite: str
    components: tuple[str, ...]
    keyring: str

    def line(self) -> str:
        """The source in apt's one-line form, with Debian's main component only."""
        option = f"[signed-by={self.keyring}] " if self.keyring else ""
        return f"deb {option}{self.uri} {self.suite} main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """All that is needed to build a root of the running release.

    Attributes:
        suite: the release's code name.
        lines: apt sources, the release itself first.
        settings: the machine's own apt settings that decide whether the mirror can be reached and believed
            (proxies, dates), each as `Name "value";`.
    """

    suite: str
    lines: tuple[str, ...]
    settings: tuple[str, ...]


def find(etc: Path = Path("/etc"), *, settings: bool = True) -> Mirror:
    """Read the machine's own apt sources.

    Args:
        etc: the machine's /etc, or a stand-in.
        settings: also ask `apt-config` for the settings of the running machine.

    Raises:
        LabError: the machine is no Debian, or no source of it offers the running release.
    """
    suite = _codename(etc / "os-release")
    sources = [source for source in _sources(etc / "apt") if _is_debian(source, suite)]
    own = [source for source in sources if "debian-archive" in source.keyring or not source.keyring]
    chosen = {(source.uri.rstrip("/"), source.suite): source for source in (own or sources)}
    if not any(name == suite for _, name in chosen):
        hint = f"add a Debian mirror with suite {suite} and component main to /etc/apt/sources.list"
        raise LabError(f"no apt source of this machine offers {suite} main", hint=hint)
    ordered = sorted(chosen.values(), key=lambda source: source.suite)
    return Mirror(
        suite=suite,
        lines=tuple(source.line() for source in ordered),
        settings=tuple(_settings()) if settings else (),
    )


def _codename(os_release: Path) -> str:
    """The running release's code name."""
    pairs = dict(line.split("=", 1) for line in os_release.read_text("utf-8").splitlines() if "=" in line)
    words = {key: value.strip('"') for key, value in pairs.items()}
    if words.get("ID") != "debian" or "VERSION_CODENAME" not in words:
        raise LabError("this machine does not run a Debian release", hint="use a Debian 12 machine")
    return words["VERSION_CODENAME"]


def _is_debian(source: Source, suite: str) -> bool:
    """Whether a source is the release, its updates or its security suite, and not a vendor's or a medium."""
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    return source.suite in wanted and "main" in source.components and not source.uri.startswith("cdrom:")


def _sources(apt: Path) -> Iterator[Source]:
    """Every enabled source that the machine's apt would read."""
    parts = apt / "sources.list.d"
    for file in (apt / "sources.list", *sorted(parts.glob("*.list"))):
        if file.is_file():
            yield from _one_line_form(file.read_text("utf-8", "replace"))
    for file in sorted(parts.glob("*.sources")):
        yield from _deb822_form(file.read_text("utf-8", "replace"))


def _one_line_form(text: str) -> Iterator[Source]:
    """Sources of the form `deb [options] URI suite components`."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.split("#", 1)[0].strip())
        if found:
            options = dict(option.split("=", 1) for option in (found["options"] or "").split() if "=" in option)
            yield Source(
                uri=found["uri"],
                suite=found["suite"].rstrip("/"),
                components=tuple(found["parts"].split()),
                keyring=_path(options.get("signed-by", "")),
            )


def _deb822_form(text: str) -> Iterator[Source]:
    """Sources in stanzas of fields."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", kept):
        fields = {
            name.lower(): value.strip()
            for name, value in re.findall(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(
                    uri=uri,
                    suite=suite.rstrip("/"),
                    components=tuple(fields.get("components", "").split()),
                    keyring=_path(fields.get("signed-by", "")),
                )


def _path(signed_by: str) -> str:
    """A key ring's path; fingerprints and keys written into the source itself are left to apt's own key rings."""
    return signed_by if signed_by.startswith("/") and " " not in signed_by and "\n" not in signed_by else ""


def _settings() -> Iterator[str]:
    """The machine's settings about proxies and dates."""
    for line in command.run(["apt-config", "dump"]).lines:
        if _SETTING.match(line):
            yield line
