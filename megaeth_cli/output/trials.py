"""A contract under several rules, for people and for programs. Rendering only."""

from collections.abc import Sequence
from typing import Any

from megaeth_cli.chain.own_engine import ETHEREUM
from megaeth_cli.output.bars import columns
from megaeth_cli.trials.trial import Outcome, Row

Json = Any

_ETHEREUM = "Ethereum"


def trials_text(name: str, rows: Sequence[Row]) -> str:
    """A column for Ethereum and for each fork that differs from the one before it; then why what fails fails."""
    groups = _groups(rows)
    lines: list[tuple[str, ...]] = [("", *(_title(group) for group in groups))]
    lines += [(row.label, *(_cell(row.outcomes[group[0]]) for group in groups)) for row in rows]
    parts = [f"{name}: gas under each set of rules\n\n{columns(lines)}"]
    if failures := _failures(rows, groups):
        parts.append("\n".join(["Failures", *failures]))
    if others := [row.label for row in rows if not row.agrees]:
        parts.append(f"not the same everywhere: {', '.join(others)}")
    return "\n\n".join(parts)


def trials_json(name: str, rows: Sequence[Row]) -> dict[str, Json]:
    """The same for programs, with every fork."""
    return {
        "contract": name,
        "rows": [
            {
                "call": row.label,
                "agrees": row.agrees,
                "results": {spec: _outcome_json(one) for spec, one in row.outcomes.items()},
            }
            for row in rows
        ],
    }


def _outcome_json(one: Outcome) -> dict[str, Json]:
    return {
        "succeeds": one.succeeded,
        "gasUsed": one.gas,
        "computeGas": one.compute_gas,
        "storageGas": one.storage_gas,
        "failure": one.failure or None,
    }


def _groups(rows: Sequence[Row]) -> list[list[str]]:
    """Rules one after another that make no difference between them; Ethereum's stand alone."""
    groups: list[list[str]] = []
    for spec in rows[0].outcomes:
        last = groups[-1][-1] if groups else ""
        same = all(last and _seen(row.outcomes[last]) == _seen(row.outcomes[spec]) for row in rows)
        if same and last != ETHEREUM:
            groups[-1].append(spec)
        else:
            groups.append([spec])
    return groups


def _seen(one: Outcome) -> tuple[int | None, str]:
    return one.gas, one.failure


def _title(group: list[str]) -> str:
    if group == [ETHEREUM]:
        return _ETHEREUM
    return group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"


def _cell(one: Outcome) -> str:
    if one.gas is None:
        return "-"
    return f"{one.gas:,}" if one.succeeded else f"fails {one.gas:,}"


def _failures(rows: Sequence[Row], groups: list[list[str]]) -> list[str]:
    lines = []
    for row in rows:
        said: dict[str, list[str]] = {}
        for group in groups:
            outcome = row.outcomes[group[0]]
            if outcome.failure and outcome.tried:
                said.setdefault(outcome.failure, []).append(_title(group))
        for why, titles in said.items():
            where = "everywhere" if len(titles) == len(groups) else ", ".join(titles)
            lines.append(f"  {row.label}, {where}: {why}")
    return lines
