"""What every `Host` promises (states/host.py), asked of the fake and of the real one in the same words.

A builder makes a host of a World; `world` is small enough for a real root made on the spot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from orch.common.crypto import CurveKey
from orch.common.errors import Shut, StepFailed
from orch.common.sealed import Closed, Slot, close, for_host, open_here
from orch.states.host import AptRequest, FileKind, Host, PackageState, Pin, Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A host's disk."""

    files: dict[str, bytes] = field(default_factory=dict)
    lists: dict[str, bytes] = field(default_factory=dict)
    packages: dict[str, tuple[str, str]] = field(default_factory=dict)  # state and version, by name


Builder = Callable[[World], Host]
OWN = CurveKey.from_secret(bytes([7] * 32))


def opens(closed: Closed) -> bytes:
    """The host's key for secrets, at work."""
    return open_here(OWN, closed)


def secret(value: bytes, *, path: str, key: CurveKey = OWN) -> Closed:
    """A secret that was sealed to a key."""
    slot = Slot(estate="lab", scope="main", host="lab/srv1", path=path, secret="token", value=bytes(16))
    return Closed(slot=slot, key=for_host(bytes(32), slot, key.public), box=close(value, slot.what, seed=bytes(32)))


def tells_what_stands_under_a_path(build: Builder) -> None:
    host = build(World(files={"/etc/motd": b"welcome\n"}))
    found = host.file("/etc/motd")
    assert found.kind is FileKind.REGULAR
    assert found.sha256 == hashlib.sha256(b"welcome\n").digest()
    assert (found.mode, found.owner, found.group, found.uid, found.gid) == (0o644, "root", "root", 0, 0)
    assert host.file("/etc").kind is FileKind.FOLDER


def names_the_folders_that_are_missing_above_a_file(build: Builder) -> None:
    found = build(World()).file("/etc/orch/some/thing")
    assert found.kind is FileKind.ABSENT
    assert found.missing == ("/etc/orch", "/etc/orch/some")


def refuses_a_path_through_a_file(build: Builder) -> None:
    with pytest.raises(StepFailed, match="in the way"):
        build(World(files={"/etc/motd": b""})).file("/etc/motd/below")


def tells_the_hashes_of_lists(build: Builder) -> None:
    assert build(World(lists={"base": b"hello\n"})).list_hashes() == {"base": hashlib.sha256(b"hello\n").digest()}
    assert build(World()).list_hashes() == {}


def tells_what_is_installed_and_how_whole_it_is(build: Builder) -> None:
    packages = {"hello": ("installed", "1.0"), "half": ("half-configured", "2"), "gone": ("config-files", "3")}
    found = build(World(packages=packages)).packages()
    assert found.packages["hello"].version == "1.0"
    assert not found.packages["hello"].broken
    assert found.packages["half"].state is PackageState.HALF_CONFIGURED
    assert found.packages["half"].broken
    assert not found.packages["gone"].present
    assert not found.interrupted


def has_a_fingerprint_that_follows_the_packages(build: Builder) -> None:
    one = World(packages={"hello": ("installed", "1.0")})
    other = World(packages={"hello": ("installed", "1.1")})
    assert build(one).package_fingerprint() == build(one).package_fingerprint()
    assert build(one).package_fingerprint() != build(other).package_fingerprint()


def knows_whether_a_file_holds_a_secret(build: Builder) -> None:
    host = build(World(files={"/etc/token": b"correct horse", "/etc/other": b"correct horse\n"}))
    assert host.holds(secret(b"correct horse", path="/etc/token"))
    assert not host.holds(secret(b"correct horse", path="/etc/other"))
    assert not host.holds(secret(b"correct horse", path="/etc/nowhere"))
    assert not host.holds(secret(b"correct horse", path="/etc"))


def says_of_a_secret_that_was_sealed_to_another_that_it_is_shut(build: Builder) -> None:
    host = build(World(files={"/etc/token": b"correct horse"}))
    with pytest.raises(Shut, match="the secret token for /etc/token cannot be opened here"):
        host.holds(secret(b"correct horse", path="/etc/token", key=CurveKey.generate()))


LOOKING = (
    knows_whether_a_file_holds_a_secret,
    says_of_a_secret_that_was_sealed_to_another_that_it_is_shut,
    tells_what_stands_under_a_path,
    names_the_folders_that_are_missing_above_a_file,
    refuses_a_path_through_a_file,
    tells_the_hashes_of_lists,
    tells_what_is_installed_and_how_whole_it_is,
    has_a_fingerprint_that_follows_the_packages,
)


# ---- what apt would do; the repository has the packages of the laboratory, nothing of them is installed


def knows_versions_and_leaves_out_unknown_names(host: Host) -> None:
    found = host.available(("reading-room", "nowhere-to-be-found"))
    assert set(found) == {"reading-room"}
    assert found["reading-room"].candidate == "1.0"
    assert found["reading-room"].versions == ("1.0",)


def solves_with_dependencies(host: Host) -> None:
    solved = host.solve(Wish(install=("reading-room",), roots=("apt",)))
    assert {"reading-room", "library-catalogue"} <= {pin.name for pin in solved.install}


def says_why_a_wish_cannot_be_had(host: Host) -> None:
    with pytest.raises(StepFailed, match="nowhere-to-be-found but it is not installable"):
        host.solve(Wish(install=("lost-needs",), roots=("apt",)))


def simulates_exactly_what_is_asked(host: Host) -> None:
    request = AptRequest(install=(Pin("library-catalogue", "1.0"), Pin("reading-room", "1.0")))
    assert host.simulate(request).install == request.install
    assert host.simulate(request).remove == ()


APT = (
    knows_versions_and_leaves_out_unknown_names,
    solves_with_dependencies,
    says_why_a_wish_cannot_be_had,
    simulates_exactly_what_is_asked,
)
