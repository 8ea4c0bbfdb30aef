"""What the house promises of itself: its parts name the same things."""

import configparser
import re
from pathlib import Path

import orch
from tests.lab import command

TOP = Path(__file__).parents[2]
EXTRAS = ("guests", "master", "operator")


def test_the_demo_s_packages_are_those_that_the_laboratory_needs() -> None:
    script = (TOP / "packaging" / "setup-debian.sh").read_text(encoding="utf-8")
    found = re.search(r'\[demo\]="([^"]*)"', script)
    assert found is not None
    assert set(command.PACKAGES) <= set(found[1].split())


def test_every_dependency_has_its_sentence() -> None:
    settings = configparser.ConfigParser()
    settings.read(TOP / "setup.cfg")
    wanted = "\n".join(
        [settings["options"]["install_requires"], *(settings["options.extras_require"][extra] for extra in EXTRAS)]
    )
    page = (TOP / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    names = re.findall(r"^[A-Za-z][\w-]*", wanted, flags=re.MULTILINE)
    assert len(names) >= 9
    assert not [name for name in names if f"\n| {name} " not in page]


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", orch.__version__)


def test_each_layer_is_a_link_to_the_folder_at_the_top() -> None:
    for layer in ("common", "master", "minion", "states"):
        assert (TOP / "orch" / layer).is_symlink()
        assert (TOP / "orch" / layer).resolve() == TOP / layer


def test_packaging_hides_nothing_of_that_name() -> None:
    assert not (TOP / "packaging" / "__init__.py").exists()
