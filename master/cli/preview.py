"""What a release would change in each host's document, against the newest one at the centre: shown before it is signed.

differences.py compares the documents; here their lists are opened too, package by package. What machines would do is
asked of them, with `orch plan`. Hosts whose documents change in the same way are shown once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orch.common import codec, lists
from orch.common.crypto import sha256
from orch.common.document import LIMIT, Document, ListFile, Packages, Unlisted
from orch.common.errors import OrchError, Unreachable
from orch.common.lists import PRESENT, Entry, ParsedList
from orch.common.operations import Content, ContentAsked, Detail, HostAsked
from orch.common.report import Change, Sign
from orch.master.cli import differences, plans
from orch.master.cli.line import Centre
from orch.master.cli.output import Output
from orch.master.estate.compiler import Compiled

MOST = 30
"""Lines of one host that are shown without -v."""
_REMOVED = "on no list any more: it is removed"
_LEFT = "on no list any more: it stays, and is no longer looked after"
Contents = Callable[[ListFile], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A host, and what its document would say otherwise; no lines where it says the same."""

    host: str
    lines: tuple[str, ...]
    removed: int = 0  # packages that lists named before and that are removed now, at most
    ceiling: int = 0  # how many its document lets it remove without a word

    @property
    def site(self) -> str:
        """Where it is."""
        return self.host.partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, and whether a package goes."""

    text: str
    removes: bool = False


def against_centre(centre: Centre, compiled: Sequence[Compiled]) -> tuple[Difference, ...]:
    """What is different for each host."""
    kept = Kept(centre)
    worked_out: dict[tuple[Document | None, Document], tuple[_Line, ...]] = {}
    found: list[Difference] = []
    for item in compiled:
        before = _published(centre, str(item.place))
        if before is not None and before.curve != item.document.curve:
            before = None  # another machine has its name: nothing was signed for it yet
        pair = (_common(before) if before else None, _common(item.document))
        if pair not in worked_out:
            worked_out[pair] = _lines(before, item, kept)
        found.append(_difference(item, worked_out[pair]))
    return tuple(found)


def _difference(item: Compiled, lines: Sequence[_Line]) -> Difference:
    packages = item.document.packages
    return Difference(
        host=str(item.place),
        lines=tuple(line.text for line in lines),
        removed=sum(line.removes for line in lines),
        ceiling=packages.removals if packages is not None else 0,
    )


def _common(document: Document) -> Document:
    """A document without what is each host's own. Where a line stands, and in which commit, is no difference."""
    return replace(differences.without_copies(document), host="", curve=b"", commit="", origins=())


def screen(output: Output, found: Sequence[Difference]) -> list[str]:
    """Each way to be different once, with the hosts that it is for."""
    same: dict[tuple[str, ...], list[str]] = {}
    for item in found:
        same.setdefault(item.lines, []).append(item.host)
    shown: list[str] = []
    for lines, hosts in sorted(same.items(), key=lambda pair: (not pair[0], pair[1])):
        if not lines:
            names = plans.names(output, hosts)
            shown.append(f"  {names}: the document says the same")
            continue
        shown += [f"  {line}" for line in plans.heads(output, hosts, f"the same {len(lines)} differences")]
        cut = len(lines) if output.verbose else MOST
        shown += [output.change(f"    {line}") for line in lines[:cut]]
        shown += [f"    and {len(lines) - cut} more (-v names them)"] if len(lines) > cut else []
    return shown


class Kept:
    """Lists of released documents, fetched from the centre once each."""

    def __init__(self, centre: Centre) -> None:
        """Nothing is fetched yet."""
        self._centre = centre
        self._found: dict[bytes, bytes | None] = {}

    def __call__(self, item: ListFile) -> bytes | None:
        """A list's content; None where the centre has it no more, or has another."""
        if item.sha256 not in self._found:
            self._found[item.sha256] = self._fetch(item)
        return self._found[item.sha256]

    def _fetch(self, item: ListFile) -> bytes | None:
        content = b""
        try:
            while len(content) < item.size:
                asked = ContentAsked(sha256=item.sha256, offset=len(content))
                part = self._centre.ask("blob.get", asked, Content).data
                if not part:
                    return None
                content += part
        except Unreachable:
            raise
        except OrchError:
            return None  # an older centre, or the list is not there any more: said where it matters
        return content if sha256(content) == item.sha256 else None


def _lines(before: Document | None, item: Compiled, kept: Kept) -> tuple[_Line, ...]:
    after = item.document
    if before is None:
        return (_Line(_first(item)),)
    if _common(before) == _common(after):
        return ()
    told = (_Line(_line(change)) for change in differences.between(before, after))
    return (*told, *_listed(before, item, kept)) or (_Line("~ what holds for it beside packages and files"),)


def _line(change: Change) -> str:
    if change.kind in ("file", "secret") and change.sign is Sign.REMOVE:
        change = replace(change, before="", why="it stays as it is, and is no longer looked after")
    return plans.change_line(change)


def _published(centre: Centre, host: str) -> Document | None:
    try:
        data = centre.ask("host.explain", HostAsked(host, reports=False), Detail).document
    except Unreachable:
        raise
    except OrchError:
        return None  # the centre has nothing of this host yet
    return codec.decode(Document, data, limit=LIMIT) if data else None


def _first(item: Compiled) -> str:
    document = item.document
    named = len(_wanted(document, lambda found: item.blobs.get(found.sha256)) or ())
    files = f"{len(document.files)} file{'' if len(document.files) == 1 else 's'}"
    files += f", {len(document.secrets)} secret{'' if len(document.secrets) == 1 else 's'}" if document.secrets else ""
    unlisted = document.packages.unlisted if document.packages else Unlisted.IGNORE
    rest = "; whatever else is installed there is removed" if unlisted is Unlisted.REMOVE else ""
    return f"+ its first document: {named} packages on lists, {files}{rest}"


def _listed(before: Document, item: Compiled, kept: Contents) -> Iterator[_Line]:
    """What the lists say of packages otherwise than before."""
    after = item.document
    if (before.lists, before.packages) == (after.lists, after.packages):
        return
    was, will = _wanted(before, kept), _wanted(after, lambda found: item.blobs.get(found.sha256))
    if was is None or will is None:
        yield _Line("~ packages    the lists before are not at the centre any more; orch plan says what changes")
        return
    yield from _packages(was, will, after.packages)


def _wanted(document: Document, contents: Contents) -> dict[str, Entry] | None:
    """What the lists of a document say of each package; None where a list is not to be had."""
    known: dict[str, ParsedList] = {}
    for item in document.lists:
        content = contents(item)
        if content is None:
            return None
        known[item.name] = lists.examine(content.decode("utf-8", "replace"), item.name)[0]
    named = document.packages.lists if document.packages else ()
    return {entry.name: entry for entry in lists.expand(named, known, report=lambda _problem: None)}


def _packages(was: Mapping[str, Entry], will: Mapping[str, Entry], packages: Packages | None) -> Iterator[_Line]:
    gone = _REMOVED if packages is not None and packages.unlisted is Unlisted.REMOVE else _LEFT
    for name in sorted(was.keys() | will.keys()):
        old, new = was.get(name), will.get(name)
        if new is None and old is not None:
            why = gone if old.want in PRESENT else "its line is gone"
            yield _Line(f"- pkg {name}    {why}", removes=why == _REMOVED)
        elif new is not None and (old is None or _says(old) != _says(new)):
            why = f"    {new.file} says {new.want.value}: it is removed" if new.want not in PRESENT else ""
            sign = "-" if why and new.want.value != "allow" else "+" if old is None else "~"
            yield _Line(f"{sign} pkg {_says(new)}{why if sign == '-' else ''}", removes=sign == "-")


def _says(entry: Entry) -> str:
    version = f" ({entry.relation} {entry.version})" if entry.version else ""
    suite = f" /{entry.suite}" if entry.suite else ""
    return f"{entry.name}{version}{suite}" + ("" if entry.want.value == "install" else f" {entry.want.value}")
