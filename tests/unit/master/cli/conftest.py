from pathlib import Path

import pytest

from tests.unit.master.cli.desk import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)
