from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import lists
from orch.common.lists import Entry, ListError, ParsedList, Want


def entry(line: str) -> Entry:
    (found,) = lists.parse(line, "lists/a.list").entries
    return found


def known(**texts: str) -> dict[str, ParsedList]:
    return {name: lists.parse(text, f"lists/{name}.list") for name, text in texts.items()}


def wanted(names: list[str], **texts: str) -> list[str]:
    return [f"{item.name} {item.want} {item.where}" for item in lists.resolve(names, known(**texts))]


def test_reads_a_list_of_the_thesis() -> None:
    parsed = lists.parse("rsync\nopenssh-server\nvm-ltsp\n", "lists/base.list")
    assert [item.name for item in parsed.entries] == ["rsync", "openssh-server", "vm-ltsp"]
    assert {item.want for item in parsed.entries} == {Want.INSTALL}


def test_reads_what_dpkg_get_selections_prints() -> None:
    text = "adduser\t\t\t\t\tinstall\nlibc6:amd64\t\t\t\tinstall\nold-tool\t\t\t\tdeinstall\ng++\t\thold\nx\t\tpurge\n"
    parsed = lists.parse(text.replace("x\t", "xz\t"), "lists/a.list")
    assert [(item.name, str(item.want)) for item in parsed.entries] == [
        ("adduser", "install"),
        ("libc6:amd64", "install"),
        ("old-tool", "deinstall"),
        ("g++", "hold"),
        ("xz", "purge"),
    ]


def test_reads_every_part_of_a_line_in_any_order_after_the_name() -> None:
    one = entry("vm-apps-xfce (= 2.4.1-1) /bookworm-backports hold # why")
    other = entry("vm-apps-xfce hold /bookworm-backports (=2.4.1-1)")
    assert one == other
    assert (one.relation, one.version, one.suite, one.want) == ("=", "2.4.1-1", "bookworm-backports", "hold")


@pytest.mark.parametrize("relation", ["<<", "<=", "=", ">=", ">>"])
def test_reads_debians_relations(relation: str) -> None:
    assert entry(f"lm-sensors ({relation} 1:3.6)").relation == relation


def test_takes_comments_after_a_blank_only() -> None:
    parsed = lists.parse("# all of it\n  # indented\nrsync # why\ncurl\t#why\n\n", "a")
    assert [item.name for item in parsed.entries] == ["rsync", "curl"]


def test_remembers_line_and_column() -> None:
    parsed = lists.parse("\r\n  rsync\r\n", "lists/a.list")
    assert [(item.where, item.column) for item in parsed.entries] == [("lists/a.list:2", 3)]


@pytest.mark.parametrize(
    ("line", "column", "problem", "advice"),
    [
        ("curl=7.88", 1, '"curl=7.88" is not a package name', "write: curl (= 7.88)"),
        ("curl/bookworm", 1, '"curl/bookworm" is not a package name', "write: curl /bookworm"),
        ("Curl", 1, '"Curl" is not a package name', 'did you mean "curl"?'),
        ("curl#x", 1, '"curl#x" is not a package name', "a comment starts with a blank and #"),
        ("x", 1, '"x" is not a package name', "Debian's names are made of a-z 0-9 + . - and have at least two characters"),
        ("curl wget", 6, '"wget" is not understood', "one package to a line; words are: install hold deinstall purge allow"),
        ("curl instal", 6, '"instal" is not understood', 'did you mean "install"?'),
        ("curl install purge", 14, '"purge" is one too many', "say it once"),
        ("curl (= 1) (= 2)", 12, '"(= 2)" is one too many', "say it once"),
        ("curl (1.0)", 6, '"(1.0)" is not a version', "write (= 1.2-3), (>= 1.2), (<= 1.2), (>> 1.2) or (<< 1.2)"),
        ("curl (>= 1", 6, "the parenthesis is not closed", "was the file cut off here?"),
        ("curl /Book_worm!", 6, '"/Book_worm!" is not a suite', "write /bookworm-backports"),
        ("curl (= 1) purge", 1, "a version or suite makes no sense with purge", ""),
        ("linux-image-*", 1, "a pattern can only be allowed or purged", "write the packages' names, or: linux-image-* allow"),
        ("* purge", 1, '"*" is not a package name', "Debian's names are made of a-z 0-9 + . - and have at least two characters"),
        ("a** purge", 1, 'the pattern "a**" fits nearly everything', ""),
        ("@", 1, '"@" names no list', "write @ and the list's name: @base"),
        ("@base purge", 7, "nothing may follow an include", ""),
        ("rs\x1b[31mync", 3, "a control character (U+001B) stands here", ""),
    ],
)  # fmt: skip
def test_refuses_what_it_does_not_understand(line: str, column: int, problem: str, advice: str) -> None:
    with pytest.raises(ListError) as caught:
        lists.parse(f"rsync\n{line}\n", "lists/a.list")
    assert (caught.value.problem, caught.value.advice) == (problem, advice)
    assert (caught.value.at.line, caught.value.at.column, caught.value.at.text) == (2, column, line)
    assert str(caught.value) == f"lists/a.list:2: {problem}"


def test_collects_every_fault_for_a_person() -> None:
    parsed, problems = lists.examine("Curl\nrsync\nwget x\n", "a")
    assert [item.at.line for item in problems] == [1, 3]
    assert [item.name for item in parsed.entries] == ["rsync"]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "\ufeff"])
def test_refuses_a_list_without_a_package(text: str) -> None:
    with pytest.raises(ListError, match="holds no package"):
        lists.parse(text, "a")


def test_takes_a_list_of_includes_only() -> None:
    assert [item.name for item in lists.parse("@base\n", "a").includes] == ["base"]


def test_refuses_what_is_not_utf8_naming_the_line() -> None:
    with pytest.raises(ListError, match="a:2: is not UTF-8"):
        lists.parse_bytes(b"rsync\n\xff\n", "a")
    assert lists.parse_bytes(b"rsync\n", "a").entries


def test_puts_includes_in_their_places() -> None:
    assert wanted(["b"], a="one\n two\n".replace(" ", ""), b="zero\n@a\nthree\n") == [
        "zero install lists/b.list:1",
        "one install lists/a.list:1",
        "two install lists/a.list:2",
        "three install lists/b.list:3",
    ]


def test_lets_the_later_line_win() -> None:
    assert wanted(["a", "b"], a="tool (= 1)\nother\n", b="tool allow\n") == [
        "other install lists/a.list:2",
        "tool allow lists/b.list:1",
    ]


def test_counts_a_list_once_where_it_is_first_named() -> None:
    texts = {"base": "tool\n", "pinned": "tool (= 1)\n", "all": "@base\n@pinned\n@base\n"}
    (found,) = lists.resolve(["all", "base"], known(**texts))
    assert found.version == "1"


def test_expands_a_thicket_of_includes_in_no_time() -> None:
    texts = {"l0": "tool\n"} | {f"l{n}": f"@l{n - 1}\n" * 50 for n in range(1, 30)}
    assert len(lists.resolve(["l29"], known(**texts))) == 1


@pytest.mark.parametrize(("first", "second"), [("purge", "install"), ("install", "purge"), ("hold", "purge")])
def test_refuses_install_against_purge_naming_both_lines(first: str, second: str) -> None:
    with pytest.raises(ListError) as caught:
        wanted(["a", "b"], a=f"other\ntool {first}\n", b=f"tool {second}\n")
    assert str(caught.value) == f"lists/b.list:1: tool: {second} here, but {first} in lists/a.list:2"


def test_refuses_a_circle_of_includes() -> None:
    with pytest.raises(ListError, match=r"lists/b\.list:2: the includes go in a circle: a -> b -> a"):
        wanted(["a"], a="@b\n", b="one1\n@a\n")


def test_refuses_includes_that_go_too_deep() -> None:
    texts = {"l0": "tool\n"} | {f"l{n}": f"@l{n - 1}\n" for n in range(1, 100)}
    with pytest.raises(ListError, match="too deep"):
        lists.resolve(["l99"], known(**texts))


def test_refuses_lists_that_are_not_there() -> None:
    with pytest.raises(ListError, match='there is no list "bas"') as caught:
        wanted(["a"], a="@bas\n", base="tool\n")
    assert caught.value.hint == 'did you mean "@base"?'
    with pytest.raises(ListError, match='there is no list "b"'):
        wanted(["b"], a="tool\n")


def test_prefers_a_name_to_a_pattern_and_a_later_pattern_to_an_earlier_one() -> None:
    entries = lists.resolve(["a"], known(a="telnet-new\nlinux-* allow\ntelnet* purge\nlinux-image-* purge\n"))

    def want(package: str) -> str:
        found = lists.matching(entries, package)
        return found.want if found else ""

    assert want("telnet-new") == "install"
    assert want("telnet:amd64") == "purge"
    assert want("linux-base") == "allow"
    assert want("linux-image-6.1.0-1-amd64") == "purge"
    assert want("rsync") == ""


def test_takes_a_name_without_architecture_for_every_architecture() -> None:
    assert entry("libc6").fits("libc6:amd64")
    assert entry("libc6:amd64").fits("libc6:amd64")
    assert not entry("libc6:i386").fits("libc6:amd64")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tool", None),
        ("tool (= 1)", None),
        ("tool purge", None),
        ("tool deinstall", None),
        ("tool-* allow", None),
        ("tool hold", 'the word "hold"'),
        ("tool (>= 1)", "the relation >="),
        ("tool /sid", "a suite (/sid)"),
    ],
)
def test_says_what_this_version_cannot_do_yet(line: str, said: str | None) -> None:
    assert lists.unsupported(entry(line)) == said


@given(st.text(alphabet="ab1-+.:*@()<>=/ \t\n\r#pure\x00é", max_size=80))
def test_never_raises_anything_but_its_own_error(text: str) -> None:
    parsed, problems = lists.examine(text, "a")
    assert parsed.items or problems
    for item in parsed.entries:
        line = text.removeprefix("\ufeff").split("\n")[item.line - 1]
        assert line[item.column - 1 :].startswith(item.name)


@given(st.lists(st.sampled_from(["aa", "bb purge", "cc (= 1)", "dd allow", "bb", "@x", "@y"]), min_size=1, max_size=8))
def test_answers_the_same_for_the_same_text(lines: list[str]) -> None:
    texts = {"a": "\n".join(lines), "x": "xx\n@y\n", "y": "yy\n"}

    def answer() -> object:
        try:
            return lists.resolve(["a"], known(**texts))
        except ListError as err:
            return str(err)

    found = answer()
    assert found == answer()
    if isinstance(found, tuple):
        assert len({item.name for item in found}) == len(found)
