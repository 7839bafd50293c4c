"""Code is dear: deploying a contract, creating one from another, keeping data as code."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import YUL_CREATIONS, Kind, kind_of, yul_name
from megaeth_cli.lint.code import Node, type_of, walk
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.findings import Deployment, Finding, Level, Place
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

DEPLOYMENT, CREATION = "deployment-gas", "contract-creation"
ETHEREUM_TRANSACTION_GAS = 1 << 24
"""What a transaction may have on Ethereum (EIP-7825), and what tools that know Ethereum believe in."""
_EXAMPLE_BYTES = 24_576
"""The largest contract on Ethereum (EIP-170)."""
_WORD = 32


def check_deployments(subject: Subject) -> Iterator[Finding]:
    """Contracts whose deployment takes more gas than a transaction has on Ethereum."""
    nodes = {
        (subject.code.place(node), node["name"]): node for node in subject.code.asked("ContractDefinition")
    }
    for one in subject.deployments:
        if one.gas > ETHEREUM_TRANSACTION_GAS:
            yield subject.found(
                DEPLOYMENT,
                Level.NOTE,
                f"deploying {one.contract} takes {one.gas:,} gas and what its constructor does: "
                f"{one.storage_gas:,} of it is storage gas, for {one.runtime_bytes:,} bytes of code (on "
                f"Ethereum {one.ethereum_gas:,})",
                nodes[one.place, one.contract],
                {"deployment_gas": one.gas, "storage_gas": one.storage_gas, "code_bytes": one.runtime_bytes},
            )


def check_creations(subject: Subject) -> Iterator[Finding]:
    """`new` and assembly that creates contracts."""
    byte = subject.costs.code_byte
    if not byte.storage:
        return
    sizes = {(one.place, one.contract): one for one in subject.deployments}
    for node in subject.code.asked("FunctionCall", "YulFunctionCall"):
        if node["nodeType"] == "FunctionCall":
            if kind_of(node) is Kind.CREATION and "t_contract$" in type_of(node):
                yield _created(subject, node, sizes)
        elif yul_name(node) in YUL_CREATIONS:
            yield _assembled(subject, node)


def _created(subject: Subject, node: Node, sizes: dict[tuple[Place, str], Deployment]) -> Finding:
    byte = subject.costs.code_byte
    made = _type_name(node)
    name = subject.code.text(made)
    contract = subject.code.declaration(made) or subject.code.declaration(made.get("pathNode"))
    known = sizes.get((subject.code.place(contract), contract["name"])) if contract else None
    gas = known.runtime_bytes * byte.total if known else byte.total
    amount = (
        f"{gas:,} gas for {known.runtime_bytes:,} bytes of code"
        if known
        else f"{gas:,} gas a byte of its code"
    )
    heavy = known is not None and gas > ETHEREUM_TRANSACTION_GAS
    return subject.found(
        CREATION,
        Level.WARNING if heavy else Level.NOTE,
        f"each `new {name}` takes {amount}",
        node,
        {"creation_gas" if known else "code_byte_gas": gas},
    )


def _type_name(node: Node) -> Node:
    found: Node = next(walk(node["expression"], "NewExpression"))["typeName"]
    return found


def _assembled(subject: Subject, node: Node) -> Finding:
    byte, slot = subject.costs.code_byte, subject.costs.new_slot
    size = node["arguments"][2]
    if size["nodeType"] == "YulLiteral":
        length = int(size["value"], 0)
        return subject.found(
            CREATION,
            Level.NOTE,
            f"each `{yul_name(node)}` takes {byte.total:,} gas a byte of code, up to "
            f"{byte.total * length:,} for what fits into {length} bytes",
            node,
            {"code_byte_gas": byte.total, "most_creation_gas": byte.total * length},
        )
    return subject.found(
        CREATION,
        Level.WARNING,
        f"`{yul_name(node)}` makes code of any length from memory, at {byte.total:,} gas a byte; in "
        f"storage a byte takes {slot.total // _WORD:,} (a slot {slot.total:,})",
        node,
        {"code_byte_gas": byte.total, "slot_gas": slot.total},
    )


def measures(costs: Costs) -> list[tuple[str, str]]:
    """Gas for a byte, and for Ethereum's largest contract."""
    byte, ethereum = costs.code_byte, costs.ethereum.code_byte
    return [
        ("gas for a byte of code", f"{byte.total:,} (on Ethereum {ethereum.total:,})"),
        (f"gas for {_EXAMPLE_BYTES:,} bytes", f"{byte.total * _EXAMPLE_BYTES:,}"),
        ("gas for a new slot, 32 bytes", f"{costs.new_slot.total:,}"),
    ]


DEPLOYMENT_RULE = Rule(
    DEPLOYMENT,
    "Deploying takes more gas than a transaction has on Ethereum",
    "Beside Ethereum's gas a contract's code takes storage gas for each of its bytes. Tools that estimate "
    "by themselves (`forge script`'s simulation, fixed gas limits in deployment scripts) send too little, "
    "and the deployment runs out of gas.",
    "Have a node of MegaETH estimate (`eth_estimateGas`), run `forge script` with "
    "`--skip-simulation` or `--gas-limit`, and make code smaller: optimizer on, `--via-ir`, libraries "
    "that are deployed once, proxies for what is deployed often.",
    f"{SPECIFICATION}/dual-gas-model.md",
    check_deployments,
    measures,
)
CREATION_RULE = Rule(
    CREATION,
    "A contract creates contracts, or keeps data as code",
    "What is paid for a byte of code makes factories dear, and turns the trick around that keeps data as "
    "the code of a contract (SSTORE2), because reading code is cheap: on MegaETH a byte of code costs "
    "more than a byte of storage.",
    "Deploy one implementation and minimal proxies of it. Keep data in storage, or in logs if no contract "
    "reads it.",
    f"{SPECIFICATION}/dual-gas-model.md",
    check_creations,
    measures,
)
