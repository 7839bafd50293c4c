"""Volatile data is read, and heavy computing comes after it."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import shown
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.effects import Weight
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

NAME = "volatile-before-compute"


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each function: the first read, and the heaviest behind it."""
    detained = subject.costs.detained_compute
    if detained is None:
        return
    reads = detained // subject.costs.slot_read.total
    seen = set()
    for function in subject.code.asked("FunctionDefinition"):
        crossing = subject.effects.function(function).crossing if function.get("body") else None
        if crossing is None or (where := crossing[0].node["src"]) in seen:
            continue
        seen.add(where)
        read, heavy = crossing
        harmless = heavy.weight is Weight.CALL or function["stateMutability"] in ("view", "pure")
        through = (
            "" if read.node["nodeType"] == "MemberAccess" else f" (through `{subject.code.text(read.node)}`)"
        )
        yield subject.found(
            NAME,
            Level.NOTE if harmless else Level.WARNING,
            f"{shown(read.name)} is read{through} before {heavy.text}: from then on the transaction has "
            f"{detained:,} compute gas left, as much as {reads:,} first reads of slots take",
            read.node,
            {"detained_compute_gas": detained},
            [(f"{heavy.text} comes after it", heavy.node)],
        )


def measures(costs: Costs) -> list[tuple[str, str]]:
    """The limits before and after."""
    limit, detained = costs.compute_limit, costs.detained_compute
    return [
        ("compute gas of a transaction", "no limit" if limit is None else f"{limit:,}"),
        ("compute gas after a volatile read", "no limit" if detained is None else f"{detained:,}"),
        ("reads that detain", ", ".join(sorted(map(shown, costs.detaining)))),
    ]


RULE = Rule(
    NAME,
    "Volatile data is read before heavy computing",
    "Who reads the block's time, number, base fee, beneficiary and the like, a block hash or MegaETH's "
    "oracle is detained: the transaction's limit of compute gas falls to a small amount above what it has "
    "used so far, whatever its gas limit, so that it cannot hold up others that depend on the same data. "
    "It halts when that is used up. The limit is the transaction's: it also binds contracts that are "
    "called afterwards, and the caller when they return.",
    "Compute first and read late: put the check of a deadline behind the loop, or into a transaction of "
    "its own. Bound loops. Pass a time in as an argument and check it at the end.",
    f"{SPECIFICATION}/gas-detention.md",
    check,
    measures,
)
