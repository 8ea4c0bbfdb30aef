"""Where the laboratory gets Debian from: the machine's own apt sources, whatever their form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import mirror
from tests.lab.errors import LabError

pytestmark = pytest.mark.system


def machine(etc: Path, *, one_line: str = "", deb822: str = "", codename: str = "bookworm") -> Path:
    """A stand-in for /etc."""
    (etc / "apt/sources.list.d").mkdir(parents=True)
    (etc / "os-release").write_text(f'ID=debian\nVERSION_CODENAME={codename}\nPRETTY_NAME="Debian"\n')
    (etc / "apt/sources.list").write_text(one_line)
    (etc / "apt/sources.list.d/debian.sources").write_text(deb822)
    return etc


def test_reads_one_line_sources_and_leaves_vendors_and_media_alone(tmp_path: Path) -> None:
    etc = machine(
        tmp_path,
        one_line=(
            "deb cdrom:[Debian 12]/ bookworm main\n"
            "# deb http://commented.example/debian bookworm main\n"
            "deb http://mirror.example/debian/ bookworm main contrib # near\n"
            "deb-src http://mirror.example/debian/ bookworm main\n"
            "deb http://mirror.example/security bookworm-security main\n"
            "deb [arch=amd64 signed-by=/usr/share/keyrings/vendor.gpg] http://vendor.example/apt bookworm main\n"
            "deb http://vendor.example/apt bookworm stable\n"
        ),
    )
    found = mirror.find(etc, settings=False)
    assert found.suite == "bookworm"
    assert found.lines == (
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/security bookworm-security main",
    )


def test_reads_deb822_sources_with_their_key_ring(tmp_path: Path) -> None:
    etc = machine(
        tmp_path,
        deb822=(
            "# the main archive\nTypes: deb deb-src\nURIs: http://mirror.example/debian\n"
            "Suites: bookworm bookworm-updates\nComponents: main\n  contrib\n"
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
            "Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n"
        ),
    )
    option = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert mirror.find(etc, settings=False).lines == (
        f"deb {option} http://mirror.example/debian bookworm main",
        f"deb {option} http://mirror.example/debian bookworm-updates main",
    )


def test_a_machine_without_a_source_of_its_own_release_is_told_what_to_add(tmp_path: Path) -> None:
    etc = machine(tmp_path, one_line="deb http://mirror.example/debian trixie main\n")
    with pytest.raises(LabError, match="add a Debian mirror with suite bookworm"):
        mirror.find(etc, settings=False)
