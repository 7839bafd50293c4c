"""Hashes and times of blocks, of which there is one a second for a hundred mini-blocks."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import volatile
from megaeth_cli.lint.code import Node, type_of, walk
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

HASH, SECOND = "block-hash", "same-second"
_HASHES_KEPT = 256
"""Blocks whose hashes BLOCKHASH knows (Yellow Paper)."""
_MINI_BLOCKS = "https://github.com/megaeth-labs/documentation/blob/main/docs/mini-block.md"


def check_hashes(subject: Subject) -> Iterator[Finding]:
    """Every read of a block's hash."""
    seconds = round(_HASHES_KEPT * subject.costs.block_time_s)
    minis = subject.costs.mini_blocks_per_timestamp
    for node in subject.code.asked("FunctionCall", "YulFunctionCall"):
        if volatile(subject.code, node) == "blockhash":
            yield subject.found(
                HASH,
                Level.WARNING,
                f"a block's hash is known for {seconds} seconds only, and is the same in all {minis} "
                "mini-blocks of the next block, whose sender can see it before he sends",
                node,
                {"known_for_seconds": seconds, "mini_blocks_per_block": minis},
            )


def check_seconds(subject: Subject) -> Iterator[Finding]:
    """Places that take it for granted that time goes on between two transactions."""
    minis = subject.costs.mini_blocks_per_timestamp
    for node, what in _assumptions(subject):
        yield subject.found(
            SECOND,
            Level.WARNING,
            f"{what}: `block.timestamp` is the same in all {minis} mini-blocks of a second",
            node,
            {"mini_blocks_per_second": minis},
        )


def _assumptions(subject: Subject) -> Iterator[tuple[Node, str]]:
    remembered = _remembered(subject)
    for node in subject.code.asked("BinaryOperation", "IndexAccess", "FunctionCall"):
        match node["nodeType"]:
            case "BinaryOperation" if node["operator"] == "/":
                if _contains(subject, node["rightExpression"]):
                    yield node, "a division by time that has passed fails within the second"
            case "BinaryOperation" if node["operator"] in ("==", "!=", "<", ">"):
                yield from _comparison(subject, node, remembered)
            case "IndexAccess" if type_of(node["baseExpression"]).startswith("t_mapping"):
                if node.get("indexExpression") and _is_time(subject, node["indexExpression"]):
                    yield node, "what is kept under the time is overwritten within the second"
            case "FunctionCall" if type_of(node["expression"]).startswith("t_function_keccak256"):
                if _contains(subject, node):
                    yield node, "a hash of the time is no identifier and no chance"


def _comparison(subject: Subject, node: Node, remembered: set[int]) -> Iterator[tuple[Node, str]]:
    sides = (node["leftExpression"], node["rightExpression"])
    for (time, other), later in ((sides, ">"), (sides[::-1], "<")):
        if not _is_time(subject, time):
            continue
        if node["operator"] == "==":
            yield node, "a comparison with a time for equality holds for many transactions, or none"
        elif node["operator"] in (later, "!=") and _variable(subject, other) in remembered:
            yield node, "a comparison with the time of the last use fails within the second"


def _remembered(subject: Subject) -> set[int]:
    """Variables of the state that are set to the time itself: when something was last done."""
    found = set()
    for node in (one for tree in subject.code.program.trees for one in walk(tree.root, "Assignment")):
        if node["operator"] == "=" and _is_time(subject, node["rightHandSide"]):
            variable = _variable(subject, node["leftHandSide"])
            if variable is not None:
                found.add(variable)
    return found


def _variable(subject: Subject, node: Node) -> int | None:
    """The variable of the state, or the member of a struct, that an expression is."""
    while node["nodeType"] == "IndexAccess":
        node = node["baseExpression"]
    declared = subject.code.declaration(node)
    if declared is None or declared["nodeType"] != "VariableDeclaration":
        return None
    return declared["id"] if declared.get("stateVariable") or node["nodeType"] == "MemberAccess" else None


def _is_time(subject: Subject, node: Node) -> bool:
    """Whether an expression is the time itself, perhaps made smaller."""
    if node["nodeType"] == "FunctionCall" and node.get("kind") == "typeConversion":
        return _is_time(subject, node["arguments"][0])
    return volatile(subject.code, node) == "timestamp"


def _contains(subject: Subject, node: Node) -> bool:
    return any(volatile(subject.code, one) == "timestamp" for one in walk(node))


def measure_hashes(costs: Costs) -> list[tuple[str, str]]:
    """How long a hash is known."""
    return [
        (
            "seconds that a block's hash is known",
            f"{round(_HASHES_KEPT * costs.block_time_s)} (on Ethereum 3,072)",
        ),
        ("mini-blocks that see the same hashes", str(costs.mini_blocks_per_timestamp)),
    ]


def measure_seconds(costs: Costs) -> list[tuple[str, str]]:
    """How many mini-blocks have one time."""
    return [("mini-blocks with the same `block.timestamp`", str(costs.mini_blocks_per_timestamp))]


HASH_RULE = Rule(
    HASH,
    "A block's hash is relied upon",
    "Blocks come every second, so that the 256 hashes that a contract can look up reach back four minutes "
    "and not fifty. The hash is that of the last whole block: everybody knows it for a second before "
    "transactions that use it are executed. The read also detains the transaction "
    "(volatile-before-compute).",
    "Take randomness from a commitment that is revealed later, or from an oracle. To remember a block, "
    "store what is needed while it is known.",
    f"{SPECIFICATION}/gas-detention.md",
    check_hashes,
    measure_hashes,
)
SECOND_RULE = Rule(
    SECOND,
    "Time is expected to go on between transactions",
    "A block's timestamp is in whole seconds, and the transactions of all its mini-blocks have the same. "
    "On Ethereum two transactions of one user rarely share a block; here they do.",
    "Allow for no time having passed, order by a counter, or read microseconds from `HighPrecisionTimestamp` "
    "(`0x6342000000000000000000000000000000000002`), which detains the transaction like any volatile read.",
    _MINI_BLOCKS,
    check_seconds,
    measure_seconds,
)
