"""The prefix tree: which token positions have keys and values in memory, each of them once.

A node holds a run of token ids and the keys and values of every layer for it. Its position is the length of the path
above it, so the same ids behind another beginning are another node. Nodes without children and without a holder can
be forgotten, the least recently used first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Node", "Path", "PrefixTree"]

Path = list[tuple["Node", int]]
"""Nodes from the root down, each with how many of its positions are taken (all, but for the last)."""


class Node:
    """A run of token ids; `kv` has the shape (layers, 2, key-value heads, positions, width)."""

    __slots__ = ("children", "holders", "ids", "kv", "parent", "start", "used")

    def __init__(self, parent: Node | None, ids: tuple[int, ...], kv: Any, start: int) -> None:
        self.parent, self.ids, self.kv, self.start = parent, ids, kv, start
        self.children: dict[int, Node] = {}
        self.holders = 0
        self.used = 0

    @property
    def bytes(self) -> int:
        """Memory its keys and values take."""
        return 0 if self.kv is None else int(self.kv.numel() * self.kv.element_size())


class PrefixTree:
    """Finds, keeps and forgets prefixes. `bytes` is what all nodes take together."""

    def __init__(self) -> None:
        self.root = Node(None, (), None, 0)
        self.bytes = 0
        self._clock = 0

    def match(self, ids: Sequence[int], most: int) -> Path:
        """The longest path that `ids` begins with, of at most `most` positions."""
        self._clock += 1
        node, depth, path = self.root, 0, []
        while depth < most:
            child = node.children.get(ids[depth])
            if child is None:
                break
            same = _common(child.ids, ids, depth, most)
            child.used = self._clock
            path.append((child, same))
            depth += same
            if same < len(child.ids):
                break
            node = child
        return path

    def path(self, node: Node) -> Path:
        """The whole path that ends in a node."""
        found: Path = []
        while node.parent is not None:
            found.append((node, len(node.ids)))
            node = node.parent
        return found[::-1]

    def insert(self, ids: Sequence[int], kv: Any, start: int) -> Node:
        """Keeps `kv` for the positions from `start` on of the path `ids`; what is there already is left alone.

        All positions before `start` must be in the tree. Returns the node that the path ends in.
        """
        self._clock += 1
        node, depth = self.root, 0
        while depth < len(ids):
            child = node.children.get(ids[depth])
            if child is None:
                new = tuple(ids[depth:])
                if depth < start:
                    raise KeyError("the beginning of this path is not in the tree")
                child = Node(node, new, kv[..., depth - start :, :].clone(), depth)
                node.children[new[0]] = child
                self.bytes += child.bytes
            same = _common(child.ids, ids, depth, len(ids))
            if same < len(child.ids):
                child = self._split(child, same)
            child.used = self._clock
            node, depth = child, depth + same
        return node

    def _split(self, node: Node, at: int) -> Node:
        """Cuts a node in two and returns the upper one; the lower one keeps its identity, children and holders."""
        assert node.parent is not None
        upper = Node(node.parent, node.ids[:at], node.kv[..., :at, :].clone(), node.start)
        upper.used = node.used
        node.parent.children[upper.ids[0]] = upper
        node.kv, node.ids, node.start = node.kv[..., at:, :].clone(), node.ids[at:], node.start + at
        node.parent = upper
        upper.children[node.ids[0]] = node
        return upper

    def forget(self, wanted: int) -> int:
        """Frees at least `wanted` bytes where it can, least recently used first; returns the bytes freed."""
        freed = 0
        while freed < wanted:
            leaves = [n for n in self._nodes() if not n.children and not n.holders]
            if not leaves:
                break
            leaves.sort(key=lambda n: n.used)
            for leaf in leaves:
                if freed >= wanted:
                    break
                freed += self._drop(leaf)
        return freed

    def _drop(self, leaf: Node) -> int:
        assert leaf.parent is not None
        del leaf.parent.children[leaf.ids[0]]
        size = leaf.bytes
        self.bytes -= size
        leaf.parent = None
        return size

    def _nodes(self) -> list[Node]:
        found, left = [], list(self.root.children.values())
        while left:
            node = left.pop()
            found.append(node)
            left.extend(node.children.values())
        return found

    @property
    def positions(self) -> int:
        """How many token positions it holds."""
        return sum(len(n.ids) for n in self._nodes())


def _common(run: tuple[int, ...], ids: Sequence[int], depth: int, most: int) -> int:
    """How many of `run` stand in `ids` from `depth` on, before `most`."""
    limit = min(len(run), most - depth)
    if tuple(ids[depth : depth + limit]) == run[:limit]:
        return limit
    return next(i for i in range(limit) if run[i] != ids[depth + i])
