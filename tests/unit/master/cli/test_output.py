import io
import json
from contextlib import redirect_stdout

import pytest
import yaml

from orch.master.cli import screens
from orch.master.cli.output import Data, Output, table, terminal


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [["SITE", "HOSTS"], ["library", "1/1"], ["a", "10/12"]]
    assert table(rows, right=frozenset({1})) == ["  SITE     HOSTS", "  library    1/1", "  a        10/12"]
    assert table([]) == []


def test_yaml_of_awkward_things_is_read_back_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    awkward: dict[str, Data] = {
        "empty": [],
        "nothing": None,
        "no": "no",
        "time": "22:30",
        "colon": "a: b # c",
        "lines": "one\ntwo",
        "nested": [{"a": 1, "b": [{"c": True}, "x"]}, {}, {"d": {}}],
        "umlaut": "Käyttäjä ✓",
    }
    Output(format="yaml").data("orch/test/1", awkward)
    assert yaml.safe_load(capsys.readouterr().out) == {"schema": "orch/test/1", **awkward}
    Output(format="yaml").data("orch/test/1", {"a": 1}, one_of_many=True)
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == [{"schema": "orch/test/1", "a": 1}]


def test_json_of_many_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        Output(format="json").data("orch/test/1", {"n": number}, one_of_many=True)
    assert [json.loads(line)["n"] for line in capsys.readouterr().out.splitlines()] == [0, 1]


def test_quiet_keeps_progress_and_hints_away_but_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(quiet=True)
    output.note("progress")
    output.next("orch status")
    output.problem("it broke")
    output.warn("careful")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: it broke\n! careful\n"


@pytest.mark.parametrize(
    ("asked", "encoding", "expected"),
    [
        ("always", "utf-8", (True, False)),
        ("never", "utf-8", (False, False)),
        ("auto", "utf-8", (False, False)),
        ("never", "ascii", (False, True)),
    ],
)
def test_what_stdout_is_decides_on_colour_and_signs(asked: str, encoding: str, expected: tuple[bool, bool]) -> None:
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)):
        found = terminal(asked, ascii_only=False)
    assert (found.colour, found.ascii) == expected
    assert found.moves is False


def test_every_sign_has_an_ascii_form() -> None:
    assert Output(ascii=True).plain("✓ ↻ ✗ · → a").isascii()


def test_a_terminal_is_redrawn(capsys: pytest.CaptureFixture[str]) -> None:
    with screens.live(Output(moves=True)) as screen:
        screen.draw(["one"])
        screen.draw(["two"])
        assert screen.redraws
        assert screen.drawn
    assert "two" in capsys.readouterr().out


@pytest.mark.parametrize("colour", [False, True])
def test_what_a_host_says_never_reaches_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str], *, colour: bool
) -> None:
    evil = "a\x1b]0;title\x07 \x1b[2J\x1b[8m \x9b31m b\rc\u202ed"
    output = Output(colour=colour)
    output.lines([output.paint("fine", "green") + evil])
    output.problem(evil)
    Output(format="json").data("orch/test/1", {"text": evil})
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == ("\x1b[32mfine\x1b[0m" if colour else "fine") + "a?]0;title? ?[2J?[8m ?31m b?c?d"
    assert not set("\x07\x9b\r\u202e") & set(said.out + said.err)
    assert json.loads("\n".join(said.out.splitlines()[1:]))["text"] == evil
