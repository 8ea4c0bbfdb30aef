"""YAML as orch reads it: the only door to PyYAML. Text in, a tree out whose every node knows its place.

Refuses, because each of them has made somebody's configuration say what nobody wrote:
- words that turn into something else: only `true`, `false`, whole numbers and `null` are more than text; `no`, `on`,
  `22:30`, `0644` and `1.10` stay as written;
- the same key twice, merge keys, anchors, aliases, tags, directives, several documents in one file;
- plain text that runs over the end of its line (a forgotten dash makes one item of two);
- more than MAX_BYTES, or deeper than MAX_DEPTH. Without aliases the tree cannot be larger than the text.

libyaml is insisted on: PyYAML's own parser is nine times slower. Its events are read, not its nodes, so none of
YAML 1.1's rules about values ever run.

Called by loader.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

import yaml

from orch.common.errors import SettingsError
from orch.master.estate.diagnostics import Findings, Mark

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16

Value: TypeAlias = "str | int | bool | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: what it means, and how it was written (without quotes)."""

    value: Value
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Sequence:
    """Values in order."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and what it names."""

    key: str
    mark: Mark  # of the key
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in the order in which they were written."""

    entries: tuple[Entry, ...]
    mark: Mark


Node: TypeAlias = "Scalar | Sequence | Mapping"

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # libyaml's idea of a line, so that numbers agree
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}


def read(data: bytes, file: str, findings: Findings) -> Node | None:
    """Read one file.

    Args:
        data: the file as it lies on the disk.
        file: how to call it: its path from the estate's directory.
        findings: takes everything that is wrong, and the file's lines.

    Returns:
        The tree; None where there is none, which has then been said.

    Raises:
        SettingsError: PyYAML was built without libyaml.
    """
    text = _text(data, file, findings)
    if text is None:
        return None
    builder = _Builder(text, file, findings)
    try:
        return builder.document()
    except _Stopped:
        return None
    except yaml.MarkedYAMLError as err:
        if _unclosed(err):
            builder.overruns.clear()  # the same fault: what the bracket should not have taken in
        _syntax(err, file, _BREAK.split(text), findings)
        return None
    except yaml.YAMLError as err:
        findings.error(Mark(file, 1), f"is not YAML: {str(err)[:200]}")
        return None
    finally:
        builder.close()
        for mark in builder.overruns:
            findings.error(mark, "plain text runs over the end of its line", "quote it, or use | below the key")


def _text(data: bytes, file: str, findings: Findings) -> str | None:
    if len(data) > MAX_BYTES:
        findings.error(Mark(file, 1), f"has {len(data)} bytes, at most {MAX_BYTES} are read")
        return None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as err:
        before = data[: err.start].decode("utf-8")
        line = _BREAK.split(before)
        shown = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        findings.opened(file, _BREAK.split(shown))
        mark = Mark(file, len(line), len(line[-1]) + 1)
        findings.error(mark, "is not UTF-8 text", "save the file as UTF-8")
        return None
    lines = _BREAK.split(text)
    findings.opened(file, lines)
    control = _CONTROL.search(text)
    if control:
        line = _BREAK.split(text[: control.start()])
        mark = Mark(file, len(line), len(line[-1]) + 1)
        findings.error(mark, f"a control character (U+{ord(control[0]):04X}) stands here")
        return None
    return text


class _Stopped(Exception):
    """Reading on makes no sense; what is wrong has been said."""


class _Builder:
    """Events of one file, turned into nodes."""

    def __init__(self, text: str, file: str, findings: Findings) -> None:
        loader = getattr(yaml, "CSafeLoader", None)
        if loader is None:
            hint = "install Debian's python3-yaml, or PyYAML's wheel: both have it"
            raise SettingsError("PyYAML on this machine was built without libyaml", hint=hint)
        self.parser = cast("yaml.CSafeLoader", loader(text))
        self.file, self.findings = file, findings
        self.overruns: list[Mark] = []

    def close(self) -> None:
        self.parser.dispose()

    def document(self) -> Node | None:
        self.next()  # the stream
        start = self.next()
        if not isinstance(start, yaml.DocumentStartEvent):
            self.findings.error(Mark(self.file, 1), "is empty")
            return None
        if start.version or start.tags:
            self.findings.error(self.mark(start), "directives (%) are not allowed", "take the line out")
        node = self.node(self.next(), 0)
        self.next()  # the document's end
        after = self.next()
        if isinstance(after, yaml.DocumentStartEvent):
            self.findings.error(self.mark(after), "a second document (---) in one file", "make two files of it")
        return node

    def next(self) -> yaml.Event:
        event = self.parser.get_event()
        if event is None:
            raise _Stopped
        return event

    def mark(self, event: yaml.Event) -> Mark:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:  # only hand-made events lack them
            raise _Stopped
        length = max(1, end.column - start.column) if end.line == start.line else 1
        return Mark(self.file, start.line + 1, start.column + 1, length)

    def node(self, event: yaml.Event, depth: int) -> Node:
        mark = self.mark(event)
        self.refuse_extras(event, mark)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, mark)
        if depth >= MAX_DEPTH:
            self.findings.error(mark, f"nested deeper than {MAX_DEPTH}")
            raise _Stopped
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(mark, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(mark, depth)
        return Scalar(None, "", mark)  # an alias: refused above

    def refuse_extras(self, event: yaml.Event, mark: Mark) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.findings.error(mark, "aliases (*) are not allowed", "write it out, or use a group")
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self.findings.error(mark, "anchors (&) are not allowed", "write it out, or use a group")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self.findings.error(mark, "tags (!) are not allowed", "quote the text if it begins with !")

    def scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Scalar:
        text = event.value
        if event.style:  # quoted, or a block: text whatever it looks like
            return Scalar(text, text, mark)
        start, end = event.start_mark, event.end_mark
        if start is not None and end is not None and start.line != end.line:
            self.overruns.append(mark)
        if text in _WORDS:
            return Scalar(_WORDS[text], text, mark)
        if _INTEGER.fullmatch(text):
            return Scalar(int(text), text, mark)
        return Scalar(text, text, mark)

    def sequence(self, mark: Mark, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(tuple(items), mark)

    def mapping(self, mark: Mark, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.key(self.node(event, depth + 1))
            value = self.node(self.next(), depth + 1)
            if key.text in entries:
                first = entries[key.text].mark
                self.findings.error(key.mark, f'duplicate key "{key.text}"', f"it stands in line {first.line} already")
            else:
                entries[key.text] = Entry(key.text, key.mark, value)
        return Mapping(tuple(entries.values()), mark)

    def key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self.findings.error(node.mark, "a key must be a word")
            return Scalar("", "", node.mark)
        if node.text == "<<":
            self.findings.error(node.mark, "merge keys (<<) are not allowed", "write it out, or use a group")
        elif not node.text:
            self.findings.error(node.mark, "a key is missing")
        return node


_SIMPLER = {
    "found character that cannot start any token": "this character cannot start a value",
    "mapping values are not allowed in this context": "a second colon on this line, or the line is indented wrongly",
    "did not find expected key": "this line does not fit what is above it",
    "found a tab character that violates indentation": "a tab indents this line",
    "did not find expected '-' indicator": "this line does not fit the list above it",
    "could not find expected ':'": "a colon is missing",
    "found unexpected end of stream": "the file ends in the middle of a quoted text",
    # libyaml from 0.2.6 on looks ahead and gives up by itself at 1000 levels.
    "exceeded maximum nesting depth": f"nested deeper than {MAX_DEPTH}",
}
_HELP = {
    "mapping values are not allowed in this context": "quote a text that holds a colon and a blank",
    "did not find expected key": "is the indentation the same as above?",
    "found a tab character that violates indentation": "indent with blanks",
    "did not find expected '-' indicator": "is the indentation the same as above?",
    "could not find expected ':'": "write key: value",
}


def _unclosed(err: yaml.MarkedYAMLError) -> bool:
    """Whether a bracket was opened in a line before the one where the parser gave up."""
    start, at = err.context_mark, err.problem_mark
    told = (err.problem or "").startswith("did not find expected ',' or")
    return told and start is not None and at is not None and at.line > start.line


def _syntax(err: yaml.MarkedYAMLError, file: str, lines: list[str], findings: Findings) -> None:
    """Say the parser's error in a person's words, at its place; where that is an empty end, at what was begun."""
    problem = err.problem or err.context or "is not YAML"
    at = err.problem_mark or err.context_mark
    mark = Mark(file, at.line + 1, at.column + 1) if at else Mark(file, 1)
    start = err.context_mark
    help_text = _HELP.get(problem, "")
    if start and _unclosed(err):
        problem, help_text = "this bracket is not closed", "write the ] or } that is missing, or a comma between values"
        mark = Mark(file, start.line + 1, start.column + 1)
    elif problem.startswith("did not find expected ',' or"):
        help_text = "write a comma between two values"
    elif problem.startswith("found character that cannot start"):
        help_text = "indent with blanks, not tabs; quote a text that begins with @ ` % or a tab"
    if start and mark.line > start.line + 1 and not "".join(lines[mark.line - 1 :]).strip():
        mark = Mark(file, start.line + 1, start.column + 1)
    findings.error(mark, _SIMPLER.get(problem, problem), help_text)
