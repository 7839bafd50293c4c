"""Solidity's storage layout of types, from the syntax tree: for structs that no state variable has.

What the compiler's `storageLayout` leaves out is laid out here by the same rules and named the same way.
https://docs.soliditylang.org/en/latest/internals/layout_in_storage.html
"""

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

WORD = 32
_BITS = re.compile(r"u?int(\d+)|u?fixed(\d+)x\d+")
_UNESCAPED = {"_$_": ",", "$_": "(", "_$": ")"}
"""The layout's ids of types have the letters that the tree's ids escape."""
_ESCAPES = re.compile("|".join(map(re.escape, _UNESCAPED)))
_LENGTH = re.compile(r"\[(\d*)\][^\[\]]*$")


class StorageTypes:
    """The types of a layout, to which those of declarations are added as they are asked for."""

    def __init__(self, declarations: Mapping[int, Json], types: Json) -> None:
        self._declarations = declarations
        self._types = types

    def struct(self, declaration: Json) -> str:
        """The id of a struct's type."""
        kind = f"t_struct({declaration['name']}){declaration['id']}_storage"
        if kind in self._types:
            return kind
        label = f"struct {declaration.get('canonicalName', declaration['name'])}"
        # Known before its members are: a struct may hold mappings to itself.
        entry: Json = {"encoding": "inplace", "label": label, "numberOfBytes": "32"}
        self._types[kind] = entry
        slot, offset, members = 0, 0, []
        for member in declaration["members"]:
            member_type = self._of(member["typeName"])
            size = self._size(member_type)
            if offset and (offset + size > WORD or not self._is_packed(member_type)):
                slot, offset = slot + 1, 0
            members.append(
                {"label": member["name"], "slot": str(slot), "offset": offset, "type": member_type}
            )
            if self._is_packed(member_type):
                offset += size
            else:
                slot += -(-size // WORD)
        entry |= {"members": members, "numberOfBytes": str(WORD * (slot + bool(offset)))}
        return kind

    def _of(self, node: Json) -> str:
        match node["nodeType"]:
            case "Mapping":
                return self._mapping(node)
            case "ArrayTypeName":
                return self._array(node)
            case "UserDefinedTypeName":
                return self._declared(self._declarations[node["referencedDeclaration"]])
            case "FunctionTypeName":
                size = 24 if node["visibility"] == "external" else 8
                described = node["typeDescriptions"]
                kind = _ESCAPES.sub(lambda found: _UNESCAPED[found[0]], described["typeIdentifier"])
                return self._add(kind, described["typeString"], size)
            case _:
                return self._elementary(node["typeDescriptions"]["typeString"])

    def _elementary(self, name: str) -> str:
        if name in ("string", "bytes"):
            return self._add(f"t_{name}_storage", name, WORD, encoding="bytes")
        return self._add(f"t_{name.replace(' ', '_')}", name, _value_size(name))

    def _declared(self, declaration: Json) -> str:
        name, number = declaration["name"], declaration["id"]
        label = str(declaration.get("canonicalName", name))
        match declaration["nodeType"]:
            case "StructDefinition":
                return self.struct(declaration)
            case "EnumDefinition":
                size = 1 if len(declaration["members"]) <= 256 else 2
                return self._add(f"t_enum({name}){number}", f"enum {label}", size)
            case "UserDefinedValueTypeDefinition":
                size = _value_size(declaration["underlyingType"]["typeDescriptions"]["typeString"])
                return self._add(f"t_userDefinedValueType({name}){number}", label, size)
            case _:
                return self._add(f"t_contract({name}){number}", f"contract {name}", 20)

    def _mapping(self, node: Json) -> str:
        key, value = self._key(node["keyType"]), self._of(node["valueType"])
        label = f"mapping({self._label(key)} => {self._label(value)})"
        return self._add(f"t_mapping({key},{value})", label, WORD, encoding="mapping", key=key, value=value)

    def _key(self, node: Json) -> str:
        name = node["typeDescriptions"]["typeString"]
        if name not in ("string", "bytes"):
            return self._of(node)
        # A key lies in memory when it is hashed.
        return self._add(f"t_{name}_memory_ptr", name, WORD, encoding="bytes")

    def _array(self, node: Json) -> str:
        base = self._of(node["baseType"])
        found = _LENGTH.search(node["typeDescriptions"]["typeString"])
        length = str(found[1]) if found else ""
        label = f"{self._label(base)}[{length}]"
        kind = f"t_array({base}){length or 'dyn'}_storage"
        if not length:
            return self._add(kind, label, WORD, encoding="dynamic_array", base=base)
        size, count = self._size(base), int(length)
        slots = -(-count // (WORD // size)) if self._is_packed(base) else count * -(-size // WORD)
        return self._add(kind, label, WORD * slots, base=base)

    def _add(self, kind: str, label: str, size: int, encoding: str = "inplace", **more: str) -> str:
        entry = {"encoding": encoding, "label": label, "numberOfBytes": str(size)} | more
        self._types.setdefault(kind, entry)
        return kind

    def _label(self, kind: str) -> str:
        return str(self._types[kind]["label"])

    def _size(self, kind: str) -> int:
        return int(self._types[kind]["numberOfBytes"])

    def _is_packed(self, kind: str) -> bool:
        """Whether it shares a slot with its neighbours where there is room."""
        info = self._types[kind]
        return info["encoding"] == "inplace" and "members" not in info and "base" not in info


def _value_size(name: str) -> int:
    """Bytes that an elementary type takes in storage."""
    if bits := _BITS.fullmatch(name):
        return int(bits[1] or bits[2]) // 8
    if name.startswith("address"):
        return 20
    return 1 if name == "bool" else int(name.removeprefix("bytes"))
