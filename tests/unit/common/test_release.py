"""What a release, an admission and a reset may say at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common.release import Release
from tests.fakes.signed_estate import NOW, admission

STEP = Release(
    estate="lab", scope="main", epoch=1, number=2, previous=b"", created=NOW, expires=NOW + 1, root=bytes(32), count=1
)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": 1, "returns": bytes(32)},
        {"number": 3},
        {"returns": bytes(32)},
        {"number": 3, "returns": bytes(31)},
        {"previous": bytes(5)},
        {"count": 0},
        {"expires": NOW},
    ],
)
def test_refuses(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(STEP, **changes)  # type: ignore[arg-type]


def test_a_return_names_its_step() -> None:
    assert replace(STEP, number=3, returns=bytes(32)).returns == bytes(32)


def test_serials_of_admissions_start_at_one() -> None:
    with pytest.raises(ValueError, match="serials start at 1"):
        admission(serial=0)
