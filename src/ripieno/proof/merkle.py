"""The Merkle tree of RFC 9162, section 2.1: its hashes, and proofs of inclusion and consistency.

Pure: who has the leaves gives the hashes of whole subtrees; nothing is stored here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

__all__ = [
    "EMPTY",
    "Frontier",
    "Node",
    "NodeAt",
    "ProofError",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_at",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY: Final = hashlib.sha256().digest()
"""The root of a tree without leaves."""

HASH_BYTES: Final = 32

NodeAt = Callable[[int, int], bytes]
"""Gives the hash of the whole subtree number `index` of `2 ** level` leaves, by `level` and `index`."""


class ProofError(ValueError):
    """A proof does not show what it is said to show."""


class Node(NamedTuple):
    """The root of a whole subtree: the leaves from `number << level`, `1 << level` of them."""

    level: int
    number: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """Give the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The whole subtrees that make up a tree, widest first: all that is needed to append to it.

    Appending a leaf costs one hash for itself and, over many leaves, one more.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """Go on from a tree of `size` leaves, of which `nodes` are the hashes of its whole subtrees."""
        self._nodes = list(nodes)
        if len(self._nodes) != size.bit_count():
            msg = f"a tree of {size} leaves has {size.bit_count()} whole subtrees, got {len(self._nodes)}"
            raise ValueError(msg)
        self.size = size

    @classmethod
    def of(cls, size: int, node_at: NodeAt) -> Frontier:
        """Go on from a tree that is stored elsewhere."""
        return cls(size, [node_at(level, index) for level, index in whole_subtrees(0, size)])

    def append(self, hashed: bytes) -> Iterator[Node]:
        """Add the hash of a leaf, giving each subtree that it makes whole, the leaf itself first."""
        level, index = 0, self.size
        self.size += 1
        made = [Node(level, index, hashed)]
        while index & 1:
            hashed = node_hash(self._nodes.pop(), hashed)
            level, index = level + 1, index >> 1
            made.append(Node(level, index, hashed))
        self._nodes.append(hashed)
        return iter(made)

    def root(self) -> bytes:
        """Give the root of the tree as it stands."""
        return folded(self._nodes)


def whole_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give level and index of the whole subtrees of the leaves from `start` to before `end`, in order."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def folded(nodes: Sequence[bytes]) -> bytes:
    """Give the root over whole subtrees that are ever narrower."""
    if not nodes:
        return EMPTY
    hashed = nodes[-1]
    for left in reversed(nodes[:-1]):
        hashed = node_hash(left, hashed)
    return hashed


def root_at(size: int, node_at: NodeAt) -> bytes:
    """Give the root of the first `size` leaves."""
    return span(0, size, node_at)


def span(start: int, end: int, node_at: NodeAt) -> bytes:
    """Give the hash over the leaves from `start` to before `end`, as a subtree that begins there has it."""
    return folded([node_at(level, index) for level, index in whole_subtrees(start, end)])


def inclusion_proof(index: int, size: int, node_at: NodeAt) -> list[bytes]:
    """Give the path from leaf `index` to the root of `size` leaves, the nearest hash first."""
    if not 0 <= index < size:
        msg = f"there is no leaf {index} in a tree of {size}"
        raise ValueError(msg)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(span(middle, end, node_at))
            end = middle
        else:
            path.append(span(start, middle, node_at))
            start = middle
    path.reverse()
    return path


def consistency_proof(first: int, second: int, node_at: NodeAt) -> list[bytes]:
    """Give what shows that a tree of `first` leaves is the beginning of one of `second`."""
    if not 0 <= first <= second:
        msg = f"a tree of {first} leaves is not the beginning of one of {second}"
        raise ValueError(msg)
    if first in (0, second):
        return []
    path: list[bytes] = []
    start, end, whole = 0, second, True
    while first != end:
        middle = start + split(end - start)
        if first <= middle:
            path.append(span(middle, end, node_at))
            end = middle
        else:
            path.append(span(start, middle, node_at))
            start, whole = middle, False
    if not whole:
        path.append(span(start, end, node_at))
    path.reverse()
    return path


def split(count: int) -> int:
    """Give the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with this hash stands at `index` of the tree with this root (section 2.1.3.2).

    Raises `ProofError`.
    """
    if not 0 <= index < size:
        msg = f"there is no leaf {index} in a tree of {size}"
        raise ProofError(msg)
    sized([leaf, *proof])
    at, last, hashed = index, size - 1, leaf
    for one in proof:
        if last == 0:
            msg = f"the proof has {len(proof)} hashes, more than a tree of {size} has levels at leaf {index}"
            raise ProofError(msg)
        if at & 1 or at == last:
            hashed = node_hash(one, hashed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, one)
        at, last = at >> 1, last >> 1
    if last:
        msg = f"the proof has {len(proof)} hashes, fewer than leaf {index} of {size} needs"
        raise ProofError(msg)
    if hashed != root:
        msg = f"leaf {index} of {size} leads to another root"
        raise ProofError(msg)


def verify_consistency(  # noqa: C901, PLR0912 - the steps of the RFC, in its order
    *, first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Check that the tree of `first` leaves is the beginning of the one of `second` (section 2.1.4.2).

    Raises `ProofError`.
    """
    if not 0 <= first <= second:
        msg = f"a tree of {first} leaves is not the beginning of one of {second}"
        raise ProofError(msg)
    sized(proof)
    if first == 0:
        msg = "of an empty tree nothing can be shown: it is the beginning of every one"
        raise ProofError(msg)
    if first == second:
        if proof or first_root != second_root:
            msg = f"two trees of {first} leaves have different roots, or a proof that they do not need"
            raise ProofError(msg)
        return
    path = [first_root, *proof] if not first & (first - 1) else list(proof)
    if not path:
        msg = "the proof is empty"
        raise ProofError(msg)
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    earlier = later = path[0]
    for one in path[1:]:
        if last == 0:
            msg = f"the proof has {len(proof)} hashes, more than it needs"
            raise ProofError(msg)
        if at & 1 or at == last:
            earlier, later = node_hash(one, earlier), node_hash(one, later)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            later = node_hash(later, one)
        at, last = at >> 1, last >> 1
    if last:
        msg = f"the proof has {len(proof)} hashes, fewer than it needs"
        raise ProofError(msg)
    for size, found, wanted in ((first, earlier, first_root), (second, later, second_root)):
        if found != wanted:
            msg = f"the tree of {size} leaves has another root"
            raise ProofError(msg)


def sized(hashes: Sequence[bytes]) -> None:
    """Raise `ProofError` for what is no hash."""
    for one in hashes:
        if len(one) != HASH_BYTES:
            msg = f"a hash has {HASH_BYTES} bytes, got one of {len(one)}"
            raise ProofError(msg)
