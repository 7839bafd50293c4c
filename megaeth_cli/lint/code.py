"""Finding one's way in the syntax trees of a program: nodes by identifier, parents, places, texts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from megaeth_cli.compile import constants
from megaeth_cli.compile.trees import Program, Tree
from megaeth_cli.lint.findings import Place

Node = dict[str, Any]

FUNCTIONS = ("FunctionDefinition", "ModifierDefinition")
_MAX_TEXT = 48


def children(node: Node) -> list[Node]:
    """The nodes right below one, in the order of the source."""
    found = []
    for value in node.values():
        if isinstance(value, dict):
            if "nodeType" in value:
                found.append(value)
        elif isinstance(value, list):
            found += [one for one in value if isinstance(one, dict) and "nodeType" in one]
    found.sort(key=_start)
    return found


def walk(node: Node, *types: str) -> Iterator[Node]:
    """A node and all below it, in the order of the source; with types only those."""
    if not types or node["nodeType"] in types:
        yield node
    for child in children(node):
        yield from walk(child, *types)


def type_of(node: Node | None) -> str:
    """The compiler's identifier of an expression's type; empty where it has none."""
    return ((node or {}).get("typeDescriptions") or {}).get("typeIdentifier") or ""


def _start(node: Node) -> int:
    return int(node["src"].split(":", 1)[0])


class Code:
    """All that was compiled together."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: dict[int, Node] = {}
        self._parents: dict[int, Node] = {}
        self._trees: dict[str, _Text] = {}
        for tree in program.trees:
            self._trees[tree.root["src"].rpartition(":")[2]] = _Text(tree)
            for node in walk(tree.root):
                if "id" in node:
                    self.nodes[node["id"]] = node
                for child in children(node):
                    self._parents[id(child)] = node

    def asked(self, *types: str) -> Iterator[Node]:
        """The nodes of these types in the files that were asked for."""
        for tree in self.program.trees:
            if tree.asked:
                yield from walk(tree.root, *types)

    def declaration(self, node: Node | None) -> Node | None:
        """What an identifier or a member stands for; None for what the language has by itself."""
        return self.nodes.get((node or {}).get("referencedDeclaration") or -1)

    def parents(self, node: Node) -> Iterator[Node]:
        """The nodes around one, innermost first."""
        while (above := self._parents.get(id(node))) is not None:
            yield above
            node = above

    def enclosing(self, node: Node, *types: str) -> Node | None:
        """The innermost node of these types around one."""
        return next((one for one in self.parents(node) if one["nodeType"] in types), None)

    def place(self, node: Node) -> Place:
        """Where a node stands."""
        start, length, index = node["src"].split(":")
        return self._trees[index].place(int(start), int(length))

    def text(self, node: Node) -> str:
        """The node's source on one line, cut where it is long."""
        start, length, index = node["src"].split(":")
        text = " ".join(self._trees[index].cut(int(start), int(length)).split())
        return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}..."

    def number(self, node: Node | None) -> int | None:
        """The value of a constant expression, as a word of 256 bits; None where it is none."""
        return constants.word(node, self.nodes)


class _Text:
    """A source, in which the compiler counts bytes and people count characters."""

    def __init__(self, tree: Tree) -> None:
        self._path = tree.path
        self._bytes = tree.text.encode()
        self._lines = self._bytes.split(b"\n")
        self._starts = [0]
        for line in self._lines[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def cut(self, start: int, length: int) -> str:
        return self._bytes[start : start + length].decode(errors="replace")

    def place(self, start: int, length: int) -> Place:
        begin = self._at(start)
        line = self._lines[begin[0] - 1].decode(errors="replace").rstrip("\r")
        return Place(self._path, begin, self._at(start + length), line)

    def _at(self, offset: int) -> tuple[int, int]:
        number = bisect_right(self._starts, offset)
        line = self._starts[number - 1]
        return number, len(self._bytes[line:offset].decode(errors="replace")) + 1
