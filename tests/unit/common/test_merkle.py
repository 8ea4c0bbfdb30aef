"""Merkle trees, against the published vectors and against a slow tree that is written as RFC 6962 says it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common.errors import Mislabelled
from orch.common.merkle import Proof, Tree, leaf, root_from

VECTORS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [  # of the first n of them; from the certificate-transparency test data
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + slow_root(leaves[:split]) + slow_root(leaves[split:])).digest()


def slow_path(index: int, leaves: list[bytes]) -> tuple[bytes, ...]:
    """RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return ()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return (*slow_path(index, leaves[:split]), slow_root(leaves[split:]))
    return (*slow_path(index - split, leaves[split:]), slow_root(leaves[:split]))


def leaves_of(count: int) -> list[bytes]:
    return [leaf(b"document %d" % at) for at in range(count)]


@pytest.mark.parametrize("count", range(1, 9))
def test_has_the_published_roots(count: int) -> None:
    assert Tree([leaf(content) for content in VECTORS[:count]]).root.hex() == ROOTS[count - 1]


@pytest.mark.parametrize("count", range(1, 41))
def test_agrees_with_the_rfc_for_every_leaf(count: int) -> None:
    leaves = leaves_of(count)
    tree = Tree(leaves)
    assert tree.root == slow_root(leaves)
    for index in range(count):
        proof = tree.proof(index)
        assert proof.path == slow_path(index, leaves)
        assert root_from(leaves[index], proof, count) == tree.root


def holds(leaf_hash: bytes, proof: Proof, count: int, root: bytes) -> bool:
    try:
        return root_from(leaf_hash, proof, count) == root
    except Mislabelled:
        return False


@pytest.mark.parametrize("count", range(1, 20))
def test_a_proof_is_for_one_leaf_in_one_place_of_one_tree(count: int) -> None:
    leaves = leaves_of(count)
    tree = Tree(leaves)
    for index in range(count):
        path = tree.proof(index).path
        for place in range(count + 1):
            assert holds(leaves[index], Proof(place, path), count, tree.root) == (place == index)
        for other in range(count):
            assert holds(leaves[other], Proof(index, path), count, tree.root) == (other == index)
        longer, shorter = Proof(index, (*path, bytes(32))), Proof(index, path[:-1])
        assert not holds(leaves[index], longer, count, tree.root)
        assert not path or not holds(leaves[index], shorter, count, tree.root)


@given(st.integers(1, 40), st.data())
def test_no_changed_path_leads_to_the_root(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    tree = Tree(leaves)
    index = data.draw(st.integers(0, count - 1))
    path = list(tree.proof(index).path)
    if not path:
        return
    at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[at] = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not holds(leaves[index], Proof(index, tuple(path)), count, tree.root)


def test_an_inner_node_is_no_leaf() -> None:
    leaves = leaves_of(2)
    assert leaf(leaves[0] + leaves[1]) != Tree(leaves).root


def test_a_proof_outside_the_tree_is_refused() -> None:
    for index, count in ((1, 1), (-1, 4), (0, 0)):
        with pytest.raises(Mislabelled, match="leaf"):
            root_from(leaf(b""), Proof(index, ()), count)


def test_a_path_of_another_length_says_so() -> None:
    path = Tree(leaves_of(4)).proof(0).path
    with pytest.raises(Mislabelled, match="too long"):
        root_from(leaves_of(4)[0], Proof(0, (*path, bytes(32))), 4)
    with pytest.raises(Mislabelled, match="too short"):
        root_from(leaves_of(4)[0], Proof(0, path[:1]), 4)


def test_a_tree_needs_a_leaf_and_proves_only_its_own() -> None:
    with pytest.raises(ValueError, match="needs a leaf"):
        Tree([])
    with pytest.raises(IndexError):
        Tree(leaves_of(3)).proof(3)


def test_ten_thousand_documents_need_fourteen_hashes() -> None:
    tree = Tree(leaves_of(10_000))
    assert len(tree.proof(1234).path) == 14
