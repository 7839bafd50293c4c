"""Vyper's storage layout in the form of Solidity's.

Vyper tells the slot of each variable and its type as text; what structs and flags consist of stands in the syntax
tree. In storage each value fills its slots (nothing is packed), `String`, `Bytes` and `DynArray` begin with their
length and keep their data right after it, and a mapping hashes its slot before the key. New beside Solidity's JSON:

    encoding bounded_array, bounded_bytes   a length, then room for as much as the type allows
    slotFirst                               of a mapping
    flags                                   names of a flag's members, lowest bit first
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

WORD = 32
_OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "FloorDiv": operator.floordiv,
    "Div": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}
_OLD = re.compile(r"enum |\([^)]*\)| declaration object")
"""What 0.3 writes around the names of enums and structs."""
_VALUE = re.compile(r"u?int\d+|bytes\d+|bool|address|decimal")


def solidity_layout(layout: Json, tree: Json | None = None) -> Json:
    """The layout; without the syntax tree structs and flags are opaque."""
    places = sorted(_flatten(layout.get("storage_layout", {})), key=lambda item: int(item[1]["slot"]))
    modules = _Modules(tree or {})
    types = _Types(modules)
    storage = []
    for name, place in places:
        kind = types.add(
            _OLD.sub("", str(place["type"])), modules.of_variable(name), int(place.get("n_slots", 1))
        )
        storage.append({"label": name, "slot": str(place["slot"]), "offset": 0, "type": kind})
    return {"storage": storage, "types": types.entries}


def _flatten(layout: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Variables of imported modules lie nested under the module's name."""
    for name, place in layout.items():
        if "slot" in place:
            yield prefix + name, place
        else:
            yield from _flatten(place, f"{prefix}{name}.")


class _Modules:
    """The definitions of a contract's module and of those that it imports."""

    def __init__(self, answer: Json) -> None:
        self._bodies: dict[str, list[Json]] = {"": (answer.get("ast") or {}).get("body", [])}
        by_path = {str(one.get("resolved_path")): one.get("body", []) for one in answer.get("imports") or ()}
        self._imports: dict[tuple[str, str], str] = {}
        waiting = [""]
        while waiting:
            module = waiting.pop()
            for node in self._bodies[module]:
                about = node.get("import_info") or {}
                path = str(about.get("resolved_path"))
                if path not in by_path:
                    continue
                if path not in self._bodies:
                    self._bodies[path] = by_path[path]
                    waiting.append(path)
                self._imports[module, about.get("alias") or node["name"]] = path

    def imported(self, module: str, alias: str) -> str | None:
        """The module that another one knows by a name."""
        return self._imports.get((module, alias))

    def of_variable(self, path: str) -> str:
        """The module whose variable stands in the layout as `alias.variable`."""
        module = ""
        for alias in path.split(".")[:-1]:
            module = self.imported(module, alias) or module
        return module

    def definition(self, name: str, module: str) -> tuple[Json, str] | None:
        """A struct or flag and its module, searched where it is used, then everywhere."""
        for where in (module, *self._bodies):
            for node in self._bodies.get(where, ()):
                if node.get("name") == name and node.get("ast_type") in ("StructDef", "FlagDef", "EnumDef"):
                    return node, where
        return None

    def written(self, node: Json, module: str) -> str:
        """A type as the layout would write it: constants in it are numbers."""
        match node["ast_type"]:
            case "Subscript":
                inner = node["slice"]
                inner = inner["value"] if inner["ast_type"] == "Index" else inner
                parts = inner["elements"] if inner["ast_type"] == "Tuple" else [inner]
                texts = [self.written(one, module) for one in parts]
                return f"{self.written(node['value'], module)}[{', '.join(texts)}]"
            case "Name" if self._constant(node["id"], module) is None:
                return str(node["id"])
            case "Attribute" if self._imported_constant(node, module) is None:
                return f"{node['value']['id']}.{node['attr']}"
            case _:
                return str(self._number(node, module))

    def _number(self, node: Json, module: str) -> int:
        match node["ast_type"]:
            case "Int":
                return int(node["value"])
            case "BinOp":
                left, right = self._number(node["left"], module), self._number(node["right"], module)
                return _OPERATIONS[node["op"]["ast_type"]](left, right)
            case "Name" if (value := self._constant(node["id"], module)) is not None:
                return self._number(value, module)
            case "Attribute" if (found := self._imported_constant(node, module)) is not None:
                return self._number(*found)
            case other:
                raise ValueError(f"a length that is {other}")

    def _imported_constant(self, node: Json, module: str) -> tuple[Json, str] | None:
        where = self.imported(module, node["value"].get("id", ""))
        value = self._constant(node["attr"], where) if where is not None else None
        return (value, where) if value is not None and where is not None else None

    def _constant(self, name: str, module: str) -> Json | None:
        """The expression behind a constant."""
        for node in self._bodies.get(module, ()):
            is_constant = node.get("ast_type") == "VariableDecl" and node.get("is_constant")
            if is_constant and node["target"].get("id") == name:
                value: Json | None = node["value"]
                return value
        return None


class _Types:
    """The types that a layout mentions."""

    def __init__(self, modules: _Modules) -> None:
        self.entries: Json = {}
        self._modules = modules

    def add(self, text: str, module: str = "", slots: int = 1) -> str:
        """Add a type and what it consists of; its id. So many slots if nothing else says how many."""
        name, inner = _parameters(text)
        match name:
            case _ if _VALUE.fullmatch(text):
                return self._enter(f"t_{text}", text, 1)
            case "HashMap":
                key, value = (self.add(one, module) for one in inner)
                more = {"encoding": "mapping", "key": key, "value": value, "slotFirst": True}
                return self._enter(f"HashMap[{key}, {value}]", text, 1, **more)
            case "String" | "Bytes":
                size = 1 - (-int(inner[0]) // WORD)
                return self._enter(text, text, size, encoding="bounded_bytes")
            case "DynArray":
                base = self.add(inner[0], module)
                size = 1 + int(inner[1]) * self._slots(base)
                return self._enter(
                    f"DynArray[{base}, {inner[1]}]", text, size, encoding="bounded_array", base=base
                )
            case _ if inner:
                base = self.add(name, module)
                size = int(inner[0]) * self._slots(base)
                return self._enter(f"{base}[{inner[0]}]", text, size, base=base)
            case _:
                return self._defined(text, module, slots)

    def _defined(self, text: str, module: str, slots: int) -> str:
        # A type of another module may be written with its name.
        alias, _, name = text.rpartition(".")
        where = self._modules.imported(module, alias) if alias else module
        found = self._modules.definition(name, where or module)
        if found is None:
            # An interface; or a lock, or a struct that cannot be looked into.
            is_interface = slots == 1 and text.isidentifier()
            return self._enter(f"t_contract({text})" if is_interface else text, text, slots)
        definition, where = found
        kind = f"{where}:{name}" if where else name
        if kind in self.entries:
            return kind
        if definition["ast_type"] != "StructDef":
            return self._enter(kind, name, 1, flags=_flags(definition))
        try:
            members, size = self._members(definition, where)
        except (KeyError, ValueError):
            # Written in a way that is not known here: named by its first slot only.
            return self._enter(kind, name, slots)
        return self._enter(kind, name, size, members=members)

    def _members(self, definition: Json, module: str) -> tuple[list[Json], int]:
        members, slot = [], 0
        for member in definition["body"]:
            if member["ast_type"] == "AnnAssign":
                kind = self.add(self._modules.written(member["annotation"], module), module)
                members.append(
                    {"label": member["target"]["id"], "slot": str(slot), "offset": 0, "type": kind}
                )
                slot += self._slots(kind)
        return members, slot

    def _enter(self, kind: str, label: str, slots: int, **more: object) -> str:
        entry = {"encoding": "inplace", "label": label, "numberOfBytes": str(WORD * slots)}
        self.entries.setdefault(kind, entry | more)
        return kind

    def _slots(self, kind: str) -> int:
        return int(self.entries[kind]["numberOfBytes"]) // WORD


def _parameters(text: str) -> tuple[str, list[str]]:
    """What stands before the last brackets, and what in them: `uint8[2]`, `[3]` of `uint8[2][3]`."""
    if not text.endswith("]"):
        return text, []
    depth, parts, end = 0, [], len(text) - 1
    for position in range(len(text) - 1, -1, -1):
        depth += {"]": 1, "[": -1}.get(text[position], 0)
        if depth == 1 and text[position] == ",":
            parts.append(text[position + 1 : end].strip())
            end = position
        if depth == 0:
            parts.append(text[position + 1 : end].strip())
            return text[:position], parts[::-1]
    return text, []


def _flags(definition: Json) -> list[str]:
    return [
        one["value"]["id"] for one in definition["body"] if one["ast_type"] == "Expr" and "id" in one["value"]
    ]
