"""What kind of call an expression is, whom it calls, and which volatile data an expression reads."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from megaeth_cli.lint.code import Code, Node, type_of, walk
from megaeth_cli.lint.costs import HIGH_PRECISION_TIMESTAMP, ORACLE


class Kind(enum.Enum):
    """What a call does."""

    INTERNAL = "internal"
    """Runs code of the same program, libraries' public functions included."""
    EXTERNAL = "external"
    """Calls a function of another contract."""
    BARE = "bare"
    """`call`, `delegatecall`, `staticcall`."""
    CREATION = "creation"
    """`new` of a contract."""
    TRANSFER = "transfer"
    """`transfer` and `send`."""
    PUSH = "push"
    EVENT = "event"
    OTHER = "other"


_KINDS = (
    ("t_function_internal", Kind.INTERNAL),
    ("t_function_delegatecall", Kind.INTERNAL),
    ("t_function_external", Kind.EXTERNAL),
    ("t_function_bare", Kind.BARE),
    ("t_function_creation", Kind.CREATION),
    ("t_function_transfer", Kind.TRANSFER),
    ("t_function_send", Kind.TRANSFER),
    ("t_function_arraypush", Kind.PUSH),
    ("t_function_event", Kind.EVENT),
)
_READ_ONLY = ("t_function_external_view", "t_function_external_pure", "t_function_barestaticcall")
_BLOCK_MEMBERS = frozenset(
    {
        "timestamp",
        "number",
        "coinbase",
        "difficulty",
        "prevrandao",
        "gaslimit",
        "basefee",
        "blobbasefee",
    }
)
_HASHES = ("blockhash", "blobhash")
_ORACLES = frozenset({int(ORACLE, 16), int(HIGH_PRECISION_TIMESTAMP, 16)})
YUL_CALLS = frozenset({"call", "callcode", "delegatecall", "staticcall"})
YUL_CREATIONS = frozenset({"create", "create2"})
YUL_STORAGE = frozenset({"sload", "sstore"})


def kind_of(call: Node) -> Kind:
    """The kind of a FunctionCall."""
    described = type_of(call["expression"])
    return next((kind for prefix, kind in _KINDS if described.startswith(prefix)), Kind.OTHER)


def is_read_only(call: Node) -> bool:
    """Whether a call leaves no state and no log behind, whatever it calls."""
    return type_of(call["expression"]).startswith(_READ_ONLY)


def callee(call: Node) -> Node:
    """What is called, without gas and value."""
    found: Node = call["expression"]
    while True:
        if found["nodeType"] == "FunctionCallOptions":
            found = found["expression"]
        elif found["nodeType"] == "FunctionCall" and type_of(found["expression"]).startswith(
            ("t_function_setgas", "t_function_setvalue")
        ):
            found = found["expression"]["expression"]
        else:
            return found


def called(code: Code, call: Node) -> Node | None:
    """The function that an internal call runs, if its code is known."""
    if kind_of(call) is not Kind.INTERNAL:
        return None
    found = code.declaration(callee(call))
    return (
        found
        if found is not None and found["nodeType"] == "FunctionDefinition" and found.get("body")
        else None
    )


def yul_name(call: Node) -> str:
    """The name of the function that a YulFunctionCall calls."""
    return str(call["functionName"]["name"])


def volatile(code: Code, node: Node) -> str | None:
    """Which data of the block or the oracle a node itself reads, by its name in Solidity."""
    match node["nodeType"]:
        case "MemberAccess" if type_of(node["expression"]) == "t_magic_block":
            return str(node["memberName"]) if node["memberName"] in _BLOCK_MEMBERS else None
        case "Identifier" if node["name"] == "now" and code.declaration(node) is None:
            return "timestamp"
        case "FunctionCall":
            described = type_of(node["expression"])
            if found := next((one for one in _HASHES if described.startswith(f"t_function_{one}")), None):
                return found
            return (
                "oracle" if kind_of(node) in (Kind.EXTERNAL, Kind.BARE) and _is_oracle(code, node) else None
            )
        case "YulFunctionCall" if (name := yul_name(node)) in _BLOCK_MEMBERS or name in _HASHES:
            return name
    return None


def shown(name: str) -> str:
    """How volatile data is written in Solidity."""
    if name == "oracle":
        return "the oracle"
    return f"{name}()" if name in _HASHES else f"block.{name}"


def options(call: Node) -> Iterator[tuple[str, Node]]:
    """The options of a call: `gas` and `value`, with what they are given."""
    found: Node = call["expression"]
    while found["nodeType"] in ("FunctionCallOptions", "FunctionCall"):
        if found["nodeType"] == "FunctionCallOptions":
            yield from zip(found["names"], found["options"], strict=True)
            found = found["expression"]
            continue
        described = type_of(found["expression"])
        if not described.startswith(("t_function_setgas", "t_function_setvalue")):
            return
        yield str(found["expression"]["memberName"]), found["arguments"][0]
        found = found["expression"]["expression"]


def _is_oracle(code: Code, call: Node) -> bool:
    # The address itself, or a constant that holds it, perhaps made a contract type.
    return any(_address(code, one) in _ORACLES for one in walk(callee(call), "Literal", "Identifier"))


def _address(code: Code, node: Node) -> int | None:
    if node["nodeType"] == "Literal":
        return int(node["value"], 16) if str(node.get("value") or "").startswith("0x") else None
    declared = code.declaration(node)
    if declared is None or declared["nodeType"] != "VariableDeclaration" or not declared.get("constant"):
        return None
    literals = list(walk(declared["value"], "Literal")) if declared.get("value") else []
    return _address(code, literals[0]) if len(literals) == 1 else None
