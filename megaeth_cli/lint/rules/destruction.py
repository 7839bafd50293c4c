"""SELFDESTRUCT."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import yul_name
from megaeth_cli.lint.code import type_of
from megaeth_cli.lint.costs import CROWDED, Costs
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

NAME = "selfdestruct"


def check(subject: Subject) -> Iterator[Finding]:
    """Every use of it."""
    gas = subject.costs.selfdestruct
    for node in subject.code.asked("FunctionCall", "YulFunctionCall"):
        if node["nodeType"] == "FunctionCall":
            if not type_of(node["expression"]).startswith("t_function_selfdestruct"):
                continue
        elif yul_name(node) != "selfdestruct":
            continue
        if gas is None:
            told, level, measured = "halts the call under these rules", Level.ERROR, {}
        else:
            stays = (
                "leaves code and storage" if subject.costs.code_survives_selfdestruct else "removes the code"
            )
            told = (
                f"{stays} unless the contract was created in the same transaction; in favour of a new "
                f"account it takes {gas.total:,} gas"
            )
            level, measured = Level.WARNING, {"selfdestruct_gas": gas.total}
        yield subject.found(NAME, level, f"`selfdestruct` {told}", node, measured)


def measures(costs: Costs) -> list[tuple[str, str]]:
    """Gas, and what is left."""
    gas, crowded = costs.selfdestruct, costs.crowded.selfdestruct
    if gas is None or crowded is None:
        return [("SELFDESTRUCT", "halts")]
    return [
        ("code is still there afterwards", "yes" if costs.code_survives_selfdestruct else "no"),
        ("gas in favour of a new account", f"{gas.total:,}"),
        (f"the same in a bucket {CROWDED} times as large", f"{crowded.total:,}"),
    ]


RULE = Rule(
    NAME,
    "SELFDESTRUCT destroys nothing",
    "It halted from MiniRex to Rex1, and since Rex2 it does what EIP-6780 says: it sends the balance "
    "away, and the contract stays. It gives no gas back.",
    "Have a switch in storage that functions look at, or send the balance with a call.",
    f"{SPECIFICATION}/selfdestruct.md",
    check,
    measures,
)
