"""Strict YAML, and that every value knows its place."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.master.estate import source
from orch.master.estate.diagnostics import Findings
from orch.master.estate.source import Mapping, Node, Scalar, Sequence


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    findings = Findings()
    data = text.encode() if isinstance(text, str) else text
    node = source.read(data, "a.yaml", findings)
    said = [f"{item.line}:{item.column} {item.text}" for item in findings.diagnostics()]
    return node, said


def plain(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return {entry.key: plain(entry.node) for entry in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def good(text: str) -> object:
    node, said = read(text)
    assert said == []
    return plain(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("0", 0),
        ("-12", -12),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("22:30", "22:30"),
        ("0644", "0644"),
        ("0o644", "0o644"),
        ("1_000", "1_000"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2026-12-15", "2026-12-15"),
        ('"true"', "true"),
        ("'7'", "7"),
        ('""', ""),
        ("=", "="),
        ("9" * 30, "9" * 30),
    ],
)
def test_turns_only_true_false_null_and_whole_numbers_into_something_else(text: str, value: object) -> None:
    assert good(f"key: {text}\n") == {"key": value}


def test_reads_blocks_and_flows() -> None:
    text = "a:\n  - 1\n  - { b: c }\nd: |\n  two\n  lines\ne: [x, y]\n"
    assert good(text) == {"a": [1, {"b": "c"}], "d": "two\nlines\n", "e": ["x", "y"]}


def test_reads_files_from_windows_too() -> None:
    assert good("\ufeffa: 1\r\nb:\r\n  - c\r\n") == {"a": 1, "b": ["c"]}


def test_takes_keys_as_text_whatever_they_look_like() -> None:
    assert good("22: a\ntrue: b\n") == {"22": "a", "true": "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", '3:1 duplicate key "a"'),
        ("a: &x 1\n", "1:4 anchors (&) are not allowed"),
        ("<<: {}\n", "1:1 merge keys (<<) are not allowed"),
        ("a: !!str 1\n", "1:4 tags (!) are not allowed"),
        ("a: !secret x\n", "1:4 tags (!) are not allowed"),
        ("a: ! x\n", "1:4 tags (!) are not allowed"),
        ("%YAML 1.1\n---\na: 1\n", "1:1 directives (%) are not allowed"),
        ("a: 1\n---\nb: 2\n", "2:1 a second document (---) in one file"),
        ("a: one\n  two\n", "1:4 plain text runs over the end of its line"),
        ("? [a]\n: b\n", "1:3 a key must be a word"),
        ('"": b\n', "1:1 a key is missing"),
        ("", "1:0 is empty"),
        ("# nothing\n", "1:0 is empty"),
        ("a:\n\tb: 1\n", "2:1 this character cannot start a value"),
        ("a: b: c\n", "1:5 a second colon on this line, or the line is indented wrongly"),
        ("a: [1, 2\n", "1:4 this bracket is not closed"),
        ("a: [x\nb: 1\n", "1:4 this bracket is not closed"),
        ("a: [x, 'y' z]\n", "1:12 did not find expected ',' or ']'"),
        ("a: `x`\n", "1:4 this character cannot start a value"),
        ("a: 1\n  b: 2\n", "2:4 a second colon on this line, or the line is indented wrongly"),
        ('a: "x\n', "1:4 the file ends in the middle of a quoted text"),
        ("a: \x1b[31m\n", "1:4 a control character (U+001B) stands here"),
    ],
)
def test_refuses_with_the_place(text: str, said: str) -> None:
    assert said in read(text)[1]


def test_refuses_aliases_so_that_nothing_can_laugh_a_billion_times() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 12)]
    assert "2:10 aliases (*) are not allowed" in read("\n".join(lines))[1]


def test_refuses_what_is_too_deep_or_too_large() -> None:
    assert read("a: " + "[" * 900)[1] == [f"1:{3 + source.MAX_DEPTH} nested deeper than {source.MAX_DEPTH}"]
    assert [text.split(" ", 1)[1] for text in read("a: " + "[" * 100_000)[1]] == [
        f"nested deeper than {source.MAX_DEPTH}"
    ]
    assert read("a" * (source.MAX_BYTES + 1))[1] == [f"1:0 has {source.MAX_BYTES + 1} bytes, at most 1048576 are read"]


def test_says_where_a_file_is_not_utf8() -> None:
    node, said = read("good: ä\nbad: ".encode() + b"\xe4\n")
    assert node is None
    assert said == ["2:6 is not UTF-8 text"]


def test_collects_several_faults_of_one_file() -> None:
    assert len(read("a: 1\na: 2\nb: &x 3\nc: *x\n")[1]) == 3


WORDS = st.text(alphabet="abcäß字😀 :#-,[]{}&*!|>'\"%@`\\\t\n0159.~", max_size=12)
TREES = st.recursive(
    WORDS | st.integers(-(10**12), 10**12) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS.filter(lambda key: key not in ("", "<<")), inner, max_size=4)
    ),
    max_leaves=20,
)


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from scalars(item)
    else:
        for entry in node.entries:
            yield from scalars(entry.node)


@given(
    tree=st.dictionaries(st.sampled_from("abcdef"), TREES, min_size=1, max_size=4), indent=st.sampled_from([None, 1, 2])
)
def test_every_value_stands_where_it_says_and_means_what_stands_there(tree: object, indent: int | None) -> None:
    text = json.dumps(tree, ensure_ascii=False, indent=indent)  # json.dumps writes YAML, if a narrow kind of it
    node, said = read(text)
    assert said == []
    assert plain(node) == tree
    assert node is not None
    lines = text.split("\n")
    for scalar in scalars(node):
        mark = scalar.mark
        written = lines[mark.line - 1][mark.column - 1 :][: mark.length]
        assert json.loads(written) == scalar.value


@given(
    st.lists(
        st.tuples(st.sampled_from(["key", "ключ", "字"]), st.from_regex(r"[a-z0-9é字.:/]{1,9}", fullmatch=True)),
        min_size=1,
        max_size=6,
    )
)
def test_plain_text_stands_where_it_says(pairs: list[tuple[str, str]]) -> None:
    pairs = [(f"{key}{number}", value) for number, (key, value) in enumerate(pairs) if not value.endswith(":")]
    text = "".join(f"{key}:   {value}   # {value}\n" for key, value in pairs)
    node, said = read(text)
    if not pairs:
        return
    assert said == []
    assert isinstance(node, Mapping)
    for number, (entry, (key, value)) in enumerate(zip(node.entries, pairs, strict=True), start=1):
        assert (entry.mark.line, entry.mark.column, entry.key) == (number, 1, key)
        assert isinstance(entry.node, Scalar)
        assert (entry.node.text, entry.node.mark.line, entry.node.mark.length) == (value, number, len(value))
        assert text.split("\n")[number - 1][entry.node.mark.column - 1 :].startswith(value)


@given(st.binary(max_size=300))
def test_never_raises_whatever_the_file_holds(data: bytes) -> None:
    read(data)


@given(st.text(alphabet="ab:- \n\t[]{},&*!|>'\"%#?~<\r0", max_size=60))
def test_never_raises_whatever_the_signs(text: str) -> None:
    node, said = read(text)
    assert node is not None or said
