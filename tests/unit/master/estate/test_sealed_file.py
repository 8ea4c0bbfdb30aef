from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common.document import COPY
from orch.master.estate import loader, sealed_file
from orch.master.estate.diagnostics import render
from orch.master.estate.sealed_file import ROOT, Broken, HostCopy, ReaderCopy, SealedSecret
from tests.unit.master.estate import estates

KEY, OTHER = bytes([1]) * 32, bytes([2]) * 32
SECRET = SealedSecret(
    estate="netgate",
    name="apps-join",
    value=bytes(range(16)),
    at=1_796_000_000,
    by="anna",
    box=bytes(272),
    readers=(ReaderCopy("anna", KEY, bytes(COPY)), ReaderCopy(ROOT, OTHER, bytes(COPY))),
    hosts=(
        HostCopy("library/srv1", "/etc/apps/join it", "main", KEY, bytes(COPY)),
        HostCopy("school/srv1", "/etc/apps/join", "main", OTHER, bytes(COPY)),
    ),
)
TEXT = sealed_file.write(SECRET)


SHORT = TEXT.replace(f"{OTHER.hex()} AAAA", f"{OTHER.hex()} ", 1)


def resigned(text: str) -> str:
    """With check digits that fit: as somebody who knows how they are made would have it."""
    lines = text.split("\n")[:-2]
    return "\n".join([*lines, f"check: {sealed_file._check(lines)}", ""])


def test_reads_what_it_wrote() -> None:
    found = sealed_file.read(TEXT)
    assert (found.readers, found.hosts) == (tuple(sorted(SECRET.readers)), tuple(sorted(SECRET.hosts)))
    assert sealed_file.write(found) == TEXT


def test_finds_the_copy_for_a_place_and_for_no_other() -> None:
    copy = SECRET.copy_for("library/srv1", "/etc/apps/join it", scope="main", key=KEY)
    assert copy == bytes(COPY)
    assert SECRET.copy_for("library/srv1", "/etc/apps/join it", scope="far", key=KEY) == b""
    assert SECRET.copy_for("library/srv1", "/etc/apps/join it", scope="main", key=OTHER) == b""
    assert SECRET.copy_for("school/srv1", "/etc/apps/join it", scope="main", key=OTHER) == b""


def test_a_reader_has_one_copy_and_a_root_key_each_its_own() -> None:
    third = bytes([3]) * 32
    found = SECRET.with_readers([ReaderCopy("anna", third, bytes(COPY)), ReaderCopy(ROOT, third, bytes(COPY))])
    assert [(copy.name, copy.key) for copy in sorted(found.readers)] == [(ROOT, OTHER), (ROOT, third), ("anna", third)]


def test_a_place_in_another_scope_takes_the_place_of_the_one_before_and_an_old_key_stays_on_record() -> None:
    moved = HostCopy("school/srv1", "/etc/apps/join", "far", OTHER, bytes(COPY))
    renewed = HostCopy("library/srv1", "/etc/apps/join it", "main", OTHER, bytes(COPY))
    found = SECRET.with_hosts([moved, renewed]).hosts
    assert [(copy.host, copy.scope, copy.key) for copy in sorted(found)] == [
        ("library/srv1", "main", KEY),
        ("library/srv1", "main", OTHER),
        ("school/srv1", "far", OTHER),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "not a sealed secret of a version"),
        (TEXT.replace("version 1", "version 2"), 1, "not a sealed secret of a version"),
        (TEXT[:200], 6, "was cut off"),
        (TEXT.rstrip("\n"), 11, "was cut off"),
        (TEXT.replace("by anna", "by bob"), 11, "its check digits do not fit"),
        (TEXT.replace("box:", "<<<<<<< HEAD\nbox:"), 6, "git left a conflict"),
        (resigned(TEXT.replace("secret: apps", "secret: Apps")), 3, "a name in this line is damaged"),
        (resigned(TEXT.replace("estate", "estade")), 2, 'here the line "estate:" belongs'),
        (resigned(TEXT.replace("value: 00", "value: xx")), 4, "this line is damaged"),
        (resigned(TEXT.replace("set: 1796000000", "set: soon")), 5, "this line is damaged"),
        (resigned(TEXT.replace("box: AA", "box: A")), 6, "this line is damaged"),
        (resigned(TEXT.replace("box: ", "box: AAAA" * 6000)), 6, "this line is damaged"),
        (resigned(TEXT.replace("reader: anna 01", "reader: anna 1")), 8, "the key in this line is damaged"),
        (resigned(SHORT), 7, "the copy in this line is damaged"),
        (resigned(TEXT.replace("host: library/srv1 main", "host: library/srv1")), 9, "is damaged"),
        (resigned(TEXT.replace("reader: anna", "raeder: anna")), 8, "this line does not belong here"),
    ],
)
def test_names_the_line_that_is_wrong(text: str, line: int, problem: str) -> None:
    with pytest.raises(Broken, match=problem) as caught:
        sealed_file.read(text)
    assert caught.value.line == line


@given(at=st.integers(0, len(TEXT) - 1), bit=st.integers(0, 6))
def test_a_bit_that_was_changed_is_never_passed_over(at: int, bit: int) -> None:
    altered = TEXT[:at] + chr(ord(TEXT[at]) ^ 1 << bit) + TEXT[at + 1 :]
    with pytest.raises(Broken):
        sealed_file.read(altered)


def test_a_file_that_is_not_sealed_is_an_error_that_does_not_show_what_is_in_it(tmp_path: Path) -> None:
    files = {**estates.SMALL, "secrets/token.sealed": "correct horse\n", "secrets/other.txt": "battery staple\n"}
    found = loader.lint(estates.write(tmp_path, files))
    told = [(item.where, item.severity.value, item.text) for item in found]
    assert told == [
        ("secrets/other.txt:1", "warning", "is not read: files in secrets/ are called NAME.sealed"),
        ("secrets/token.sealed:1", "error", "this is not a sealed secret of a version that is read here"),
    ]
    assert "correct" not in render(found)
    assert "battery" not in render(found)


def test_a_secret_says_which_estate_it_is_of_and_what_it_is_called(tmp_path: Path) -> None:
    site = estates.SMALL["sites/school.yaml"] + "    files: { /etc/join: { secret: apps-join, mode: '0644' } }\n"
    files = {**estates.SMALL, "sites/school.yaml": site, "secrets/apps-join.sealed": TEXT, "secrets/other.sealed": TEXT}
    found = loader.lint(estates.write(tmp_path, files))
    assert [(item.where, item.text) for item in found] == [
        ("secrets/other.sealed:3:9", 'the secret "apps-join" lies in a file called other.sealed'),
        ("sites/school.yaml:6:14", "/etc/join is a secret that everybody on the host may use: mode 0644"),
        ("sites/school.yaml:6:35", 'the secret "apps-join" is of the estate netgate'),
    ]


def test_a_secret_that_nobody_uses_is_a_warning(tmp_path: Path) -> None:
    text = sealed_file.write(replace(SECRET, estate="small"))
    found = loader.lint(estates.write(tmp_path, {**estates.SMALL, "secrets/apps-join.sealed": text}))
    assert [(item.where, item.text) for item in found] == [
        ("secrets/apps-join.sealed:1", 'no host uses the secret "apps-join"')
    ]
