"""A block that was executed again, for people and for programs. Rendering only."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from megaeth_cli.output.bars import columns
from megaeth_cli.output.verification import rules_text
from megaeth_cli.replay.comparison import COMPARED, Comparison, Row
from megaeth_cli.replay.execution import Outcome
from megaeth_cli.units import quantity
from megaeth_cli.visible import one_line

Json = Any

MOST_ROWS = 40
"""Transactions that are shown, if nobody asks for all."""
MOST_DIFFERENCES = 10
_LONGEST = 60


def comparison_text(found: Comparison, *, all_: bool = False) -> str:
    """Who told what, each transaction, and the first differences."""
    parts = [_heading(found)]
    if found.rows:
        parts.append(_table(found, all_=all_))
    if differences := list(_differences(found)):
        more = len(differences) - MOST_DIFFERENCES
        shown = (
            differences if all_ or more <= 0 else [*differences[:MOST_DIFFERENCES], f"  and {more:,} more"]
        )
        parts.append(
            "\n".join(["What differs" if found.spec is None else "What differs besides gas", *shown])
        )
    if found.faults:
        checks = [
            f"  {one.name}\n    chain     {one.actual}\n    executed  {one.expected}" for one in found.faults
        ]
        parts.append("\n".join(["By the chain's own rules the block is not what it says", *checks]))
    parts.append(_verdict(found))
    return "\n\n".join(parts)


def comparison_json(found: Comparison) -> dict[str, Json]:
    """The same for programs."""
    told = found.told
    return {
        "block": told.number,
        "hash": told.block.get("hash"),
        "spec": found.spec,
        "rules": dict(found.effort),
        "stateToldBy": told.told_by,
        "bucketsKnown": told.capacities is not None,
        "same": found.same,
        "transactions": [
            {
                "index": row.place,
                "hash": row.transaction["hash"],
                "chain": _outcome_json(row.chain) if found.is_chain_known else None,
                "executed": _outcome_json(row.executed),
                "differences": list(row.differences),
            }
            for row in found.rows
        ],
        "faults": [{"name": one.name, "chain": one.actual, "executed": one.expected} for one in found.faults],
    }


def _heading(found: Comparison) -> str:
    told = found.told
    lines = [f"Block {told.number:,} {told.block.get('hash', '')}", f"state: {told.told_by}"]
    if told.capacities is None:
        lines.append("buckets: not known without a witness; all are taken to be of the smallest size")
    if found.spec is not None:
        lines.append(f"rules: {found.spec}, instead of the chain's own")
    elif found.effort:
        lines.append(rules_text(found.effort))
    return "\n".join(lines)


def _table(found: Comparison, *, all_: bool) -> str:
    differing = [row for row in found.rows if row.differences or row.executed is None]
    same = [row for row in found.rows if not (row.differences or row.executed is None)]
    room = max(MOST_ROWS - len(differing), 0)
    rows = found.rows if all_ else sorted([*differing[:MOST_ROWS], *same[:room]], key=lambda row: row.place)
    name = found.spec or "executed"
    lines: list[tuple[str, ...]] = [("#", "transaction", "on the chain", name, "")]
    lines += [
        (
            str(row.place),
            row.transaction["hash"],
            _words(row.chain) if found.is_chain_known else "?",
            _words(row.executed),
            _said(row),
        )
        for row in rows
    ]
    text = columns(lines, right=1)
    if len(rows) < len(found.rows):
        hidden = len(found.rows) - len(rows)
        text += f"\n  ... {hidden:,} more (--all shows them)"
    return text


def _words(outcome: Outcome | None) -> str:
    if outcome is None:
        return "?"
    if outcome.receipt is None:
        return "refused"
    return f"{'succeeds' if outcome.succeeded else 'fails'} {outcome.gas or 0:,}"


def _said(row: Row) -> str:
    if row.executed is None:
        return "not found out"
    if not row.differences:
        return "same"
    if "gasUsed" in row.differences and row.chain.gas is not None and row.executed.gas is not None:
        return f"{row.executed.gas - row.chain.gas:+,} gas"
    return ", ".join(COMPARED.get(one, one) for one in row.differences)


def _differences(found: Comparison) -> Iterator[str]:
    for row in found.rows:
        for member in row.differences:
            if member == "refused":
                why = (row.executed.refused if row.executed is not None else "") or row.chain.refused
                yield f"  transaction {row.place}: refused: {why}"
                continue
            if found.spec is not None and member == "gasUsed":
                continue  # the table has it
            if member == "logs":
                chain, executed = _first_log(row.chain, row.executed)
            else:
                chain, executed = _value(row.chain, member), _value(row.executed, member)
            heading = f"  transaction {row.place}: {COMPARED[member]}"
            yield f"{heading}\n    on the chain  {chain}\n    executed      {executed}"


def _value(outcome: Outcome | None, member: str) -> str:
    value = outcome.receipt[member] if outcome is not None and outcome.receipt is not None else None
    if value is None:
        return "none"
    return f"{quantity(value):,}" if member not in ("logsBloom", "contractAddress") else _short(str(value))


def _first_log(chain: Outcome, executed: Outcome | None) -> tuple[str, str]:
    """The first log in which they differ."""
    of_chain, of_executed = _logs(chain), _logs(executed)
    place = next(
        (n for n, pair in enumerate(zip(of_chain, of_executed, strict=False)) if pair[0] != pair[1]),
        min(len(of_chain), len(of_executed)),
    )
    return _log(of_chain, place), _log(of_executed, place)


def _log(logs: list[Json], place: int) -> str:
    if place >= len(logs):
        return f"{len(logs):,} in all"
    log = logs[place]
    return f"{len(logs):,} in all, of which number {place} is {' '.join([log['address'], *log['topics'], log['data']])}"


def _logs(outcome: Outcome | None) -> list[Json]:
    if outcome is None or outcome.receipt is None:
        return []
    return [
        {
            "address": log["address"].lower(),
            "topics": [one.lower() for one in log["topics"]],
            "data": log["data"].lower(),
        }
        for log in outcome.receipt["logs"]
    ]


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _verdict(found: Comparison) -> str:
    count = len(found.rows)
    noun = "transaction" if count == 1 else "transactions"
    if found.same:
        against = f"under {found.spec}" if found.spec is not None else "by the chain's rules"
        return f"{count:,} {noun}, the same {against} as on the chain"
    told = Counter(_kind(row) for row in found.rows)
    parts = [f"{told[kind]:,} {kind}" for kind in _KINDS if told[kind]]
    return f"{count:,} {noun}: {', '.join(parts)}" if parts else "the block is not what it says"


_KINDS = (
    "refused",
    "with another outcome",
    "with other gas",
    "that differ otherwise",
    "not found out",
    "the same",
)


def _kind(row: Row) -> str:
    if row.executed is None:
        return "not found out"
    for member, kind in (
        ("refused", "refused"),
        ("status", "with another outcome"),
        ("gasUsed", "with other gas"),
    ):
        if member in row.differences:
            return kind
    # Where only the sums differ, the transaction itself is the same.
    own = set(row.differences) - {"cumulativeGasUsed"}
    return "that differ otherwise" if own else "the same"


def _outcome_json(outcome: Outcome | None) -> Json:
    if outcome is None:
        return None
    if outcome.receipt is None:
        return {"refused": outcome.refused or None}
    return {name: outcome.receipt.get(name) for name in COMPARED if name in outcome.receipt}
