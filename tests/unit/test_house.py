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


def test_what_the_packages_need_to_be_built_is_installed_before() -> None:
    script = (TOP / "packaging/setup-debian.sh").read_text(encoding="utf-8")
    control = (TOP / "packaging/debian/control").read_text(encoding="utf-8")
    installed, needed = re.search(r'\[deb\]="([^"]*)"', script), re.search(r"Build-Depends:\n((?: .*\n)+)", control)
    assert installed is not None
    assert needed is not None
    names = {line.split()[0].rstrip(",") for line in needed[1].splitlines()}
    provided = {name for name in names if name.startswith(("debhelper-", "dh-sequence-"))}  # by debhelper, dh-python
    assert names - provided <= set(installed[1].split())


def test_each_package_asks_for_the_versions_that_the_wheel_asks_for() -> None:
    settings = configparser.ConfigParser()
    settings.read(TOP / "setup.cfg")
    wanted = [settings["options"]["install_requires"], *(settings["options.extras_require"][name] for name in EXTRAS)]
    bounds = dict(re.findall(r"^([A-Za-z][\w-]*)>=([\d.]+)$", "\n".join(wanted), flags=re.MULTILINE))
    control = (TOP / "packaging/debian/control").read_text(encoding="utf-8")
    asked = set(re.findall(r"^ python3-(\w+) \(>= ([\d.]+)\),$", control, flags=re.MULTILINE))
    named = {
        "libvirt-python": "libvirt",
        "python-debian": "debian",
        "pyzmq": "zmq",
        "PyYAML": "yaml",
        "SQLAlchemy": "sqlalchemy",
    }
    of_debian = {(named.get(name, name), bound) for name, bound in bounds.items()}
    assert len(of_debian) == 9
    assert asked - {("setuptools", "66.1.1")} == of_debian


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
