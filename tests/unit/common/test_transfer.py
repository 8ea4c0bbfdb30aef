from __future__ import annotations

from orch.common import transfer


def test_the_centre_runs_what_the_host_expects_on_a_tree_of_its_own_choosing() -> None:
    arguments = transfer.server_arguments("/var/lib/orch-master/views/x/")
    assert transfer.fits(("centre", "rsync", *arguments[:-1], "tree/"))
    assert arguments[-1] == "/var/lib/orch-master/views/x/"


def test_a_host_whose_rsync_asks_for_anything_else_does_not_fit() -> None:
    good = transfer.SHELL_ARGUMENTS
    assert not transfer.fits(())
    assert not transfer.fits((*good, "/etc"))
    assert not transfer.fits([word.replace("--sender", "--daemon") for word in good])


def test_names_in_a_tree() -> None:
    assert transfer.list_path("base") == "lists/base.list"
    assert transfer.blob_path(bytes(32)) == f"blobs/{'0' * 64}"
