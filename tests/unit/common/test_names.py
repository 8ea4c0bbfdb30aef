"""Names from peers and files: nothing that could be a path, an option or a pattern by accident."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orch.common import codec, names
from orch.common.errors import Malformed
from orch.common.names import HostName, Name, NameOrAll, PackageName, Path, Place, Version


@dataclass
class All:
    name: Name = "a"
    host: HostName = "a/b"
    either: NameOrAll = "*"
    package: PackageName = "vim"
    version: Version = "1"
    path: Path = "/a"


HOSTILE = [
    "",
    ".",
    "..",
    "-rf",
    "_a",
    "A",
    "a b",
    "a/b/c",
    "/a",
    "a\n",
    "a\x00",
    "ä",
    "a;b",
    "$(x)",
    "a" * 64,
    "../a",
    "a/",
]


@pytest.mark.parametrize("text", ["a", "0", "library", "a.b_c-d", "a" * 63])
def test_takes_plain_names(text: str) -> None:
    assert names.is_name(text)
    assert names.checked(text, "site") == text


@pytest.mark.parametrize("text", HOSTILE)
def test_refuses_what_is_no_name(text: str) -> None:
    assert not names.is_name(text)
    with pytest.raises(Malformed, match="site"):
        names.checked(text, "site")
    for member in ("name", "host", "either"):
        with pytest.raises(Malformed):
            codec.decode(All, codec.encode({member: text}), limit=1000)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("package", "-o"),
        ("package", "a"),
        ("package", "Vim"),
        ("package", "vim:"),
        ("package", "vim=1"),
        ("package", "vi*"),
        ("version", "-1"),
        ("version", "1 2"),
        ("version", ""),
        ("path", "a"),
        ("path", "/"),
        ("path", "//a"),
        ("path", "/a//b"),
        ("path", "/a/"),
        ("path", "/a\nb"),
        ("path", "/.."),
        ("path", "/a/../b"),
        ("path", "/a/."),
        ("path", "/a/./b"),
    ],
)
def test_refuses_what_is_no_package_version_or_path(member: str, text: str) -> None:
    with pytest.raises(Malformed, match=f"All.{member}"):
        codec.decode(All, codec.encode({member: text}), limit=1000)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("package", "g++"),
        ("package", "libc6:amd64"),
        ("package", "0ad"),
        ("version", "1:2.3~rc1+b2-4"),
        ("path", "/etc/motd"),
        ("path", "/a/..b/.c/..."),
        ("path", "/srv/ein Blatt"),
        ("either", "*"),
        ("host", "library/dom0"),
    ],
)
def test_takes_what_debian_and_people_use(member: str, text: str) -> None:
    assert getattr(codec.decode(All, codec.encode({member: text}), limit=1000), member) == text


def test_a_place_is_read_and_written() -> None:
    place = Place.parse("library/dom0")
    assert (place.site, place.host, str(place)) == ("library", "dom0", "library/dom0")


@pytest.mark.parametrize("text", ["library", "a/b/c", "/dom0", "library/", "Library/dom0"])
def test_a_place_is_two_names(text: str) -> None:
    with pytest.raises(Malformed):
        Place.parse(text)
