"""What only the syntax tree says of storage, put into the compiler's layout.

The layout names user-defined value types and enums without saying what they are, and knows nothing of what a
contract puts at slots of its own choice. Added to each contract's layout are therefore

    types[...].underlying   of a user-defined value type: the id of the elementary type behind it
    types[...].values       of an enum: the names of its members
    storage[...]            ERC-7201's namespaces, named by their ids
    constants               names of constants by their values, where slots or parts of hashes may be such values
    literals                words and texts that the source holds: keys that the compiler may have hashed itself
    enums                   the names of all enums' members, by the name that the ABI has for the enum
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from megaeth_cli.compile import constants
from megaeth_cli.compile.storage_types import StorageTypes
from megaeth_cli.units import keccak

Json = dict[str, Any]

VERSION = 2
"""Of what is added: answers that were completed otherwise are not taken from the cache."""
SMALLEST_CONSTANT = 1 << 24
"""Constants below are numbers; others may be slots, or seeds that slots are hashed from."""
MAX_LITERALS = 500
_EXPRESSIONS = frozenset(
    {"Literal", "Identifier", "MemberAccess", "FunctionCall", "UnaryOperation", "BinaryOperation"}
)
_NAMESPACE = re.compile(r"@custom:storage-location\s+erc7201:(\S+)")


def complete(answer: Json) -> None:
    """Add to the layouts of an answer what its syntax trees say, and leave the trees out."""
    trees = [tree for place in answer.get("sources", {}).values() if (tree := place.pop("ast", None))]
    program = _Program(trees)
    for unit, names in answer.get("contracts", {}).items():
        for name, body in names.items():
            layout = body.get("storageLayout")
            contract = program.contracts.get((unit, name))
            if layout and contract is not None:
                program.complete(layout, contract)


def namespace_slot(name: str) -> int:
    """Where a namespace of ERC-7201 begins."""
    inner = int.from_bytes(keccak(name.encode()), "big") - 1
    return int.from_bytes(keccak(inner.to_bytes(32, "big")), "big") & ~0xFF


class _Program:
    """The declarations of everything that was compiled together."""

    def __init__(self, trees: Iterable[Json]) -> None:
        self.declarations: dict[int, Json] = {}
        self.contracts: dict[tuple[str, str], Json] = {}
        self._namespaces: list[tuple[str, Json]] = []
        self._known: dict[int, _Said] = {}
        self._shared: list[Json] = []
        """What no contract inherits and any may use: libraries, and what stands outside of contracts."""
        for tree in trees:
            for node in _nodes(tree):
                self._declare(node)
            for node in tree["nodes"]:
                if node["nodeType"] == "ContractDefinition":
                    self.contracts[tree["absolutePath"], node["name"]] = node
                if node.get("contractKind", "library") == "library":
                    self._shared.append(node)
        self._enums = dict(self._named_enums())

    def _named_enums(self) -> Iterator[tuple[str, list[str]]]:
        """Those whose names mean one enum: files may have their own of the same name."""
        found: dict[str, list[list[str]]] = {}
        for node in self.declarations.values():
            if node["nodeType"] == "EnumDefinition":
                members = [one["name"] for one in node["members"]]
                found.setdefault(str(node.get("canonicalName", node["name"])), []).append(members)
        return ((name, each[0]) for name, each in found.items() if all(one == each[0] for one in each))

    def _declare(self, node: Json) -> None:
        if "id" in node:
            self.declarations[node["id"]] = node
        if node["nodeType"] != "StructDefinition":
            return
        documentation = node.get("documentation") or {}
        said = documentation if isinstance(documentation, str) else documentation.get("text", "")
        if found := _NAMESPACE.search(said):
            self._namespaces.append((found[1], node))

    def complete(self, layout: Json, contract: Json) -> None:
        """Add to one contract's layout."""
        layout["types"] = types = layout.get("types") or {}
        structs = StorageTypes(self.declarations, types)
        for name, declaration in self._namespaces:
            place = {"label": name, "offset": 0, "slot": str(namespace_slot(name))}
            layout["storage"].append(place | {"type": structs.struct(declaration)})
        for kind, info in types.items():
            if (number := re.fullmatch(r"t_(?:enum|userDefinedValueType)\(.*\)(\d+)", kind)) is None:
                continue
            declaration = self.declarations.get(int(number[1]), {})
            if "members" in declaration:
                info["values"] = [one["name"] for one in declaration["members"]]
            elif "underlyingType" in declaration:
                info["underlying"] = declaration["underlyingType"]["typeDescriptions"]["typeIdentifier"]
        bases = [self.declarations.get(one) for one in contract.get("linearizedBaseContracts", ())]
        said = [self._said(root) for root in (*bases, *self._shared) if root is not None]
        names: Json = {}
        for one in said:
            names = one.constants | names
        layout["constants"] = names
        layout["enums"] = self._enums
        layout["literals"] = {
            key: list(dict.fromkeys(each for one in said for each in getattr(one, key)))[:MAX_LITERALS]
            for key in ("words", "texts")
        }

    def _said(self, root: Json) -> "_Said":
        """What stands in a contract, or in something else outside of contracts; looked for once."""
        if root["id"] not in self._known:
            said = self._known[root["id"]] = _Said()
            for node in _nodes(root):
                self._look(node, said)
        return self._known[root["id"]]

    def _look(self, node: Json, said: "_Said") -> None:
        if node["nodeType"] == "VariableDeclaration" and node.get("constant"):
            value = constants.word(node.get("value"), self.declarations)
            if value is not None and value >= SMALLEST_CONSTANT:
                said.constants.setdefault(hex(value), node["name"])
        elif node["nodeType"] in _EXPRESSIONS:
            if (value := constants.word(node, self.declarations)) is not None:
                said.words.append(hex(value))
            if (raw := constants.text(node)) is not None:
                said.texts.append(f"0x{raw.hex()}")


@dataclass
class _Said:
    """What a part of the source says."""

    constants: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def _nodes(root: Json) -> Iterator[Json]:
    """A node and all below it."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "nodeType" in node:
                yield node
            waiting += reversed(node.values())
        elif isinstance(node, list):
            waiting += reversed(node)
