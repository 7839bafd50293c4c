"""What a loop may add to the state in each of its turns: slots and accounts. Follows internal calls."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import YUL_CREATIONS, Kind, called, kind_of, yul_name
from megaeth_cli.lint.code import Code, Node, type_of, walk
from megaeth_cli.lint.loops import assigned

_GROWING = frozenset({"=", "+=", "|=", "^=", "<<="})
_DEEPEST = 8


class Growth:
    """Finds what grows."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def in_loop(self, loop: Node) -> list[Node]:
        """Nodes of a loop that may create a slot or an account which no turn before has created."""
        return list(self._in(loop, self._spread(loop, assigned(loop))))

    def _in(self, node: Node, varying: frozenset[int], depth: int = 0) -> Iterator[Node]:
        for one in walk(node, "Assignment", "UnaryOperation", "FunctionCall", "YulFunctionCall"):
            if self._grows(one, varying) or (
                one["nodeType"] == "FunctionCall" and self._calls(one, varying, depth)
            ):
                yield one

    def _moves(self, function: Node) -> bool:
        """Whether a function takes something out of an array: what it writes then, was there before."""
        return any(
            type_of(one["expression"]).startswith("t_function_arraypop")
            for one in walk(function, "FunctionCall")
        )

    def _grows(self, node: Node, varying: frozenset[int]) -> bool:
        match node["nodeType"]:
            case "Assignment" if node["operator"] in _GROWING:
                return not self._is_zero(node["rightHandSide"]) and self._is_new(
                    node["leftHandSide"], varying
                )
            case "UnaryOperation" if node["operator"] == "++":
                return self._is_new(node["subExpression"], varying)
            case "FunctionCall":
                return kind_of(node) in (Kind.PUSH, Kind.CREATION) and not self._in_memory(node)
            case "YulFunctionCall":
                name = yul_name(node)
                return name in YUL_CREATIONS or (
                    name == "sstore" and node["arguments"][0]["nodeType"] != "YulLiteral"
                )
        return False

    def _in_memory(self, call: Node) -> bool:
        """`new uint256[](n)` and `new bytes(n)` are memory."""
        return kind_of(call) is Kind.CREATION and "_contract$" not in type_of(call)

    def _calls(self, call: Node, varying: frozenset[int], depth: int) -> bool:
        function = called(self._code, call)
        if function is None or depth > _DEEPEST or self._moves(function):
            return False
        parameters = function["parameters"]["parameters"]
        given = call["arguments"]
        if len(given) < len(parameters):
            # `using for`: what stands before the dot is the first.
            given = [call["expression"].get("expression", call), *given]
        inside = {
            parameter["id"]
            for parameter, argument in zip(parameters, given, strict=False)
            if self._mentions(argument, varying)
        }
        counters = {
            one
            for one in assigned(function["body"])
            if (self._code.nodes.get(one) or {}).get("stateVariable")
        }
        return any(
            True
            for _ in self._in(function["body"], self._spread(function["body"], inside | counters), depth + 1)
        )

    def _spread(self, node: Node, varying: set[int]) -> frozenset[int]:
        """Also the variables that are made from such."""
        found = set(varying)
        for one in walk(node, "VariableDeclarationStatement"):
            value = one.get("initialValue")
            if value and self._mentions(value, found):
                found |= {declared["id"] for declared in one["declarations"] if declared}
        return frozenset(found)

    def _mentions(self, node: Node, varying: set[int] | frozenset[int]) -> bool:
        return any(one.get("referencedDeclaration") in varying for one in walk(node, "Identifier"))

    def _is_new(self, node: Node, varying: frozenset[int]) -> bool:
        """Whether an expression stands for a slot of storage that is another in each turn."""
        differs, stored = False, False
        while node["nodeType"] in ("IndexAccess", "MemberAccess"):
            if node["nodeType"] == "IndexAccess":
                base, index = node["baseExpression"], node.get("indexExpression")
                differs = differs or bool(index and self._mentions(index, varying))
            else:
                base = node["expression"]
            stored = stored or "_storage" in type_of(base) or type_of(base).startswith("t_mapping")
            node = base
        if node["nodeType"] == "FunctionCall":
            return stored and (differs or self._mentions(node, varying))
        declared = self._code.declaration(node) or {}
        pointer = declared.get("storageLocation") == "storage" and not declared.get("stateVariable")
        return stored and (differs or (pointer and declared["id"] in varying))

    def _is_zero(self, node: Node) -> bool:
        if node["nodeType"] == "Literal" and node.get("value") in ("false", ""):
            return True
        if node["nodeType"] == "FunctionCall" and node.get("kind") == "typeConversion":
            return self._is_zero(node["arguments"][0])
        return self._code.number(node) == 0
