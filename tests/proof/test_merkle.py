"""The tree of RFC 9162 agrees with the vectors of others, and with its definition as it stands there."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.proof.merkle import (
    EMPTY,
    Frontier,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "merkle" / "rfc9162-vectors.json"
KINDS = ("inclusion", "consistency")


def cases(kind: str) -> list[Any]:
    if not VECTORS.exists():
        return []
    return json.loads(VECTORS.read_text(encoding="utf-8"))[kind]


def decoded(hashes: Sequence[str] | None) -> list[bytes]:
    return [b64decode(one) for one in hashes or ()]


@pytest.mark.skipif(not VECTORS.exists(), reason=f"the vectors are not at {VECTORS}")
def test_all_vectors_are_there() -> None:
    assert {kind: len(cases(kind)) for kind in KINDS} == {"inclusion": 98, "consistency": 98}


@pytest.mark.skipif(not VECTORS.exists(), reason=f"the vectors are not at {VECTORS}")
@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in cases("inclusion")])
def test_inclusion_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    def verify() -> None:
        verify_inclusion(
            leaf=b64decode(case["leafHash"]),
            index=case["leafIdx"],
            size=case["treeSize"],
            proof=decoded(case["proof"]),
            root=b64decode(case["root"]),
        )

    agrees(verify, wrong=case["wantErr"])


@pytest.mark.skipif(not VECTORS.exists(), reason=f"the vectors are not at {VECTORS}")
@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in cases("consistency")])
def test_consistency_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    def verify() -> None:
        verify_consistency(
            first=case["size1"],
            second=case["size2"],
            proof=decoded(case["proof"]),
            first_root=b64decode(case["root1"] or ""),
            second_root=b64decode(case["root2"] or ""),
        )

    agrees(verify, wrong=case["wantErr"])


def agrees(verify: Any, *, wrong: bool) -> None:
    if wrong:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


# -- the definition, as RFC 9162 writes it ------------------------------------------------------------


def mth(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def below(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


class Tree:
    """Leaves, and the hashes of all whole subtrees as a frontier gave them."""

    def __init__(self, count: int) -> None:
        self.data = [b"leaf %d" % index for index in range(count)]
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}
        for data in self.data:
            for node in self.frontier.append(leaf_hash(data)):
                assert (node.level, node.number) not in self.nodes
                self.nodes[node.level, node.number] = node.hash

    def node_at(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(300)


@pytest.mark.parametrize("size", [*range(66), 127, 128, 129, 255, 256, 257, 300])
def test_root_and_frontier_agree_with_the_definition(tree: Tree, size: int) -> None:
    expected = mth(tree.data[:size])
    assert root_at(size, tree.node_at) == expected
    again = Frontier.of(size, tree.node_at)
    assert (again.root(), again.size) == (expected, size)
    for data in tree.data[size:]:
        again.append(leaf_hash(data))
    assert again.root() == tree.frontier.root() == mth(tree.data)


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY == mth([])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), size=st.integers(1, 300))
def test_inclusion_proofs_are_those_of_the_definition_and_verify(
    tree: Tree, data: st.DataObject, size: int
) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.node_at)
    assert proof == path(index, tree.data[:size])
    root, leaf = root_at(size, tree.node_at), leaf_hash(tree.data[index])
    verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)
    for wrong in spoiled(data, proof):
        with pytest.raises(ProofError):
            verify_inclusion(leaf=leaf, index=index, size=size, proof=wrong, root=root)
    other = data.draw(st.integers(-2, size + 2).filter(lambda one: one != index))
    with pytest.raises(ProofError):
        verify_inclusion(leaf=leaf, index=other, size=size, proof=proof, root=root)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), second=st.integers(1, 300))
def test_consistency_proofs_are_those_of_the_definition_and_verify(
    tree: Tree, data: st.DataObject, second: int
) -> None:
    first = data.draw(st.integers(1, second))
    proof = consistency_proof(first, second, tree.node_at)
    assert proof == (subproof(first, tree.data[:second], whole=True))
    roots = root_at(first, tree.node_at), root_at(second, tree.node_at)

    def verify(proof: list[bytes], first_root: bytes, second_root: bytes) -> None:
        verify_consistency(
            first=first, second=second, proof=proof, first_root=first_root, second_root=second_root
        )

    verify(proof, *roots)
    for wrong in spoiled(data, proof):
        with pytest.raises(ProofError):
            verify(wrong, *roots)
    with pytest.raises(ProofError):
        verify(proof, node_hash(*roots), roots[1])
    with pytest.raises(ProofError):
        verify(proof, roots[0], node_hash(*roots))


def spoiled(data: st.DataObject, proof: list[bytes]) -> list[list[bytes]]:
    """Give the proof with one hash more, one fewer, one changed, and two that changed places."""
    wrong = [[*proof, EMPTY], [EMPTY, *proof]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong += [
            proof[:at] + proof[at + 1 :],
            [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]],
            [*proof[:at], proof[at][:-1], *proof[at + 1 :]],
        ]
    if len(proof) > 1:
        wrong.append([proof[1], proof[0], *proof[2:]])
    return wrong


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_is_made_of_a_leaf_that_is_not_there(tree: Tree, index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        inclusion_proof(index, size, tree.node_at)


@pytest.mark.parametrize(("first", "second"), [(4, 3), (-1, 3)])
def test_no_larger_tree_is_the_beginning_of_a_smaller(tree: Tree, first: int, second: int) -> None:
    with pytest.raises(ValueError, match="is not the beginning"):
        consistency_proof(first, second, tree.node_at)
    with pytest.raises(ProofError, match="is not the beginning"):
        verify_consistency(first=first, second=second, proof=[], first_root=EMPTY, second_root=EMPTY)


def test_of_an_empty_tree_nothing_is_shown(tree: Tree) -> None:
    assert consistency_proof(0, 3, tree.node_at) == []
    with pytest.raises(ProofError, match="nothing can be shown"):
        verify_consistency(
            first=0, second=3, proof=[], first_root=EMPTY, second_root=root_at(3, tree.node_at)
        )


def test_a_frontier_is_not_begun_with_the_wrong_number_of_hashes() -> None:
    with pytest.raises(ValueError, match="has 2 whole subtrees, got 1"):
        Frontier(5, [EMPTY])


def test_appending_hashes_each_node_once() -> None:
    frontier, made = Frontier(), 0
    for index in range(1 << 12):
        made += sum(1 for _ in frontier.append(index.to_bytes(32)))
    assert made == (1 << 13) - 1
