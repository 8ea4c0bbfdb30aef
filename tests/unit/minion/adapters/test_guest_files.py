"""The disks and consoles beside a guest: made once, never anything else's, gone with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orch.common.errors import StepFailed
from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind
from orch.minion.adapters.guests.consoles import MOST, Consoles
from orch.minion.adapters.guests.disks import Disks
from orch.minion.adapters.guests.drivers import Keeping
from orch.minion.adapters.process import Call, Result
from tests.fakes.runner import FakeRunner, said


def guest(*disks: Disk) -> Guest:
    return Guest(name="ltsp", kind=Kind.PV, memory=64, kernel=Kernel(path="/boot/vmlinuz"), disks=disks)


def qemu_img(call: Call) -> Result:
    Path(call.argv[-1]).write_bytes(b"QFI\xfb")
    return said()


def made(guest: Guest, disks: Disks) -> list[str]:
    missing = disks.missing(guest)
    for disk in missing:
        disks.make(disk)
    return [disk.path for disk in missing]


def test_what_is_missing_is_made_and_nothing_else(tmp_path: Path) -> None:
    base, overlay, data, brought = (tmp_path / name for name in ("base.img", "deep/o.qcow2", "data.img", "b.img"))
    base.write_bytes(b"base")
    brought.write_bytes(b"brought")
    runner = FakeRunner({"qemu-img": qemu_img})
    disks = Disks(runner)
    wanted = guest(
        Disk(kind=DiskKind.OVERLAY, path=str(overlay), base=str(base)),
        Disk(kind=DiskKind.FILE, path=str(data), size=1 << 20),
        Disk(kind=DiskKind.FILE, path=str(brought)),
    )
    assert made(wanted, disks) == [str(overlay), str(data)]
    assert data.stat().st_size == 1 << 20
    assert data.stat().st_mode & 0o777 == 0o600
    assert overlay.exists()
    assert runner.calls[0].argv[-3:-1] == ("-b", str(base))
    data.write_bytes(b"precious")
    assert made(wanted, disks) == []
    assert data.read_bytes() == b"precious"
    assert base.read_bytes() == b"base"


def test_what_somebody_else_should_have_brought_is_an_error(tmp_path: Path) -> None:
    disks = Disks(FakeRunner())
    with pytest.raises(StepFailed, match=r"the disk .* is not there") as caught:
        disks.missing(guest(Disk(kind=DiskKind.FILE, path=str(tmp_path / "no.img"))))
    assert "which package brings it" in caught.value.hint
    with pytest.raises(StepFailed, match=r"the base .* is not there"):
        disks.missing(guest(Disk(kind=DiskKind.OVERLAY, path=str(tmp_path / "o"), base=str(tmp_path / "no.img"))))


def test_a_folder_in_a_disk_s_place_is_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="in the way"):
        Disks(FakeRunner()).missing(guest(Disk(kind=DiskKind.FILE, path=str(tmp_path), size=4096)))


def test_a_program_that_fails_leaves_no_half_disk(tmp_path: Path) -> None:
    base = tmp_path / "base.img"
    base.touch()
    overlay = Disk(kind=DiskKind.OVERLAY, path=str(tmp_path / "o.qcow2"), base=str(base))
    disks = Disks(FakeRunner({"qemu-img": said(err="no space left", code=1)}))
    with pytest.raises(StepFailed, match="no space left"):
        disks.make(overlay)
    assert disks.missing(guest(overlay)) == (overlay,)


def test_a_guest_takes_its_own_disks_with_it_and_no_others(tmp_path: Path) -> None:
    overlay, data, kept, brought, base = (tmp_path / name for name in ("o", "d", "k", "b", "base"))
    for file in (overlay, data, kept, brought, base):
        file.touch()
    size = 4096
    going = guest(
        Disk(kind=DiskKind.OVERLAY, path=str(overlay), base=str(base)),
        Disk(kind=DiskKind.FILE, path=str(data), size=size),
        Disk(kind=DiskKind.FILE, path=str(kept), size=size, keep=True),
        Disk(kind=DiskKind.FILE, path=str(brought)),
        Disk(kind=DiskKind.BLOCK, path="/dev/null"),
    )
    disks = Disks(FakeRunner())
    assert disks.remove(going) == (str(overlay), str(data))
    assert disks.remove(going) == ()
    assert all(file.exists() for file in (kept, brought, base))


def test_a_console_is_read_from_its_end_and_emptied_at_a_start(tmp_path: Path) -> None:
    consoles = Consoles(Keeping.LOG, tmp_path / "logs")
    consoles.prepare()
    assert consoles.text("ltsp", "") == ""
    consoles.file("ltsp").write_bytes(b"old" * MOST + b"\xff and the end")
    text = consoles.text("ltsp", "")
    assert len(text) == MOST
    assert text.endswith("\ufffd and the end")
    consoles.begin("ltsp")
    assert consoles.text("ltsp", "") == ""
    assert consoles.drop("ltsp")
    assert not consoles.drop("ltsp")


def test_a_link_is_not_followed_to_a_console(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    consoles = Consoles(Keeping.LOG, tmp_path)
    consoles.file("ltsp").symlink_to(secret)
    with pytest.raises(StepFailed, match="cannot open"):
        consoles.text("ltsp", "")
    with pytest.raises(StepFailed, match="cannot open"):
        consoles.begin("ltsp")
    assert secret.read_text() == "secret"


def test_what_waits_in_a_terminal_is_kept(tmp_path: Path) -> None:
    keeper, terminal = os.openpty()
    try:
        consoles = Consoles(Keeping.LIVE, tmp_path)
        os.write(keeper, b"GUEST-ALIVE 1\n")
        assert consoles.text("box", os.ttyname(terminal)) == "GUEST-ALIVE 1\n"
        assert consoles.text("box", "") == "GUEST-ALIVE 1\n"
        assert consoles.text("box", "/dev/pts/none") == "GUEST-ALIVE 1\n"
    finally:
        os.close(keeper)
        os.close(terminal)


def test_a_driver_without_consoles_shows_nothing(tmp_path: Path) -> None:
    consoles = Consoles(Keeping.NOWHERE, tmp_path)
    assert consoles.text("ltsp", "") == ""
