import pytest

from orch.common import armour
from orch.common.errors import Malformed


def test_carries_any_bytes() -> None:
    for data in (b"", bytes(range(256)) * 9):
        assert armour.read("THING", armour.write("THING", data, head=["a", ""]), limit=10_000, hint="") == data


def test_one_kind_is_not_taken_for_another() -> None:
    with pytest.raises(Malformed, match="no file of the kind other") as caught:
        armour.read("OTHER", armour.write("THING", b"x", head=[]), limit=100, hint="send it again")
    assert caught.value.hint == "send it again"


def test_what_is_too_long_is_not_even_searched() -> None:
    with pytest.raises(Malformed, match="too long"):
        armour.read("THING", "x" * 201, limit=100, hint="")
