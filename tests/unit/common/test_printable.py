from __future__ import annotations

import json

from orch.common import printable

NASTY = "\x1b]0;owned\x07\x1b[2J bad\r\x9b31m\u202e"


def test_what_moves_the_cursor_or_turns_the_writing_is_neutralised_and_lines_and_tabs_stay() -> None:
    shown = printable.harmless(NASTY + "\n\tline")
    assert not set(shown) & {"\x1b", "\x07", "\r", "\x9b", "\u202e"}
    assert shown.endswith("\n\tline")


def test_our_own_colours_stay_only_where_that_is_said() -> None:
    text = "\x1b[32mgood\x1b[0m \x1b[2Jbad"
    assert printable.harmless_coloured(text) == "\x1b[32mgood\x1b[0m ?[2Jbad"
    assert "\x1b" not in printable.harmless(text)


def test_what_stands_in_one_line_cannot_begin_another() -> None:
    assert printable.one_line("nano\n- pkg apt\u2028x\u2029y") == "nano?- pkg apt?x?y"


def test_in_a_line_of_ours_and_theirs_our_colours_stay_and_no_end() -> None:
    assert printable.one_line_coloured("\x1b[32mgood\x1b[0m\nbad\u2028\x1b[2J") == "\x1b[32mgood\x1b[0m?bad??[2J"


def test_no_line_of_a_longer_text_begins_where_ours_do() -> None:
    assert printable.hanging("one\ntwo\rthree", 4) == "one\n    two?three"


def test_json_means_the_same_when_it_is_printable() -> None:
    text = json.dumps({"name": NASTY}, ensure_ascii=False)
    assert "\x9b" not in printable.in_json(text)
    assert "\u202e" not in printable.in_json(text)
    assert json.loads(printable.in_json(text)) == {"name": NASTY}
