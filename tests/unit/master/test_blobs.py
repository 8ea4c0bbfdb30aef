from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.crypto import sha256
from orch.common.document import BLOB_LIMIT, Document, File, ListFile
from orch.common.errors import Malformed, OrchError, ProtocolError, Refused, StoreError
from orch.common.operations import Piece
from orch.master.blobs import GRACE, UPLOADS, Blobs
from orch.master.rsyncview import Views
from tests.fakes import signed_estate as estate

PEER, OTHER = b"p1", b"p2"


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    made = Blobs(tmp_path / "blobs", quota=1000)
    yield made
    made.close()


def piece(content: bytes, *, offset: int = 0, size: int | None = None, name: bytes = b"") -> Piece:
    return Piece(
        sha256=name or sha256(content), size=len(content) if size is None else size, offset=offset, data=content
    )


def test_keeps_a_blob_that_came_in_pieces(blobs: Blobs) -> None:
    name = sha256(b"abcdef")
    for offset in (0, 2, 4):
        assert blobs.missing([name], now=1) == (name,)
        blobs.put(PEER, piece(b"abcdef"[offset : offset + 2], offset=offset, size=6, name=name))
    assert blobs.missing([name], now=1) == ()
    assert blobs.path(name).read_bytes() == b"abcdef"


def test_lets_two_upload_the_same_at_once(blobs: Blobs) -> None:
    name = sha256(b"abcd")
    for offset in (0, 2):
        for peer in (PEER, OTHER):
            blobs.put(peer, piece(b"abcd"[offset : offset + 2], offset=offset, size=4, name=name))
    assert blobs.path(name).read_bytes() == b"abcd"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (piece(b"abc", name=bytes(32)), Malformed),
        (piece(b"abc", offset=3), ProtocolError),
        (piece(b"abc", size=2), Malformed),
        (piece(b"abc", size=BLOB_LIMIT + 1), Malformed),
        (piece(b"", size=4), Malformed),
        (piece(b"abc", size=2000), StoreError),
    ],
    ids=["hash", "order", "longer", "too large", "empty", "quota"],
)
def test_keeps_nothing_of_what_is_wrong(blobs: Blobs, wrong: Piece, error: type[OrchError]) -> None:
    with pytest.raises(error):
        blobs.put(PEER, wrong)
    assert blobs.missing([wrong.sha256], now=1) == (wrong.sha256,)
    assert list((blobs.path(bytes(32)).parents[1] / "coming").iterdir()) == []
    blobs.put(PEER, piece(b"right"))


def test_refuses_too_many_uploads_of_one_connection(blobs: Blobs) -> None:
    for number in range(UPLOADS):
        blobs.put(PEER, piece(b"%d" % number, size=9))
    with pytest.raises(ProtocolError):
        blobs.put(PEER, piece(b"one more", size=9))
    blobs.put(OTHER, piece(b"one more", size=9))
    blobs.forget(PEER)
    blobs.put(PEER, piece(b"one more"))


def test_drops_what_was_half_there_before_a_crash(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put(PEER, piece(b"ab", size=9))
    Blobs(tmp_path / "blobs", quota=1000)
    assert list((tmp_path / "blobs" / "coming").iterdir()) == []


def test_counts_what_is_there_against_the_quota_after_a_new_start(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put(PEER, piece(b"x" * 900))
    again = Blobs(tmp_path / "blobs", quota=1000)
    with pytest.raises(StoreError):
        again.put(PEER, piece(b"y" * 200))
    assert again.collect(frozenset(), now=int(tmp_path.stat().st_mtime) + GRACE + 60) == 1
    again.put(PEER, piece(b"y" * 200))


def test_collects_only_what_nobody_names_or_has_asked_for_lately(blobs: Blobs) -> None:
    for content in (b"named", b"asked", b"old"):
        blobs.put(PEER, piece(content))
        os.utime(blobs.path(sha256(content)), (10, 10))
    now = 10 + GRACE + 1
    blobs.missing([sha256(b"asked")], now=now)
    assert blobs.collect(frozenset({sha256(b"named")}), now=now) == 1
    assert blobs.missing([sha256(b"named"), sha256(b"asked"), sha256(b"old")], now=now) == (sha256(b"old"),)


class TestATree:
    def document(self) -> Document:
        me = estate.admission()
        return Document(
            estate=me.estate,
            host=me.host,
            curve=me.curve,
            scope=me.scope,
            lists=(ListFile("base", sha256(b"list"), 4), ListFile("same", sha256(b"list"), 4)),
            files=(
                File(path="/a", sha256=sha256(b"blob"), size=4),
                File(path="/b", sha256=sha256(b"blob"), size=4),
                File(path="/c", sha256=sha256(b"inline"), size=6, content=b"inline"),
            ),
        )

    @pytest.fixture
    def views(self, blobs: Blobs, tmp_path: Path) -> Views:
        for content in (b"list", b"blob"):
            blobs.put(PEER, piece(content))
        return Views(tmp_path / "views", blobs)

    def test_holds_what_the_document_names_and_nothing_else(self, views: Views) -> None:
        tree = views.tree(b"k" * 32, b"d" * 32, self.document())
        found = {str(file.relative_to(tree)): file.read_bytes() for file in tree.rglob("*") if file.is_file()}
        assert found == {
            "lists/base.list": b"list",
            "lists/same.list": b"list",
            f"blobs/{sha256(b'blob').hex()}": b"blob",
        }
        assert not any(file.is_symlink() for file in tree.rglob("*"))
        assert views.tree(b"k" * 32, b"d" * 32, self.document()) == tree

    def test_is_not_half_there_when_a_content_is_missing(self, views: Views, blobs: Blobs) -> None:
        blobs.path(sha256(b"blob")).unlink()
        with pytest.raises(StoreError, match="not at the centre"):
            views.tree(b"k" * 32, b"d" * 32, self.document())
        blobs.put(PEER, piece(b"blob"))
        assert (views.tree(b"k" * 32, b"d" * 32, self.document()) / "blobs").is_dir()

    def test_goes_when_nobody_needs_it(self, views: Views) -> None:
        trees = [views.tree(b"k" * 32, name * 32, self.document()) for name in (b"1", b"2")]
        views.prune(frozenset({(b"k" * 32, b"2" * 32)}))
        assert [tree.exists() for tree in trees] == [False, True]
        views.prune(frozenset())
        assert not trees[1].parent.exists()


def test_a_damaged_blob_is_missing_and_may_be_uploaded_again(blobs: Blobs) -> None:
    name = sha256(b"abcdef")
    blobs.put(PEER, piece(b"abcdef"))
    blobs.path(name).chmod(0o600)
    blobs.path(name).write_bytes(b"abcdeX")
    assert blobs.missing([name], now=1) == (name,)
    blobs.put(PEER, piece(b"abcdef"))
    assert blobs.missing([name], now=1) == ()
    assert blobs.part(name, 2) == b"cdef"
    assert blobs.part(name, 6) == b""
    # What was dropped counts no more: there is room for all but its six bytes.
    blobs.put(PEER, piece(bytes(994)))


def test_a_blob_that_is_not_there_is_refused(blobs: Blobs) -> None:
    with pytest.raises(Refused, match="no content"):
        blobs.part(bytes(32), 0)


def test_a_tree_is_made_anew_when_a_damaged_blob_was_replaced(tmp_path: Path, blobs: Blobs) -> None:
    name = sha256(b"tool\n")
    blobs.put(PEER, piece(b"tool\n"))
    views = Views(tmp_path / "views", blobs)
    document = replace(estate.document(), lists=(ListFile("base", name, 5),))
    served = views.tree(b"k" * 32, b"d" * 32, document) / "lists" / "base.list"
    blobs.path(name).chmod(0o600)
    blobs.path(name).write_bytes(b"fool\n")
    assert served.read_bytes() == b"fool\n"
    assert blobs.missing([name], now=1) == (name,)
    blobs.put(PEER, piece(b"tool\n"))
    views.tree(b"k" * 32, b"d" * 32, document)
    assert served.read_bytes() == b"tool\n"
