"""A site's file made into another's: the names are changed where they stand, and every other byte stays.

Comments, order and layout belong to whoever wrote them, so nothing is read and written anew: the tree says where the
names are, and the text is changed there.

Called by `orch site add`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orch.common.errors import EstateError
from orch.master.estate import source
from orch.master.estate.diagnostics import Findings, Mark, render

_OWN = ("title", "location", "contact", "timezone", "link")
"""What is seldom the same at two sites."""


@dataclass(frozen=True, slots=True)
class Read:
    """A site's file: its text, and where the names stand that must change."""

    text: str
    site: Mark
    hosts: Mapping[str, Mark]
    own: tuple[Mark, ...]  # what a person has to look at


def read(path: Path, called: str) -> Read:
    """Find the names in a site's file.

    Raises:
        EstateError: it is no such file.
    """
    data, findings = path.read_bytes(), Findings()
    tree = source.read(data, called, findings)
    if tree is None or findings.has_errors or not isinstance(tree, source.Mapping):
        raise EstateError(render(findings.diagnostics()) or f"{called} is no site's file")
    entries = {entry.key: entry for entry in tree.entries}
    site, hosts = entries.get("site"), entries.get("hosts")
    if site is None or hosts is None or not isinstance(hosts.node, source.Mapping):
        raise EstateError(f"{called} names no site, or no hosts")
    return Read(
        text=data.decode("utf-8"),
        site=site.node.mark,
        hosts={entry.key: entry.mark for entry in hosts.node.entries},
        own=tuple(entries[name].mark for name in _OWN if name in entries),
    )


def renamed(old: str, *, like: str, name: str) -> str:
    """What a host of the site `like` is probably called at the site `name`.

    `library-srv1` becomes `school-srv1`, and `lib-srv1`, which begins as a part of its site's name does, `sch-srv1`.
    A name that says nothing of its site stays.
    """
    if like in old:
        return old.replace(like, name, 1)
    first, dash, rest = old.partition("-")
    parts, others = like.split("-"), name.split("-")
    for at, part in enumerate(parts):
        if dash and len(first) >= 2 and part.startswith(first):
            return f"{others[min(at, len(others) - 1)][: len(first)]}-{rest}"
    return old


def copied(found: Read, *, name: str, hosts: Mapping[str, str]) -> str:
    """The text for another site.

    Args:
        found: of the site's file that is copied.
        name: the new site's.
        hosts: old to new names, of all hosts.
    """
    lines = found.text.split("\n")
    changes = [(found.site, "", name), *((mark, old, hosts[old]) for old, mark in found.hosts.items())]
    # From the end of each line to its beginning, so that a change moves no place that is still to come.
    for mark, old, new in sorted(changes, key=lambda item: (item[0].line, item[0].column), reverse=True):
        line = lines[mark.line - 1]
        start = mark.column - 1
        start += line[start] in "'\""
        end = start + (len(old) if old else _word(line, start))
        lines[mark.line - 1] = line[:start] + new + line[end:]
    return "\n".join(lines)


def to_look_at(text: str, found: Read, *, like: str) -> Iterator[tuple[int, str]]:
    """Lines of the new file that probably still say what holds for the old site: number and text."""
    own = {mark.line for mark in found.own}
    for number, line in enumerate(text.split("\n"), start=1):
        if number in own or like in line:
            yield number, line.strip()


def _word(line: str, start: int) -> int:
    end = start
    while end < len(line) and line[end] not in " \t'\",#}\r":
        end += 1
    return end - start
