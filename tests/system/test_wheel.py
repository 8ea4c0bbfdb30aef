"""The wheel, in empty environments: it holds orch and nothing global, and a host runs on the card's packages alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CARD = {"pyzmq", "msgpack", "cryptography", "python-debian", "click", "libvirt-python"}
# Packages that those of the card bring along.
BROUGHT = {"cffi", "pycparser", "chardet", "charset-normalizer", "typing-extensions"}

IMPORT_EVERYTHING = """
import importlib, pkgutil
import orch.common, orch.minion, orch.states
for layer in (orch.common, orch.minion, orch.states):
    for found in pkgutil.walk_packages(layer.__path__, layer.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""


def run(*words: str | Path, folder: Path) -> str:
    """Run a program and return what it said; fail with it if it failed."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the tree, so that nothing is left behind in it."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    names = ["orch", "common", "master", "minion", "states", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"]
    run("cp", "-a", *(TOP / name for name in names), tree, folder=folder)
    run(sys.executable, "-m", "venv", folder / "builder", folder=folder)
    run(folder / "builder/bin/pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, tree, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_holds_orch_and_nothing_global(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"orch"}
    ours = {
        f"orch/{path.relative_to(TOP)}"
        for layer in ("common", "master", "minion", "states")
        for path in (TOP / layer).rglob("*.py")
    }
    assert ours <= set(names)
    assert "orch/py.typed" in names


def test_a_host_runs_on_the_packages_of_the_card_alone(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "bare", folder=tmp_path)
    run(tmp_path / "bare/bin/pip", "install", "--quiet", wheel, folder=tmp_path)
    run(tmp_path / "bare/bin/pip", "uninstall", "--quiet", "--yes", "setuptools", folder=tmp_path)
    listed = run(tmp_path / "bare/bin/pip", "list", "--format", "freeze", folder=tmp_path)
    installed = {line.split("==")[0].lower().replace("_", "-") for line in listed.splitlines()}
    assert installed - {"pip", "orch"} <= CARD | BROUGHT
    run(tmp_path / "bare/bin/python", "-c", IMPORT_EVERYTHING, folder=tmp_path)


def test_has_the_three_commands(wheel: Path) -> None:
    (entry,) = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("entry_points.txt")]
    said = zipfile.ZipFile(wheel).read(entry).decode()
    assert {line.split(" =")[0] for line in said.splitlines() if "=" in line} == {"orch", "orch-master", "orch-minion"}
