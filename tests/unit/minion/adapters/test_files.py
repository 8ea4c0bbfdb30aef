from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from orch.common.errors import Malformed, StoreError
from orch.minion.adapters import files


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write(path, b"old", mode=0o644)
    files.write(path, b"new", mode=0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(StoreError):
        files.write(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_link_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"secret")
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(StoreError):
        files.read(link, limit=100)
    files.write(link, b"new")
    assert target.read_bytes() == b"secret"


def test_what_is_not_there_is_none_and_what_is_too_large_is_an_error(tmp_path: Path) -> None:
    assert files.read(tmp_path / "missing", limit=1) is None
    (tmp_path / "large").write_bytes(b"xx")
    with pytest.raises(StoreError):
        files.read(tmp_path / "large", limit=1)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StoreError):
        files.read(tmp_path / "fifo", limit=1)
    with pytest.raises(StoreError, match="not a regular file"):
        files.read(tmp_path, limit=1)


def test_a_folder_gets_its_mode_also_if_it_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    files.make_folder(folder, mode=0o755)
    files.make_folder(folder, mode=0o700)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        files.make_folder(tmp_path / "file")


def test_a_foreign_file_is_copied_only_if_it_is_exactly_what_it_must_be(tmp_path: Path) -> None:
    foreign, own = tmp_path / "foreign", tmp_path / "own"
    (foreign / "lists").mkdir(parents=True)
    own.mkdir()
    (foreign / "lists/a").write_bytes(b"content")
    digest = hashlib.sha256(b"content").digest()
    files.copy_checked(foreign, "lists/a", own / "x", files.Exactly(digest, 7))
    assert (own / "x").read_bytes() == b"content"
    for sha256, size in ((bytes(32), 7), (digest, 6), (digest, 8)):
        with pytest.raises(Malformed):
            files.copy_checked(foreign, "lists/a", own / "y", files.Exactly(sha256, size))
    with pytest.raises(Malformed):
        files.copy_checked(foreign, "lists/b", own / "y", files.Exactly(digest, 7))
    assert [entry.name for entry in own.iterdir()] == ["x"]
