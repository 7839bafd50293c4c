"""Loops that may create more slots and accounts than a transaction may."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.costs import CROWDED, Costs
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.loops import LOOPS, Bound, Extent
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

NAME = "slots-in-loop"
_LEVELS = {Extent.STATE: Level.WARNING, Extent.INPUT: Level.NOTE, Extent.UNKNOWN: Level.NOTE}


def check(subject: Subject) -> Iterator[Finding]:
    """Loops that create slots and are not bounded below the limit."""
    limit = subject.costs.state_growth_limit
    if limit is None:
        return
    for loop in subject.code.asked(*LOOPS):
        growing = subject.growth.in_loop(loop)
        if not growing:
            continue
        bound = subject.loops.bound(loop)
        most = len(growing) * (bound.count or 0)
        if bound.extent is Extent.CONSTANT and most <= limit:
            continue
        level = Level.ERROR if bound.extent is Extent.CONSTANT else _LEVELS[bound.extent]
        gas = limit * subject.costs.new_slot.total
        yield subject.found(
            NAME,
            level,
            f"{_told(bound, len(growing), most)}: a transaction may create {limit:,} slots and accounts, "
            f"which takes {gas:,} gas, and reverts beyond",
            loop,
            {"state_growth_limit": limit, "slot_gas": subject.costs.new_slot.total},
            [("creates one", node) for node in growing],
        )


def _told(bound: Bound, each: int, most: int) -> str:
    slots = "a slot" if each == 1 else f"{each} slots"
    match bound.extent:
        case Extent.CONSTANT:
            return f"a loop of {bound.count:,} turns may create {most:,} slots"
        case Extent.STATE:
            return f"a loop up to `{bound.text}`, which lies in storage, may create {slots} in each turn"
        case Extent.INPUT:
            return f"a loop up to `{bound.text}`, which the caller chooses, may create {slots} in each turn"
    return f"a loop may create {slots} in each turn"


def measures(costs: Costs) -> list[tuple[str, str]]:
    """The limit, and what it takes to reach it."""
    limit = costs.state_growth_limit
    return [
        ("slots and accounts that a transaction may create", "no limit" if limit is None else f"{limit:,}"),
        ("gas for a new slot", f"{costs.new_slot.total:,}"),
        (f"the same in a bucket {CROWDED} times as large", f"{costs.crowded.new_slot.total:,}"),
    ]


RULE = Rule(
    NAME,
    "A loop may create more slots than a transaction may",
    "A transaction may make the state grow by so many slots and accounts, and so may all of a block "
    "together, whatever its gas limit. A loop over something in storage that others can make long then "
    "fails for ever; one over what the caller gives needs a caller who splits his work.",
    "Work in pages: take a first and a last index. Bound the length of what is looped over. Have each "
    "account collect for itself instead of distributing in a loop. Setting slots that exist, or to zero, "
    "does not count.",
    f"{SPECIFICATION}/resource-limits.md",
    check,
    measures,
)
