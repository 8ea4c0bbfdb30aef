from __future__ import annotations

from orch.master.estate import diagnostics
from orch.master.estate.diagnostics import Diagnostic, Findings, Mark, Severity


def one(source: str, *, column: int, length: int = 1, text: str = "wrong", help_text: str = "") -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        file="a.yaml",
        line=19,
        column=column,
        length=length,
        text=text,
        help=help_text,
        source=source,
    )


def test_shows_the_line_and_a_mark_under_the_piece() -> None:
    found = one("  list: [base]", column=3, length=4, text='unknown key "list"', help_text='did you mean "lists"?')
    assert found.render().split("\n") == [
        'a.yaml:19:3  error: unknown key "list"',
        "   19 |   list: [base]",
        '      |   ^^^^ did you mean "lists"?',
    ]


def test_puts_the_mark_right_below_wide_characters_and_tabs() -> None:
    shown = one("字字\tx", column=4).render().split("\n")
    assert shown[1] == "   19 | 字字 x"
    assert shown[2] == "      |      ^"


def test_shows_the_part_of_a_long_line_that_matters() -> None:
    shown = one("a" * 500 + "B" + "c" * 500, column=501).render().split("\n")
    assert len(shown[1]) < 130
    assert shown[1][shown[2].index("^")] == "B"


def test_never_lets_a_file_move_the_cursor() -> None:
    shown = one("a: \x1b[2Jb", column=1, text="wrong \x1b[1m").render()
    assert "\x1b" not in shown


def test_says_only_place_and_help_where_there_is_no_line() -> None:
    assert one("", column=0, help_text="mend it").render() == "a.yaml:19  error: wrong\n   mend it"


def test_says_the_help_below_a_whole_line() -> None:
    assert one("tool", column=0, help_text="mend it").render().endswith("   19 | tool\n      | mend it")


def test_says_each_thing_once_and_in_order() -> None:
    findings = Findings()
    findings.warning(Mark("b", 1, 1), "later")
    findings.error(Mark("a", 2, 1), "second")
    findings.error(Mark("a", 1, 9), "first")
    findings.error(Mark("a", 1, 9), "first")
    assert [item.text for item in findings.diagnostics()] == ["first", "second", "later"]


def test_says_unsupported_once_for_all_that_lies_below() -> None:
    findings = Findings()
    findings.unsupported(Mark("a", 1, 1), '"x"')
    with findings.inside_unbuilt():
        findings.unsupported(Mark("a", 2, 1), '"y"')
        findings.error(Mark("a", 3, 1), "plainly wrong")
    assert [item.line for item in findings.diagnostics()] == [1, 3]


def test_suggests_the_nearest_or_says_what_is_known() -> None:
    assert diagnostics.suggest("guest_exec", ["guest-exec", "tcp"]) == 'did you mean "guest-exec"?'
    assert diagnostics.suggest("LISTS", ["lists", "files"]) == 'did you mean "lists"?'
    assert diagnostics.suggest("zzz", ["lists", "files"]) == "known here: files, lists"
    assert diagnostics.suggest("zzz", []) == ""


def test_sums_up() -> None:
    error, warning = one("", column=1), Findings()
    warning.warning(Mark("a", 1), "x")
    both = [error, error, *warning.diagnostics()]
    assert diagnostics.summary(both, files=9) == "2 errors, 1 warning in 9 files"
    assert diagnostics.summary([], files=1) == "no errors in 1 file"
