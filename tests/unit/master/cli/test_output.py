import io
import json
from contextlib import redirect_stdout

import pytest
import yaml

from orch.master.cli import screens
from orch.master.cli.output import HOSTS, Data, Output, table
from orch.master.cli.terminal import look


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
        found = look(asked, ascii_only=False)
    assert (found.out.colour, found.ascii) == expected
    assert (found.out.moves, found.width) == (False, 0)


@pytest.mark.parametrize(
    ("said", "ascii_only"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # Python itself writes that LC_CTYPE
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "fi_FI.UTF-8"}, False),
        ({}, False),
    ],
)
def test_signs_are_ascii_where_the_locale_is_said_to_know_no_others(
    monkeypatch: pytest.MonkeyPatch, *, said: dict[str, str], ascii_only: bool
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")):
        assert look("auto", ascii_only=False).ascii is ascii_only


def test_a_log_gets_no_colour_though_the_terminal_beside_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(colour=True)
    output.lines([output.sign("✓ well")])
    output.note(output.sign("✗ ill"))
    output.problem("it broke")
    said = capsys.readouterr()
    assert said.out == "\x1b[32m✓\x1b[0m well\n".replace("✓\x1b[0m well", "✓ well\x1b[0m")
    assert said.err == "✗ ill\nerror: it broke\n"


def test_items_have_a_line_each_and_can_be_had_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    members: dict[str, Data] = {"estate": "netgate", "hosts": [{"host": "a/one"}, {"host": "b/two"}]}
    Output(format="jsonl").data("orch/test/1", members, each=HOSTS)
    Output(format="name").data("orch/test/1", members, each=HOSTS)
    Output(format="jsonl").data("orch/test/1", members)
    first, second, *names, whole = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"schema": "orch/test/1#hosts", "host": "a/one"}
    assert json.loads(second)["host"] == "b/two"
    assert names == ["a/one", "b/two"]
    assert json.loads(whole) == {"schema": "orch/test/1", **members}


def test_json_for_an_ascii_stream_says_the_same_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Output(format="json", ascii=True).data("orch/test/1", {"title": "Käyttäjä"})
    said = capsys.readouterr().out
    assert said.isascii()
    assert json.loads(said)["title"] == "Käyttäjä"


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
