"""What happens on the paths through a function, in order: volatile reads, and the heavy computing behind them.

A path is what can run in one call: of an `if` both sides are looked at, each for itself; a loop's body is walked twice,
so that what it reads comes before what it does in the next turn. Internal calls and modifiers are followed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from megaeth_cli.lint.calls import (
    YUL_CALLS,
    YUL_CREATIONS,
    YUL_STORAGE,
    Kind,
    called,
    kind_of,
    volatile,
    yul_name,
)
from megaeth_cli.lint.code import Code, Node, children, type_of, walk
from megaeth_cli.lint.loops import Extent, Loops


class Weight(enum.IntEnum):
    """How much computing may be in something."""

    CALL = 1
    """A call of a function that is known by name; a creation."""
    ANYTHING = 2
    """A call with data that others may choose."""
    LOOP = 3
    """A loop whose turns nobody has bounded."""


@dataclass(frozen=True)
class Read:
    """A read of volatile data."""

    node: Node
    """Where, in the function that is looked at: the read itself, or the call that leads to it."""
    name: str


@dataclass(frozen=True)
class Heavy:
    """Something that may compute a lot."""

    node: Node
    """Where, in the function that is looked at."""
    weight: Weight
    what: str
    through: str = ""
    """The function that has it, if it is in one that is called."""

    @property
    def text(self) -> str:
        """In words."""
        return f"`{self.through}`, which {self._verb} {self.what}" if self.through else self.what

    @property
    def _verb(self) -> str:
        return "runs" if self.weight is Weight.LOOP else "makes"


@dataclass(frozen=True)
class Effects:
    """Of a function as a whole."""

    read: Read | None = None
    """What has been read when it returns."""
    heavy: Heavy | None = None
    """The heaviest in it."""
    crossing: tuple[Read, Heavy] | None = None
    """A read, and the heaviest that may come after it in the same call."""


@dataclass(frozen=True)
class _State:
    """At a point of a path."""

    read: Read | None = None
    ended: bool = False


_ENDED = _State(ended=True)


def _joined(*states: _State) -> _State:
    alive = [one for one in states if not one.ended]
    if not alive:
        return _ENDED
    return next((one for one in alive if one.read is not None), alive[0])


class EffectsOf:
    """The effects of a program's functions. `detaining`: which reads count, by name."""

    def __init__(self, code: Code, detaining: frozenset[str], heavy_turns: int) -> None:
        self.code = code
        self.detaining = detaining
        self.loops = Loops(code)
        self._heavy_turns = heavy_turns
        self._known: dict[int, Effects] = {}
        self._costly: dict[int, bool] = {}

    def function(self, function: Node) -> Effects:
        """Of one function with a body; one that calls itself is looked at once."""
        if function["id"] not in self._known:
            self._known[function["id"]] = Effects()
            self._known[function["id"]] = _Walk(self, function).effects()
        return self._known[function["id"]]

    def loop(self, loop: Node) -> Heavy | None:
        """The loop, if it may compute a lot."""
        if loop["nodeType"] == "YulForLoop":
            costly = YUL_CALLS | YUL_CREATIONS | YUL_STORAGE
            heavy = any(yul_name(one) in costly for one in walk(loop, "YulFunctionCall"))
            return Heavy(loop, Weight.LOOP, "a loop in assembly") if heavy else None
        bound = self.loops.bound(loop)
        if bound.extent is Extent.CONSTANT:
            heavy = (bound.count or 0) > self._heavy_turns and self.costly(loop)
        elif bound.extent is Extent.STATE or (bound.extent is Extent.INPUT and bound.is_number):
            heavy = True
        else:
            heavy = self.costly(loop)
        what = f"a loop up to `{bound.text}`" if bound.text else "a loop"
        return Heavy(loop, Weight.LOOP, what) if heavy else None

    def costly(self, node: Node) -> bool:
        """Whether something uses storage, logs or other contracts."""
        if node["id"] in self._costly:
            return self._costly[node["id"]]
        self._costly[node["id"]] = False
        self._costly[node["id"]] = any(self._is_costly(one) for one in walk(node))
        return self._costly[node["id"]]

    def _is_costly(self, node: Node) -> bool:
        match node["nodeType"]:
            case "EmitStatement":
                return True
            case "Identifier":
                declared = self.code.declaration(node)
                return bool(
                    declared
                    and declared.get("stateVariable")
                    and declared.get("mutability", "mutable") == "mutable"
                    and not declared.get("constant")
                )
            case "IndexAccess" | "MemberAccess":
                base = node["baseExpression" if node["nodeType"] == "IndexAccess" else "expression"]
                return "_storage" in type_of(base) or type_of(base).startswith("t_mapping")
            case "FunctionCall":
                if kind_of(node) in (Kind.EXTERNAL, Kind.BARE, Kind.CREATION, Kind.TRANSFER):
                    return True
                function = called(self.code, node)
                return function is not None and self.costly(function)
            case "YulFunctionCall":
                return yul_name(node) in YUL_CALLS | YUL_CREATIONS | YUL_STORAGE
        return False


@dataclass
class _Walk:
    """Through one function."""

    of: EffectsOf
    function: Node
    heavy: Heavy | None = None
    crossing: tuple[Read, Heavy] | None = None
    _exits: list[_State] = field(default_factory=list)
    _breaks: list[_State] = field(default_factory=list)
    _layer: int = 0

    def effects(self) -> Effects:
        end = self._run(0, _State())
        return Effects(end.read, self.heavy, self.crossing)

    # --- modifiers around the body ---

    def _run(self, layer: int, state: _State) -> _State:
        """One modifier, or within the last the body."""
        before, exits, self._layer, self._exits = self._layer, self._exits, layer, []
        modifiers = [found for one in self.function.get("modifiers", ()) if (found := self._modifier(one))]
        body = modifiers[layer]["body"] if layer < len(modifiers) else self.function["body"]
        end = _joined(self._statement(body, state), *self._exits)
        self._layer, self._exits = before, exits
        return end

    def _modifier(self, invocation: Node) -> Node | None:
        found = self.of.code.declaration(invocation["modifierName"])
        return found if found and found["nodeType"] == "ModifierDefinition" and found.get("body") else None

    # --- statements ---

    def _statement(self, node: Node, state: _State) -> _State:
        if state.ended:
            return state
        match node["nodeType"]:
            case "IfStatement" | "Conditional" | "YulIf":
                return self._branches(node, state)
            case "YulSwitch":
                state = self._statement(node["expression"], state)
                return _joined(state, *(self._statement(one["body"], state) for one in node["cases"]))
            case "TryStatement":
                state = self._statement(node["externalCall"], state)
                return _joined(*(self._statement(one["block"], state) for one in node["clauses"]))
            case "ForStatement" | "WhileStatement" | "DoWhileStatement" | "YulForLoop":
                return self._loop(node, state)
            case "Return":
                if node.get("expression"):
                    state = self._statement(node["expression"], state)
                self._exits.append(state)
                return _ENDED
            case "Break" | "YulBreak" | "Continue" | "YulContinue":
                self._breaks.append(state)
                return _ENDED
            case "RevertStatement" | "Throw":
                self._all(node, state)
                return _ENDED
            case "PlaceholderStatement":
                return self._run(self._layer + 1, state)
            case "YulFunctionDefinition":
                return state
        state = self._all(node, state)
        return self._after(node, state)

    def _all(self, node: Node, state: _State) -> _State:
        for child in children(node):
            state = self._statement(child, state)
        return state

    def _branches(self, node: Node, state: _State) -> _State:
        state = self._statement(node["condition"], state)
        sides = [
            node.get(name) for name in ("trueBody", "falseBody", "trueExpression", "falseExpression", "body")
        ]
        ends = [self._statement(one, state) for one in sides if one]
        return _joined(*ends, *([state] if len(ends) < 2 else []))

    def _loop(self, node: Node, state: _State) -> _State:
        with self._in_loop() as breaks:
            for name in ("initializationExpression", "pre"):
                if node.get(name):
                    state = self._statement(node[name], state)
            turned = _joined(self._turn(node, state), *breaks)
            heavy = self.of.loop(node)
            if heavy is not None:
                self._meet(heavy, _joined(state if state.read else turned, turned))
            self._turn(node, turned)
            return _joined(state, turned, *breaks)

    def _turn(self, node: Node, state: _State) -> _State:
        for name in ("condition", "body", "loopExpression", "post"):
            if node.get(name):
                state = self._statement(node[name], state)
        return state

    @contextmanager
    def _in_loop(self) -> Iterator[list[_State]]:
        outer, self._breaks = self._breaks, []
        yield self._breaks
        self._breaks = outer

    # --- what a node does when all below it is done ---

    def _after(self, node: Node, state: _State) -> _State:
        if state.ended:
            return state
        name = volatile(self.of.code, node)
        if name is not None and name in self.of.detaining:
            return state if state.read else _State(Read(node, name))
        match node["nodeType"]:
            case "FunctionCall":
                return self._called(node, state)
            case "YulFunctionCall" if yul_name(node) in YUL_CALLS | YUL_CREATIONS:
                self._meet(Heavy(node, Weight.CALL, f"a `{yul_name(node)}` in assembly"), state)
        return state

    def _called(self, node: Node, state: _State) -> _State:
        if type_of(node["expression"]).startswith(("t_function_revert",)):
            return _ENDED
        function = called(self.of.code, node)
        if function is not None:
            effects = self.of.function(function)
            if effects.heavy is not None:
                self._meet(replace(effects.heavy, node=node, through=function["name"]), state)
            if effects.read is not None and state.read is None:
                return _State(Read(node, effects.read.name))
            return state
        match kind_of(node):
            case Kind.EXTERNAL | Kind.CREATION:
                self._meet(Heavy(node, Weight.CALL, f"the call `{self.of.code.text(node)}`"), state)
            case Kind.BARE:
                chosen = any(one["nodeType"] != "Literal" for one in node["arguments"])
                weight = Weight.ANYTHING if chosen else Weight.CALL
                self._meet(Heavy(node, weight, f"the call `{self.of.code.text(node)}`"), state)
        return state

    def _meet(self, heavy: Heavy, state: _State) -> None:
        if state.ended:
            return
        if self.heavy is None or heavy.weight > self.heavy.weight:
            self.heavy = heavy
        if state.read is not None and (self.crossing is None or heavy.weight > self.crossing[1].weight):
            self.crossing = (state.read, heavy)
