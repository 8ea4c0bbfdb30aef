from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import transfer
from orch.common.document import LIST_LIMIT, Document, File, ListFile
from orch.common.errors import Blocked, Malformed, StepFailed, StoreError
from orch.minion.materials import Store, needed
from orch.minion.settings import Layout
from tests.fakes import signed_estate as estate
from tests.fakes.bench import FakeFetch, text_file
from tests.fakes.log import ListLog

LIST, BLOB = b"nano\n", b"large" * 5000


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


DOCUMENT: Document = replace(
    estate.document(),
    lists=(ListFile("base", digest(LIST), len(LIST)),),
    files=(text_file("/etc/motd", "hi"), File(path="/etc/large", sha256=digest(BLOB), size=len(BLOB))),
)


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        self.fetch = FakeFetch(folder / "spool")
        self.fetch.contents = {"lists/base.list": LIST, transfer.blob_path(digest(BLOB)): BLOB}
        self.store = Store(self.layout, self.fetch, ListLog())

    def gather(self, document: Document = DOCUMENT) -> dict[bytes, bytes]:
        return dict(self.store.gather(document, bytes(32)))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_a_document_carries_itself_is_not_needed() -> None:
    assert {item.size for item in needed(DOCUMENT).values()} == {len(LIST), len(BLOB)}


def test_fetches_what_is_lacking_and_asks_nothing_when_all_is_here(shelf: Shelf) -> None:
    assert shelf.gather() == {digest(LIST): LIST, digest(BLOB): BLOB}
    assert shelf.gather() == {digest(LIST): LIST, digest(BLOB): BLOB}
    assert len(shelf.fetch.asked) == 1


@pytest.mark.parametrize("came", [b"", b"nano", b"evil\n", b"nano\nevil\n"], ids=["empty", "cut", "altered", "longer"])
def test_only_the_exact_bytes_are_taken(shelf: Shelf, came: bytes) -> None:
    shelf.fetch.contents["lists/base.list"] = came
    with pytest.raises(Blocked):
        shelf.gather()
    assert digest(LIST).hex() not in [path.name for path in shelf.layout.blobs.iterdir()]


def test_what_came_before_the_trouble_is_kept(shelf: Shelf) -> None:
    blob = shelf.fetch.contents.pop(transfer.blob_path(digest(BLOB)))
    with pytest.raises(Blocked):
        shelf.gather()
    assert [path.name for path in shelf.layout.blobs.iterdir()] == [digest(LIST).hex()]
    shelf.fetch.contents[transfer.blob_path(digest(BLOB))] = blob
    assert len(shelf.gather()) == 2


@pytest.mark.parametrize("where", ["lists/base.list", "lists"])
def test_a_link_in_the_spool_is_never_followed(shelf: Shelf, tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "base.list").write_bytes(LIST)
    shelf.fetch.contents.clear()
    shelf.fetch.spool.mkdir()
    if where == "lists":
        (shelf.fetch.spool / "lists").symlink_to(outside)
    else:
        (shelf.fetch.spool / "lists").mkdir()
        (shelf.fetch.spool / where).symlink_to(outside / "base.list")
    with pytest.raises(Blocked, match="did not come"):
        shelf.gather(replace(DOCUMENT, files=()))


def test_a_pipe_in_the_spool_does_not_hold_anybody_up(shelf: Shelf) -> None:
    shelf.fetch.contents.clear()
    (shelf.fetch.spool / "lists").mkdir(parents=True)
    os.mkfifo(shelf.fetch.spool / "lists/base.list")
    with pytest.raises(Blocked, match="not a regular file"):
        shelf.gather(replace(DOCUMENT, files=()))


def test_content_that_the_disk_has_spoiled_is_never_handed_out(shelf: Shelf) -> None:
    materials = shelf.store.gather(DOCUMENT, bytes(32))
    (shelf.layout.blobs / digest(LIST).hex()).write_bytes(b"evil\n")
    with pytest.raises(StoreError):
        materials[digest(LIST)]


def test_what_no_document_names_is_removed(shelf: Shelf) -> None:
    shelf.gather()
    shelf.store.forget_others(replace(DOCUMENT, files=()))
    assert [path.name for path in shelf.layout.blobs.iterdir()] == [digest(LIST).hex()]


def test_a_list_larger_than_lists_may_be_is_refused_before_it_is_fetched(shelf: Shelf) -> None:
    large = replace(DOCUMENT, lists=(ListFile("base", bytes(32), LIST_LIMIT + 1),))
    with pytest.raises(Malformed):
        shelf.gather(large)
    assert shelf.fetch.asked == []


def test_a_question_fetches_lists_only_in_little_time(shelf: Shelf) -> None:
    materials = shelf.store.gather_to_plan(DOCUMENT, bytes(32))
    assert dict(materials) == {digest(LIST): LIST}
    (errand,) = shelf.fetch.asked
    assert errand.lists_only
    assert errand.seconds <= 120
    assert errand.most < 5 * 1024 * 1024
    shelf.gather()
    assert not shelf.fetch.asked[1].lists_only


def test_a_question_fetches_no_lists_without_measure(shelf: Shelf) -> None:
    lists = tuple(ListFile(f"l{at}", bytes([at] * 32), LIST_LIMIT) for at in range(17))
    with pytest.raises(StepFailed, match="lists for a plan"):
        shelf.store.gather_to_plan(replace(DOCUMENT, lists=lists), bytes(32))
    assert shelf.fetch.asked == []
