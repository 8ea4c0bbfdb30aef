"""Package lists: the one parser of them, for the operator's lint and for the host that obeys them.

One package to a line, so a list of the thesis and the output of `dpkg --get-selections` are lists as they are:

    @base                                  # another list, as if its lines stood here
    rsync                                  # install, and keep up to date
    libc6:amd64              install       # dpkg's own words: install hold deinstall purge
    telnet                   purge         # must be absent
    linux-image-*            allow         # neither installed nor removed; patterns only with allow and purge
    lm-sensors (>= 1:3.6)                  # Debian's own way to write versions
    firmware-realtek /bookworm-backports   # from this suite

Refuses to guess: a line that is not understood is an error, so is a list without any package, a name that is to be
installed and to be purged, and an include that is missing or leads back to itself.

Invariants:
- pure: text in, values out; the same text gives the same answer on the operator's machine and on the host;
- every entry knows the file, line and column that it came from, through every include;
- a later line wins over an earlier one for the same name;
- a list counts once, where it is first named or included: so no includes, however tangled, can blow up.

Whether a list arrived whole is not asked here: its hash is in the signed document (document.py), the host compares it.
Called by master/estate (lint, compile) and states/packages.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orch.common import names
from orch.common.errors import Malformed

MAX_LINES = 50_000
MAX_INCLUDES = 32  # how deep lists may include lists: a person loses the thread long before


class Want(StrEnum):
    """What a line asks for: dpkg's words, and `allow`."""

    INSTALL = "install"
    HOLD = "hold"  # as install, but the version stays
    DEINSTALL = "deinstall"  # removed, its settings in /etc stay
    PURGE = "purge"  # removed with its settings
    ALLOW = "allow"  # neither installed nor removed


PRESENT = (Want.INSTALL, Want.HOLD)
PATTERN_WANTS = (Want.ALLOW, Want.PURGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line about one package, or about all that a pattern fits."""

    name: str  # may hold *; may be qualified: libc6:amd64
    want: Want
    relation: str | None = None  # << <= = >= >>
    version: str | None = None
    suite: str | None = None
    file: str
    line: int  # from 1
    column: int  # from 1

    @property
    def where(self) -> str:
        """`lists/base.list:7`: a list's line needs no column to be found."""
        return f"{self.file}:{self.line}"

    @property
    def is_pattern(self) -> bool:
        """Whether it speaks of every package whose name fits."""
        return "*" in self.name

    def fits(self, package: str) -> bool:
        """Whether it speaks of this package; a name without an architecture speaks of every architecture."""
        bare = package.partition(":")[0]
        if self.is_pattern:
            return fnmatch.fnmatchcase(bare, self.name)
        return self.name in (package, bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """A line `@name`: that list's lines stand here."""

    name: str
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ParsedList:
    """A list as written: entries and includes in the order of their lines."""

    file: str
    items: tuple[Entry | Include, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The packages that it names itself."""
        return tuple(item for item in self.items if isinstance(item, Entry))

    @property
    def includes(self) -> tuple[Include, ...]:
        """The lists that it includes."""
        return tuple(item for item in self.items if isinstance(item, Include))


class ListError(Malformed):
    """A line of a list is wrong: the operator must mend it; a host that meets it keeps its packages as they are."""

    code = "list"
    hint = "mend the list and run: orch lint"

    def __init__(self, problem: str, *, at: Spot, hint: str = "") -> None:
        """Keep the place apart from the words, so that a screen can show the line with a mark under it."""
        super().__init__(f"{at.file}:{at.line}: {problem}", hint=hint)
        self.problem, self.at, self.advice = problem, at, hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A piece of a line, with the line's text for showing."""

    file: str
    line: int
    column: int = 1
    length: int = 1
    text: str = ""


def parse_bytes(data: bytes, file: str) -> ParsedList:
    """Read a list as it lies on a disk; raises ListError as `parse` does, and for what is not UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise ListError("is not UTF-8 text", at=Spot(file=file, line=line)) from err
    return parse(text, file)


def parse(text: str, file: str) -> ParsedList:
    """Read a list.

    Args:
        text: the whole list.
        file: how to call it in errors and origins, e.g. `lists/base.list`.

    Raises:
        ListError: the first line that is not understood, or no entry at all.
    """
    parsed, problems = examine(text, file)
    if problems:
        raise problems[0]
    return parsed


def examine(text: str, file: str) -> tuple[ParsedList, tuple[ListError, ...]]:
    """Read a list and collect everything that is wrong with it, for a person who wants to see all at once."""
    items: list[Entry | Include] = []
    problems: list[ListError] = []
    lines = text.removeprefix("\ufeff").split("\n")
    if len(lines) > MAX_LINES:
        problems.append(ListError(f"has more than {MAX_LINES} lines", at=Spot(file=file, line=MAX_LINES)))
    for number, raw in enumerate(lines[:MAX_LINES], start=1):
        reader = _LineReader(file, number, raw.removesuffix("\r"))
        try:
            items.extend(reader.item())
        except ListError as err:
            problems.append(err)
    if not items and not problems:
        hint = "name at least one package or @list, or take the list off every lists: that names it"
        problems.append(ListError("holds no package", at=Spot(file=file, line=1, text=lines[0]), hint=hint))
    return ParsedList(file, tuple(items)), tuple(problems)


_COMMENT = re.compile(r"(?:^|[ \t])#.*$")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,126}(:[a-z0-9]{1,20})?")
_GLOB = re.compile(r"[a-z0-9*][a-z0-9+.*-]{1,126}")
_TOKEN = re.compile(r"[ \t]+|\([^)]*\)|\([^)]*$|[^ \t(]+")
_VERSION = re.compile(r"\(\s*(<<|<=|=|>=|>>)\s*([A-Za-z0-9][A-Za-z0-9.+~:-]{0,127})\s*\)")
_SUITE = re.compile(r"/[a-z0-9][a-z0-9._-]{0,62}")
_WORDS = tuple(str(want) for want in Want)


class _LineReader:
    """One line: what it says, or a ListError with the very piece that is wrong."""

    def __init__(self, file: str, line: int, text: str) -> None:
        self.file, self.line, self.text = file, line, text

    def item(self) -> Iterator[Entry | Include]:
        """The line's meaning; nothing where it is blank or a comment."""
        control = _CONTROL.search(self.text)
        if control:
            raise self.wrong(f"a control character (U+{ord(control[0]):04X}) stands here", control.start(), 1)
        tokens = [
            (match[0], match.start()) for match in _TOKEN.finditer(_COMMENT.sub("", self.text)) if match[0].strip(" \t")
        ]
        if tokens:
            yield self.include(tokens) if tokens[0][0].startswith("@") else self.entry(tokens)

    def include(self, tokens: Sequence[tuple[str, int]]) -> Include:
        (token, start), *rest = tokens
        if rest:
            raise self.wrong("nothing may follow an include", rest[0][1], len(rest[0][0]))
        if not names.is_name(token[1:]):
            raise self.wrong(f'"{token[:80]}" names no list', start, len(token), "write @ and the list's name: @base")
        return Include(name=token[1:], file=self.file, line=self.line, column=start + 1)

    def entry(self, tokens: Sequence[tuple[str, int]]) -> Entry:
        (name, start), *rest = tokens
        self.check_name(name, start)
        relation = version = suite = want = None
        for token, at in rest:
            if token[0] == "(" and relation is None:
                relation, version = self.relation(token, at)
            elif token.startswith("/") and suite is None:
                suite = self.suite(token, at)
            elif token in _WORDS and want is None:
                want = Want(token)
            else:
                raise self.unknown(token, at)
        entry = Entry(
            name=name,
            want=want or Want.INSTALL,
            relation=relation,
            version=version,
            suite=suite,
            file=self.file,
            line=self.line,
            column=start + 1,
        )
        self.check_sense(entry, start)
        return entry

    def check_name(self, name: str, start: int) -> None:
        if _NAME.fullmatch(name):
            return
        if "*" in name and _GLOB.fullmatch(name):
            if len(name.replace("*", "").strip(".+-")) < 2:
                raise self.wrong(f'the pattern "{name}" fits nearly everything', start, len(name))
            return
        raise self.wrong(f'"{name[:80]}" is not a package name', start, len(name), _name_hint(name))

    def check_sense(self, entry: Entry, start: int) -> None:
        length = len(entry.name)
        if entry.is_pattern and entry.want not in PATTERN_WANTS:
            hint = f"write the packages' names, or: {entry.name} allow"
            raise self.wrong("a pattern can only be allowed or purged", start, length, hint)
        if entry.want not in PRESENT and (entry.version or entry.suite):
            raise self.wrong(f"a version or suite makes no sense with {entry.want}", start, length)

    def relation(self, token: str, at: int) -> tuple[str, str]:
        match = _VERSION.fullmatch(token)
        if match:
            return match[1], match[2]
        if not token.endswith(")"):
            hint = "was the file cut off here?"
            raise self.wrong("the parenthesis is not closed", at, len(token.rstrip()), hint)
        hint = "write (= 1.2-3), (>= 1.2), (<= 1.2), (>> 1.2) or (<< 1.2)"
        raise self.wrong(f'"{token[:80]}" is not a version', at, len(token), hint)

    def suite(self, token: str, at: int) -> str:
        if not _SUITE.fullmatch(token):
            raise self.wrong(f'"{token[:80]}" is not a suite', at, len(token), "write /bookworm-backports")
        return token[1:]

    def unknown(self, token: str, at: int) -> ListError:
        if token in _WORDS or token[0] in "(/":
            return self.wrong(f'"{token[:80]}" is one too many', at, len(token), "say it once")
        near = difflib.get_close_matches(token, _WORDS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else "one package to a line; words are: " + " ".join(_WORDS)
        return self.wrong(f'"{token[:80]}" is not understood', at, len(token), hint)

    def wrong(self, problem: str, start: int, length: int, hint: str = "") -> ListError:
        spot = Spot(file=self.file, line=self.line, column=start + 1, length=max(1, length), text=self.text)
        return ListError(problem, at=spot, hint=hint)


def _name_hint(name: str) -> str:
    if "=" in name:
        package, _, version = name.partition("=")
        return f"write: {package} (= {version})"
    if "/" in name:
        package, _, suite = name.partition("/")
        return f"write: {package} /{suite}"
    if "#" in name:
        return "a comment starts with a blank and #"
    if _NAME.fullmatch(name.lower()):
        return f'did you mean "{name.lower()}"?'
    return "Debian's names are made of a-z 0-9 + . - and have at least two characters"


Reporter = Callable[[ListError], None]


def resolve(wanted: Sequence[str], known: Mapping[str, ParsedList]) -> tuple[Entry, ...]:
    """What lists say together, in the order in which they are named.

    Args:
        wanted: names of lists, least specific first.
        known: every list that may be named or included.

    Returns:
        One entry for each name, the last line of it; in the order of those lines.

    Raises:
        ListError: a list or an include that is not there, a circle of includes, a name to be installed and purged.
    """

    def refuse(problem: ListError) -> None:
        raise problem

    return tuple(combine(expand(wanted, known, report=refuse), report=refuse))


def expand(wanted: Sequence[str], known: Mapping[str, ParsedList], *, report: Reporter) -> Iterator[Entry]:
    """Every entry in order, includes in their places; what is missing or circular is reported and left out."""
    seen: set[str] = set()
    for name in wanted:
        if name not in known:
            report(ListError(f'there is no list "{name}"', at=Spot(file=f"lists/{name}.list", line=1)))
        elif name not in seen:
            yield from _Expansion(known, seen, report).of(name, ())


@dataclass(frozen=True, slots=True)
class _Expansion:
    known: Mapping[str, ParsedList]
    seen: set[str]
    report: Reporter

    def of(self, name: str, trail: tuple[str, ...]) -> Iterator[Entry]:
        self.seen.add(name)
        trail = (*trail, name)
        for item in self.known[name].items:
            if isinstance(item, Entry):
                yield item
            elif item.name in trail or len(trail) >= MAX_INCLUDES:
                how = "in a circle" if item.name in trail else "too deep"
                self.report(_include_error(f"the includes go {how}: {' -> '.join((*trail, item.name))}", item))
            elif item.name not in self.known:
                near = difflib.get_close_matches(item.name, self.known, n=1)
                hint = f'did you mean "@{near[0]}"?' if near else f"write lists/{item.name}.list"
                self.report(_include_error(f'there is no list "{item.name}"', item, hint))
            elif item.name not in self.seen:
                yield from self.of(item.name, trail)


def _include_error(problem: str, item: Include, hint: str = "") -> ListError:
    spot = Spot(file=item.file, line=item.line, column=item.column, length=len(item.name) + 1, text=f"@{item.name}")
    return ListError(problem, at=spot, hint=hint)


def combine(entries: Iterator[Entry], *, report: Reporter) -> tuple[Entry, ...]:
    """The last word on each name; one that is to be installed and to be purged is reported with both lines."""
    last: dict[str, Entry] = {}
    for entry in entries:
        before = last.pop(entry.name, None)
        if before is not None and _contradict(before, entry):
            problem = f"{entry.name}: {entry.want} here, but {before.want} in {before.where}"
            spot = Spot(file=entry.file, line=entry.line, column=entry.column, length=len(entry.name))
            report(ListError(problem, at=spot, hint="take one of the two lines out"))
        last[entry.name] = entry
    return tuple(last.values())


def _contradict(one: Entry, other: Entry) -> bool:
    wants = {one.want, other.want}
    return Want.PURGE in wants and bool(wants.intersection(PRESENT))


def matching(entries: Sequence[Entry], package: str) -> Entry | None:
    """The entry that speaks of a package: a name before any pattern, a later pattern before an earlier one."""
    fits = [entry for entry in entries if entry.fits(package)]
    exact = [entry for entry in fits if not entry.is_pattern]
    chosen = exact or fits
    return chosen[-1] if chosen else None


def unsupported(entry: Entry) -> str | None:
    """What this version cannot do yet of what the line asks, in words; None where it can.

    Lint refuses such a line with its place, and so does the host: better than half of what was asked for.
    """
    if entry.suite is not None:
        return f"a suite (/{entry.suite})"
    if entry.want is Want.HOLD:
        return 'the word "hold"'
    if entry.relation not in (None, "="):
        return f"the relation {entry.relation}"
    return None
