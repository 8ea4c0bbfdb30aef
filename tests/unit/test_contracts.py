"""Every import contract, and every ban of the linter, is broken once on a copy of the tree and seen caught.

A contract that nobody has seen fail may be one that cannot.
"""

import configparser
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CODE = ("common", "master", "minion", "states")
TOOLS = Path(sys.executable).parent

# `make contracts`, part of `make check`, holds the tree to the contracts; here it is seen that they can fail.
pytestmark = pytest.mark.processes
pytest.importorskip("importlinter", reason="import-linter is not in Debian 12: `make check` runs this in .venv")


@dataclass(frozen=True, slots=True)
class Breach:
    """A line that must not be in a file, and the contract that says so."""

    contract: str
    path: str
    line: str


BREACHES = (
    Breach("layers", "minion/planner.py", "from orch.master import roster"),
    Breach("layers", "master/roster.py", "if TYPE_CHECKING:\n    from orch.minion import planner"),
    Breach("layers", "states/base.py", "from orch.minion import planner"),
    Breach("common-layers", "common/errors.py", "from orch.common import codec"),
    Breach("common-layers", "common/unplanned.py", "import re"),
    Breach("states-layers", "states/packages.py", "from orch.states import lists"),
    Breach("states-layers", "states/files.py", "from orch.states import registry"),
    Breach("minion-layers", "minion/planner.py", "from orch.minion import executor"),
    Breach("minion-layers", "minion/unplanned.py", "import re"),
    Breach("master-layers", "master/roster.py", "from orch.master import hub"),
    Breach("master-layers", "master/unplanned.py", "import re"),
    Breach("pure", "states/packages.py", "def look():\n    import socket"),
    Breach("pure", "common/errors.py", "import os"),
    Breach("pure", "minion/planner.py", "from orch.minion.adapters import process"),
    Breach("card", "minion/agent.py", "import sqlalchemy"),
    Breach("card", "common/settings.py", "import yaml"),
    Breach("centre-reads-no-estate", "master/hub.py", "from orch.master.estate import loader"),
    Breach("authoring", "master/hub.py", "from orch.common import authoring"),
    Breach("authoring", "minion/agent.py", "from orch.common import authoring"),
    Breach("door-zmq", "minion/agent.py", "import zmq"),
    Breach("door-msgpack", "common/messages.py", "import msgpack"),
    Breach("door-cryptography", "common/trust.py", "from cryptography.hazmat.primitives import hashes"),
    Breach("door-debian", "states/packages.py", "from debian import deb822"),
    Breach("door-libvirt", "minion/adapters/guests/life.py", "def look():\n    import libvirt"),
    Breach("door-subprocess", "minion/executor.py", "import subprocess"),
    Breach("door-sqlite3", "minion/outbox.py", "import sqlite3"),
    Breach("door-sqlalchemy", "master/queries.py", "import sqlalchemy"),
    Breach("door-yaml", "master/estate/loader.py", "import yaml"),
    Breach("door-rich", "master/cli/init.py", "from rich import console"),
    Breach("door-click", "master/hub.py", "import click"),
    Breach("acyclic", "states/base.py", "from orch.states import registry"),
)

BANNED = (
    ("common/errors.py", "import time\n\nNOW = time.time()", "`time.time` is banned"),
    ("common/names.py", "import datetime\n\nNOW = datetime.datetime.now()", "`datetime.datetime.now` is banned"),
    ("common/codec.py", "import pickle", "`pickle` is banned"),
    ("common/trust.py", "from common import codec", "`common` is banned"),
    ("master/hub.py", "import importlib\n\nM = importlib.import_module('zmq')", "`importlib.import_module` is banned"),
    ("master/roster.py", "import states", "`states` is banned"),
    ("minion/agent.py", "import os\n\nos.system('true')", "`os.system` is banned"),
    ("states/files.py", "import os", "`os` is banned"),
    ("states/lists.py", "from pathlib import Path", "`pathlib.Path` is banned"),
    ("states/packages.py", "X = open('/etc/hosts')", "PTH123"),
    ("tests/unit/test_some.py", "from unittest import mock", "`unittest.mock` is banned"),
    ("minion/planner.py", "try:\n    X = 1\nexcept Exception:\n    pass", "BLE001"),
    ("minion/journal.py", "print('x')", "T201"),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree: code, links and settings."""
    top = tmp_path_factory.mktemp("copy")
    for folder in CODE:
        shutil.copytree(TOP / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOP / "orch", top / "orch", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "tests/ruff.toml"):
        (top / name).parent.mkdir(exist_ok=True)
        shutil.copy(TOP / name, top / name)
    return top


def contracts() -> dict[str, str]:
    """Return the name of each contract in setup.cfg by its id."""
    settings = configparser.ConfigParser()
    settings.read(TOP / "setup.cfg")
    prefix = "importlinter:contract:"
    return {key.removeprefix(prefix): settings[key]["name"] for key in settings.sections() if key.startswith(prefix)}


def lint_imports(top: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree."""
    command = [str(TOOLS / "lint-imports"), "--config", "setup.cfg", "--no-cache", *words]
    return subprocess.run(command, cwd=top, capture_output=True, text=True, check=False, timeout=60)


def test_every_contract_has_a_breach() -> None:
    assert {breach.contract for breach in BREACHES} == set(contracts())


def test_the_tree_as_it_is_keeps_every_contract(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: f"{breach.contract}-in-{breach.path}")
def test_a_breach_is_caught_and_the_contract_is_named(breach: Breach, copy: Path) -> None:
    path = copy / breach.path
    before = path.read_text(encoding="utf-8") if path.exists() else None
    assert before is not None or "unplanned" in breach.path, f"{breach.path} is no longer there: break another file"
    head = "from typing import TYPE_CHECKING\n" if "TYPE_CHECKING" in breach.line else ""
    path.write_text(f"{before or ''}\n{head}{breach.line}\n", encoding="utf-8")
    try:
        done = lint_imports(copy, "--contract", breach.contract)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
    said = re.sub(r"\s+", " ", done.stdout)
    assert done.returncode == 1, said
    assert f"{contracts()[breach.contract]} BROKEN" in said


def test_a_banned_name_is_caught_where_it_stands(copy: Path) -> None:
    """One run for all of them: the linter reports every file."""
    before = {path: (copy / path).read_text() for path, _, _ in BANNED if (copy / path).exists()}
    for path, line, _ in BANNED:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(f'"""Broken on purpose."""\n\n{line}\n')
    command = [str(TOOLS / "ruff"), "check", "--no-cache", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=60)
    for path, text in before.items():
        (copy / path).write_text(text)
    assert done.returncode == 1
    for path, _, said in BANNED:
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{path}:")]
        assert any(said in line for line in lines), f"{path}: {said} is not among\n" + "\n".join(lines)
