"""What a fuzzer ever found stays found: each input of found.toml is read, or refused in our words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from orch.common.errors import OrchError
from tests.proof.targets import TARGETS

FOUND: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "found.toml").read_text("utf-8"))
BY_NAME = {target.name: target for target in TARGETS}


def _input(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    return str(case["text"]).lstrip("\n").replace("NEST", case.get("nest", "") * 9999).encode()


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_an_error_of_ours_or_a_value(name: str) -> None:
    case = FOUND[name]
    try:
        BY_NAME[case["target"]].read(_input(case))
    except OrchError as err:
        assert err.text
