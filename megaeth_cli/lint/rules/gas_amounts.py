"""Amounts of gas that stand in the source: for callees, for a transaction, for the share that a call passes on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from megaeth_cli.lint.calls import Kind, is_read_only, kind_of, options, yul_name
from megaeth_cli.lint.code import Node, type_of, walk
from megaeth_cli.lint.costs import CROWDED, Costs
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

FIXED, INTRINSIC, FORWARDED, STIPEND = "fixed-gas", "intrinsic-gas", "forwarded-gas", "stipend"
_YUL_WITH_STATE = frozenset({"call", "callcode", "delegatecall"})
_TRANSFER_TOPICS, _TRANSFER_BYTES = 3, 32
"""Of the event that ERC-20 emits for a transfer."""
_STATEMENTS = (
    "ExpressionStatement",
    "VariableDeclarationStatement",
    "VariableDeclaration",
    "Return",
    "IfStatement",
    "YulAssignment",
    "YulVariableDeclaration",
    "YulIf",
    "YulExpressionStatement",
)


def event_gas(costs: Costs) -> int:
    """Gas for the event of an ERC-20 transfer, what its topics and data take."""
    return _TRANSFER_TOPICS * costs.log_topic.total + _TRANSFER_BYTES * costs.log_byte.total


def check_fixed(subject: Subject) -> Iterator[Finding]:
    """Calls that may change the state, with a constant amount of gas."""
    costs = subject.costs
    if not costs.log_byte.storage:
        return
    for node in subject.code.asked("FunctionCall", "YulFunctionCall"):
        gas = _given(subject, node)
        if gas:
            yield subject.found(
                FIXED,
                Level.WARNING,
                f"{gas:,} gas for the callee, whatever things cost: the event of a token's transfer takes "
                f"{event_gas(costs):,} (on Ethereum {event_gas(costs.ethereum):,}), a new slot "
                f"{costs.new_slot.total:,}, and {costs.crowded.new_slot.total:,} where the state is "
                f"{CROWDED} times as crowded",
                node,
                {
                    "given_gas": gas,
                    "event_gas": event_gas(costs),
                    "slot_gas": costs.new_slot.total,
                    "crowded_slot_gas": costs.crowded.new_slot.total,
                },
            )


def _given(subject: Subject, node: Node) -> int | None:
    if node["nodeType"] == "YulFunctionCall":
        first = node["arguments"][0] if yul_name(node) in _YUL_WITH_STATE else None
        return int(first["value"], 0) if first and first["nodeType"] == "YulLiteral" else None
    if kind_of(node) not in (Kind.EXTERNAL, Kind.BARE) or is_read_only(node):
        return None
    return next((subject.code.number(value) for name, value in options(node) if name == "gas"), None)


def check_intrinsic(subject: Subject) -> Iterator[Finding]:
    """What a plain transaction takes on Ethereum, as a number in an expression about gas."""
    intrinsic, ethereum = subject.costs.intrinsic.total, subject.costs.ethereum.intrinsic.total
    if intrinsic == ethereum:
        return
    for node in _literals_about_gas(subject, {ethereum}):
        yield subject.found(
            INTRINSIC,
            Level.WARNING,
            f"{ethereum:,} gas is what a plain transaction takes on Ethereum; on MegaETH it takes "
            f"{intrinsic:,}",
            node,
            {"intrinsic_gas": intrinsic, "ethereum_intrinsic_gas": ethereum},
        )


def check_forwarded(subject: Subject) -> Iterator[Finding]:
    """The share of the gas that calls pass on, as on Ethereum."""
    share, ethereum = subject.costs.forwarded, subject.costs.ethereum.forwarded
    if share == ethereum:
        return
    kept = share.denominator - share.numerator
    for node in _literals_about_gas(subject, {ethereum.numerator, ethereum.denominator}):
        above = next(subject.code.parents(node))
        operator = above.get("operator") or (
            yul_name(above) if above["nodeType"] == "YulFunctionCall" else ""
        )
        if operator not in ("*", "/", "mul", "div"):
            continue
        yield subject.found(
            FORWARDED,
            Level.WARNING,
            f"a call passes on {share.numerator}/{share.denominator} of the gas at most, not {ethereum}: "
            f"what is left is up to {kept}/{share.denominator}, and a callee may have run out of gas where "
            "this arithmetic says that it had enough",
            node,
            {"forwarded_percent": round(share * 100)},
        )


def _literals_about_gas(subject: Subject, values: set[int]) -> Iterator[Node]:
    """Numbers in statements that name gas."""
    for node in subject.code.asked("Literal", "YulLiteral"):
        if _value(subject, node) in values and _is_about_gas(subject, node):
            yield node


def _value(subject: Subject, node: Node) -> int | None:
    if node["nodeType"] == "Literal":
        return subject.code.number(node) if type_of(node).startswith("t_rational") else None
    text = str(node.get("value") or "")
    return int(text, 0) if node.get("kind") == "number" and text else None


def _is_about_gas(subject: Subject, node: Node) -> bool:
    statement = subject.code.enclosing(node, *_STATEMENTS)
    if statement is None:
        return False
    if statement["nodeType"] == "IfStatement":
        statement = statement["condition"]
    named = walk(
        statement, "Identifier", "MemberAccess", "VariableDeclaration", "YulIdentifier", "YulTypedName"
    )
    chosen = chain.from_iterable(one["names"] for one in walk(statement, "FunctionCallOptions"))
    names = chain((one.get("memberName") or one.get("name") or "" for one in named), chosen)
    function = (
        subject.code.enclosing(node, "FunctionDefinition") if statement["nodeType"] == "Return" else None
    )
    return any("gas" in name.lower() for name in chain(names, [function["name"]] if function else []))


def check_stipend(subject: Subject) -> Iterator[Finding]:
    """`transfer` and `send`."""
    costs = subject.costs
    fails = not costs.stipend_allows_event
    told = (
        "a receiver that emits one event runs out of gas, which it does not on Ethereum"
        if fails
        else f"a receiver can emit one event, but pays for no new slot ({costs.new_slot.total:,}, and "
        f"{costs.crowded.new_slot.total:,} where the state is {CROWDED} times as crowded)"
    )
    for node in subject.code.asked("FunctionCall"):
        if kind_of(node) is Kind.TRANSFER:
            yield subject.found(
                STIPEND,
                Level.WARNING if fails else Level.NOTE,
                f"`{node['expression']['memberName']}` leaves the receiver the stipend only: {told}",
                node,
                {"slot_gas": costs.new_slot.total, "crowded_slot_gas": costs.crowded.new_slot.total},
            )


def measure_fixed(costs: Costs) -> list[tuple[str, str]]:
    """What callees do, here and on Ethereum."""
    return [
        (
            "gas for the event of a token's transfer",
            f"{event_gas(costs):,} (on Ethereum {event_gas(costs.ethereum):,})",
        ),
        ("gas for a new slot", f"{costs.new_slot.total:,}"),
        (f"the same in a bucket {CROWDED} times as large", f"{costs.crowded.new_slot.total:,}"),
    ]


def measure_intrinsic(costs: Costs) -> list[tuple[str, str]]:
    """Of a transaction that does nothing."""
    return [
        (
            "gas of a plain transaction",
            f"{costs.intrinsic.total:,} (on Ethereum {costs.ethereum.intrinsic.total:,})",
        )
    ]


def measure_forwarded(costs: Costs) -> list[tuple[str, str]]:
    """The share that a call gets."""
    return [
        (
            "share of its gas that a call passes on",
            f"{costs.forwarded} (on Ethereum {costs.ethereum.forwarded})",
        )
    ]


def measure_stipend(costs: Costs) -> list[tuple[str, str]]:
    """What a receiver can do with it."""
    can = "yes" if costs.stipend_allows_event else "no"
    return [("a receiver can emit an event with a topic and a word", can), *measure_fixed(costs)[1:]]


FIXED_RULE = Rule(
    FIXED,
    "A call gets a fixed amount of gas",
    "What a log, a new slot or a new account costs differs from Ethereum, and grows with the bucket of "
    "the state that it lies in: an amount that was measured once is too little tomorrow. Calls that only "
    "read cost what they cost on Ethereum.",
    "Pass on all gas and guard against reentrancy, or take the amount from the caller.",
    f"{SPECIFICATION}/dual-gas-model.md",
    check_fixed,
    measure_fixed,
)
INTRINSIC_RULE = Rule(
    INTRINSIC,
    "The gas of a plain transaction is taken for Ethereum's",
    "Relayers that pay back gas, and scripts that send ether with a gas limit of their own, count on 21,000.",
    "Make it a setting, or estimate.",
    f"{SPECIFICATION}/dual-gas-model.md",
    check_intrinsic,
    measure_intrinsic,
)
FORWARDED_RULE = Rule(
    FORWARDED,
    "The share of gas that calls pass on is taken for Ethereum's",
    "Forwarders check with 63/64 (EIP-150) whether a callee got the gas that a signature asks for. On "
    "MegaETH a call passes on less, so that such a check lets calls pass that had too little gas.",
    "Reckon with the smaller share: at least the amount times 100/98 before the call, or what is left "
    "times 49 after it.",
    f"{SPECIFICATION}/gas-forwarding.md",
    check_forwarded,
    measure_forwarded,
)
STIPEND_RULE = Rule(
    STIPEND,
    "Ether is sent with the stipend only",
    "`transfer` and `send` give the receiver 2,300 gas. Since Rex4 there is an allowance for storage gas "
    "beside it, which pays for an event; before that the first event failed. Receivers that are proxies, "
    "smart accounts (EIP-7702) or count deposits fail as on Ethereum, and where the state is crowded "
    "sooner.",
    'Use `call{value: amount}("")`, check its result, and guard against reentrancy.',
    f"{SPECIFICATION}/gas-forwarding.md",
    check_stipend,
    measure_stipend,
)
