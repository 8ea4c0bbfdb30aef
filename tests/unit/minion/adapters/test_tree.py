from __future__ import annotations

import os
from pathlib import Path

import pytest

from orch.common import codec
from orch.common.errors import StepFailed
from orch.minion.adapters.tree import Metadata, Tree
from orch.states.host import FileKind
from tests.contract import roots

ME = (os.getuid(), os.getgid())


def meta(mode: int = 0o644) -> Metadata:
    return Metadata(mode=mode, uid=ME[0], gid=ME[1])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return roots.make(tmp_path / "root")


@pytest.fixture
def tree(root: Path) -> Tree:
    return Tree(root)


def test_a_file_gets_content_mode_and_owner_and_nothing_lies_beside_it(root: Path, tree: Tree) -> None:
    assert tree.put("/etc/motd", b"welcome\n", meta(0o640)) == ()
    file = root / "etc/motd"
    assert file.read_bytes() == b"welcome\n"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert not [path for path in (root / "etc").iterdir() if "orch" in path.name]


def test_the_names_of_users_are_those_of_the_moment_but_for_a_single_look(root: Path, tree: Tree) -> None:
    look = Tree(root, one_look=True)
    passwd = root / "etc/passwd"
    number = str(root.stat().st_uid)
    passwd.write_text(f"first:x:{number}:0::/:/bin/sh\n")
    assert (tree.facts("/etc").owner, look.facts("/etc").owner) == ("first", "first")
    passwd.write_text(f"second:x:{number}:0::/:/bin/sh\n")
    assert (tree.facts("/etc").owner, look.facts("/etc").owner) == ("second", "first")


def test_folders_above_a_file_are_made_whatever_the_umask_is(root: Path, tree: Tree) -> None:
    before = os.umask(0o077)
    try:
        assert tree.put("/srv/site/file", b"", meta()) == ("/srv", "/srv/site")
    finally:
        os.umask(before)
    assert (root / "srv/site").stat().st_mode & 0o7777 == 0o755
    assert (root / "srv/site/file").stat().st_mode & 0o7777 == 0o644


def test_a_link_at_the_end_is_replaced_and_not_followed(root: Path, tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (root / "etc/motd").symlink_to(outside)
    assert tree.facts("/etc/motd").target == str(outside)
    with pytest.raises(StepFailed):
        tree.read("/etc/motd", limit=100)
    tree.put("/etc/motd", b"theirs", meta())
    assert outside.read_text() == "mine"
    assert not (root / "etc/motd").is_symlink()


@pytest.mark.parametrize("target", ["/trap", "../../../../../../trap"])
def test_a_link_in_the_middle_never_leads_out_of_the_root(root: Path, tree: Tree, target: str) -> None:
    (root / "trap").mkdir()
    (root / "etc/way").symlink_to(target)
    tree.put("/etc/way/file", b"inside", meta())
    assert (root / "trap/file").read_bytes() == b"inside"
    assert not Path("/trap").exists()


def test_a_link_to_a_place_that_exists_only_outside_leads_nowhere(root: Path, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "etc/way").symlink_to(tmp_path / "outside")
    with pytest.raises(StepFailed, match="which is not there"):
        tree.put("/etc/way/file", b"", meta())
    assert list((tmp_path / "outside").iterdir()) == []


def test_links_that_go_in_a_circle_are_refused(root: Path, tree: Tree) -> None:
    (root / "etc/one").symlink_to("two")
    (root / "etc/two").symlink_to("one")
    with pytest.raises(StepFailed, match="too many links"):
        tree.facts("/etc/one/file")


@pytest.mark.usefixtures("as_root")
def test_a_link_of_another_user_is_not_followed(root: Path, tree: Tree) -> None:
    (root / "etc/way").symlink_to("apt")
    os.lchown(root / "etc/way", 33, 33)
    with pytest.raises(StepFailed, match="a link of user 33"):
        tree.put("/etc/way/file", b"", meta())


def test_a_path_that_leads_upwards_is_refused(tree: Tree) -> None:
    with pytest.raises(StepFailed, match="leads upwards"):
        tree.facts("/etc/../../x")


def test_a_folder_in_a_files_place_is_not_replaced(root: Path, tree: Tree) -> None:
    with pytest.raises(StepFailed):
        tree.put("/etc/apt", b"", meta())
    assert (root / "etc/apt").is_dir()
    assert not [path for path in (root / "etc").iterdir() if "orch" in path.name]


def test_what_a_kill_left_half_written_is_taken_over(root: Path, tree: Tree) -> None:
    (root / "etc/.motd.orch-new").write_text("half")
    tree.put("/etc/motd", b"whole", meta())
    assert sorted(path.name for path in (root / "etc").iterdir()) == ["apt", "group", "motd", "passwd"]


def test_a_pipe_holds_nobody_up(root: Path, tree: Tree) -> None:
    os.mkfifo(root / "etc/pipe")
    assert tree.facts("/etc/pipe").kind is FileKind.OTHER
    with pytest.raises(StepFailed, match="not a regular file"):
        tree.read("/etc/pipe", limit=10)


def test_users_are_those_of_the_root(tree: Tree) -> None:
    assert tree.number("www-data", of="passwd") == 33
    assert tree.number("61001", of="group") == 61001
    assert tree.number("nobody-here", of="passwd") is None


def test_dropping_what_is_not_there_is_no_error(tree: Tree) -> None:
    tree.drop("/etc/nothing")
    tree.drop("/no/folder/either")


def test_a_link_of_some_user_to_anything_at_all_can_be_reported(root: Path, tree: Tree) -> None:
    (root / "etc/motd").symlink_to(os.fsdecode(b"/tmp/\xff"))
    assert codec.encode(tree.facts("/etc/motd").target)
