"""Words that two people compare."""

from __future__ import annotations

import pytest

from orch.common.phrase import check_words, proquint


@pytest.mark.parametrize(
    ("number", "word"), [(0x7F00, "lusab"), (0x0001, "babad"), (0x3F54, "gutih"), (0xDCC1, "tugad")]
)
def test_speaks_the_words_of_the_proposal(number: int, word: str) -> None:
    assert proquint(number) == word


def test_six_words_stand_for_the_thing() -> None:
    words = check_words(b"a request")
    assert len(words.split()) == 6
    assert words == check_words(b"a request")
    assert words != check_words(b"a requesT")


def test_all_words_differ() -> None:
    assert len({proquint(number) for number in range(1 << 16)}) == 1 << 16
