"""How often a loop may turn: a constant, or what the caller gives, or what lies in storage."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from megaeth_cli.lint.calls import called
from megaeth_cli.lint.code import FUNCTIONS, Code, Node, type_of, walk

LOOPS = ("ForStatement", "WhileStatement", "DoWhileStatement")
MAX_HALVINGS = 256
"""Turns of a loop that halves a word, at most."""
MAX_UINT8 = 255
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "!="})
_FIXED_ARRAY = re.compile(r"t_array\$_.*\$(\d+)_(?:storage|memory|calldata)(?:_ptr|_slice)?")
_DEEPEST = 12


class Extent(enum.IntEnum):
    """Where a number comes from, the more dangerous the higher."""

    CONSTANT = 0
    UNKNOWN = 1
    INPUT = 2
    """From the caller, who may split his work over several transactions."""
    STATE = 3
    """From storage, which others may have made long."""


@dataclass(frozen=True)
class Bound:
    """How often a loop turns."""

    extent: Extent
    text: str = ""
    """What says so, as the source has it."""
    count: int | None = None
    """Of a constant: how often."""
    is_number: bool = False
    """The number itself was given, and not as many things as are counted, each of which has cost something."""


def assigned(node: Node) -> set[int]:
    """The variables that are declared or assigned in a node, by their declarations."""
    found: set[int] = set()
    for one in walk(node, "Assignment", "UnaryOperation", "VariableDeclaration"):
        if one["nodeType"] == "VariableDeclaration":
            found.add(one["id"])
        elif one["nodeType"] == "Assignment":
            found |= _targets(one["leftHandSide"])
        elif one["operator"] in ("++", "--", "delete"):
            found |= _targets(one["subExpression"])
    return found


def _targets(node: Node) -> set[int]:
    if node["nodeType"] == "TupleExpression":
        return set().union(*(_targets(one) for one in node["components"] if one))
    reference = node.get("referencedDeclaration") if node["nodeType"] == "Identifier" else None
    return {reference} if isinstance(reference, int) else set()


class Loops:
    """The loops of a program."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def bound(self, loop: Node) -> Bound:
        """How often one turns."""
        if self._halves(loop):
            return Bound(Extent.CONSTANT, count=MAX_HALVINGS)
        condition = loop.get("condition")
        if (
            not condition
            or condition["nodeType"] != "BinaryOperation"
            or condition["operator"] not in _COMPARISONS
        ):
            return Bound(Extent.UNKNOWN)
        changed = assigned(loop)
        counters: list[Node] = []
        limits: list[Node] = []
        for one in (condition["leftExpression"], condition["rightExpression"]):
            (counters if _targets(one) & changed else limits).append(one)
        if len(limits) != 1:
            return Bound(Extent.UNKNOWN)
        end = self.extent(limits[0])
        begin = self.extent(counters[0], initial=True) if counters else Bound(Extent.CONSTANT, count=0)
        if end.extent is Extent.CONSTANT and begin.extent is Extent.CONSTANT:
            return Bound(Extent.CONSTANT, end.text, abs((end.count or 0) - (begin.count or 0)))
        return max(end, begin, key=lambda one: one.extent)

    def extent(self, node: Node, depth: int = 0, *, initial: bool = False) -> Bound:
        """Where the value of an expression comes from. `initial`: of a variable, its first value."""
        text = self._code.text(node)
        number = self._code.number(node)
        if number is not None:
            return Bound(Extent.CONSTANT, text, number)
        if depth > _DEEPEST:
            return Bound(Extent.UNKNOWN, text)
        if type_of(node) == "t_uint8":
            return Bound(Extent.CONSTANT, text, MAX_UINT8)
        match node["nodeType"]:
            case "Identifier":
                return self._variable(node, text, depth, initial)
            case "TupleExpression" if len(node["components"]) == 1:
                return self.extent(node["components"][0], depth + 1, initial=initial)
            case "BinaryOperation":
                return self._largest([node["leftExpression"], node["rightExpression"]], depth)
            case "MemberAccess" if node["memberName"] == "length":
                return self._length(node["expression"], text, depth)
            case "MemberAccess" | "IndexAccess":
                return Bound(self._origin(node), text, is_number=True)
            case "FunctionCall":
                return self._call(node, text, depth)
        return Bound(Extent.UNKNOWN, text)

    def _variable(self, node: Node, text: str, depth: int, initial: bool) -> Bound:
        declared = self._code.declaration(node)
        if declared is None or declared["nodeType"] != "VariableDeclaration":
            return Bound(Extent.UNKNOWN, text)
        if declared.get("stateVariable"):
            mutable = declared.get("mutability", "mutable") == "mutable" and not declared.get("constant")
            return Bound(Extent.STATE if mutable else Extent.UNKNOWN, text, is_number=True)
        if self._is_parameter(declared):
            return Bound(Extent.INPUT, text, is_number=True)
        value = self._initial(declared)
        if value is None:
            # A variable that is only declared begins with zero.
            return Bound(Extent.CONSTANT, text, 0) if initial else Bound(Extent.UNKNOWN, text)
        found = self.extent(value, depth + 1)
        return Bound(found.extent, found.text or text, found.count, found.is_number)

    def _initial(self, declared: Node) -> Node | None:
        statement = self._code.enclosing(declared, "VariableDeclarationStatement")
        if statement is None or len(statement["declarations"]) != 1:
            return None
        value: Node | None = statement.get("initialValue")
        return value

    def _is_parameter(self, declared: Node) -> bool:
        function = self._code.enclosing(declared, *FUNCTIONS)
        parameters = (function or {}).get("parameters") or {}
        return any(one["id"] == declared["id"] for one in parameters.get("parameters", ()))

    def _length(self, of: Node, text: str, depth: int) -> Bound:
        described = type_of(of)
        if fixed := _FIXED_ARRAY.fullmatch(described):
            return Bound(Extent.CONSTANT, text, int(fixed[1]))
        origin = self._origin(of)
        if origin is Extent.UNKNOWN and of["nodeType"] == "Identifier":
            declared = self._code.declaration(of)
            value = self._initial(declared) if declared else None
            if value is not None and value["nodeType"] == "FunctionCall":
                return Bound(self._call(value, text, depth + 1).extent, text)
        return Bound(origin, text)

    def _origin(self, node: Node) -> Extent:
        """Of something with members or elements: where it lies."""
        if "_storage" in type_of(node):
            return Extent.STATE
        while node["nodeType"] in ("MemberAccess", "IndexAccess", "IndexRangeAccess"):
            node = node["expression"] if node["nodeType"] == "MemberAccess" else node["baseExpression"]
            if "_storage" in type_of(node) or type_of(node).startswith("t_mapping"):
                return Extent.STATE
        declared = self._code.declaration(node) if node["nodeType"] == "Identifier" else None
        if declared is None:
            return Extent.UNKNOWN
        if declared.get("stateVariable"):
            return Extent.STATE
        return Extent.INPUT if self._is_parameter(declared) else Extent.UNKNOWN

    def _call(self, node: Node, text: str, depth: int) -> Bound:
        if node.get("kind") == "typeConversion":
            return self.extent(node["arguments"][0], depth + 1)
        function = called(self._code, node)
        if function is None:
            return Bound(Extent.UNKNOWN, text)
        if function["stateMutability"] != "pure":
            return Bound(Extent.STATE, text, is_number=True)
        bounds = [self.extent(one, depth + 1) for one in node["arguments"]]
        if function["name"] == "min" and any(one.extent is Extent.CONSTANT for one in bounds):
            return min(bounds, key=lambda one: one.extent)
        return max(bounds, key=lambda one: one.extent, default=Bound(Extent.UNKNOWN, text))

    def _largest(self, nodes: list[Node], depth: int) -> Bound:
        return max((self.extent(one, depth + 1) for one in nodes), key=lambda one: one.extent)

    def _halves(self, loop: Node) -> bool:
        """Whether something shrinks by a factor in each turn, as in searches, conversions and walks up a tree.

        That is a variable that is divided itself, or one of the condition that is set to something divided.
        """
        condition = loop.get("condition")
        endless = not condition or condition["nodeType"] == "Literal"
        identifiers = walk(condition, "Identifier") if condition else ()
        looked_at = {one["referencedDeclaration"] for one in identifiers}
        return any(
            self._divides_itself(one)
            or ((endless or _targets(one["leftHandSide"]) & looked_at) and self._divides(one, loop))
            for one in walk(loop, "Assignment")
        )

    def _divides_itself(self, assignment: Node) -> bool:
        if assignment["operator"] in ("/=", ">>="):
            return self._is_factor(assignment["operator"][:-1], assignment["rightHandSide"])
        value = assignment["rightHandSide"]
        return (
            value["nodeType"] == "BinaryOperation"
            and bool(_targets(assignment["leftHandSide"]) & _targets(value["leftExpression"]))
            and self._is_factor(value["operator"], value["rightExpression"])
        )

    def _divides(self, assignment: Node, loop: Node) -> bool:
        seen = [assignment["rightHandSide"]]
        for one in walk(assignment["rightHandSide"], "Identifier"):
            # `middle` of a search, declared in the loop.
            declared = self._code.declaration(one)
            if declared is not None and declared["nodeType"] == "VariableDeclaration":
                value = self._initial(declared)
                if value is not None and loop in self._code.parents(declared):
                    seen.append(value)
        return any(self._contains_division(one) for one in seen)

    def _contains_division(self, node: Node) -> bool:
        for one in walk(node, "BinaryOperation", "FunctionCall"):
            if one["nodeType"] == "BinaryOperation":
                if self._is_factor(one["operator"], one["rightExpression"]):
                    return True
                continue
            function = called(self._code, one)
            if function is not None and function["stateMutability"] == "pure":
                body = walk(function["body"], "BinaryOperation")
                if any(self._is_factor(inner["operator"], inner["rightExpression"]) for inner in body):
                    return True
        return False

    def _is_factor(self, operator: str, by: Node) -> bool:
        value = self._code.number(by)
        return value is not None and ((operator == "/" and value > 1) or (operator == ">>" and value > 0))
