"""An explanation, for people and for programs. Rendering only."""

from collections.abc import Sequence
from typing import Any

from megaeth_cli.output.bars import bars, columns
from megaeth_cli.output.trace import gas_text
from megaeth_cli.traces.explanation import Elsewhere, Explanation
from megaeth_cli.traces.place import Place
from megaeth_cli.units import checksummed
from megaeth_cli.visible import one_line

Json = Any

MOST_SHARES = 12
_PATH_ENDS = 6
"""Calls at each end of a chain of them that are shown."""
_ETHEREUM = "Ethereum"


def explanation_text(found: Explanation) -> str:
    """The verdict, then what it rests on."""
    parts = [found.subject.title, one_line(found.verdict.text)]
    if found.verdict.hint:
        parts[-1] += f"\n{found.verdict.hint}"
    if found.needed is not None:
        parts[-1] += f"\nit succeeds with a gas limit of {found.needed:,}"
    if (line := found.place.line) is not None:
        parts[-1] += f"\n\n  {line.number:>5} | {one_line(line.text)}"
    if len(found.path) > 1:
        parts.append(_path(found))
    parts.append(f"Gas: {gas_text(found.root)}\n{_shares(found)}")
    if found.crowding:
        parts.append(f"In crowded buckets\n{_crowding(found)}")
    parts.append(f"Limits\n{bars(found.dimensions)}")
    if found.elsewhere:
        parts.append(f"Under other rules\n{_elsewhere(found.elsewhere)}")
    return "\n\n".join(parts)


def explanation_json(found: Explanation) -> dict[str, Json]:
    """The same for programs."""
    names = found.names
    body: dict[str, Json] = {
        "transaction": found.subject.hash,
        "verdict": found.verdict.text,
        "hint": found.verdict.hint or None,
        "failure": found.reason.to_json() if found.reason is not None else None,
        "gasLimitNeeded": found.needed,
        "at": None,
        "path": [names.frame(frame).place for frame in found.path],
        "detention": None,
        "gas": {
            "used": found.root.gas_used,
            "compute": found.root.compute_gas,
            "storage": found.root.storage_gas,
            "shares": [
                {
                    "frame": one.frame.number,
                    "in": names.frame(one.frame).place,
                    "kind": one.kind,
                    "gas": one.gas,
                }
                for one in found.shares
            ],
            "allInstructionsSeen": found.complete,
        },
        "crowding": [
            {
                "frame": one.frame.number,
                "in": names.frame(one.frame).place,
                "multiplier": one.multiplier,
                "gasPerMultiplier": one.per_step,
            }
            for one in found.crowding
        ],
        "limits": [
            {"name": one.name, "used": one.used, "limit": one.limit, "reached": one.reached}
            for one in found.dimensions
        ],
        "elsewhere": [
            {"spec": one.spec, "gasUsed": one.gas, "outcome": one.outcome} for one in found.elsewhere
        ],
    }
    if found.path:
        last = found.path[-1]
        body["at"] = {
            "contract": names.contract(last.to),
            "address": checksummed(last.to) if last.to is not None else None,
            "function": names.frame(last).signature or None,
            **_line_json(found.place),
            "mostGasOnly": found.place.is_hottest,
        }
    if found.read is not None:
        read = found.read
        body["detention"] = {
            "read": read.what,
            "in": names.frame(read.frame).place,
            "pc": read.pc,
            **_line_json(found.read_place),
        }
    if found.deposit is not None:
        one = found.deposit
        body["codeDeposit"] = {"bytes": one.code_bytes, "gas": one.gas, "left": one.left}
    if found.caught:
        body["caught"] = [
            {"in": names.frame(one.frame).place, "computeGas": one.compute_gas} for one in found.caught
        ]
    if found.forwarded is not None:
        body["forwarded"] = {"given": found.forwarded[0], "callerHad": found.forwarded[1]}
    return body


def _line_json(place: Place) -> dict[str, Json]:
    line = place.line
    return {
        "file": line.unit if line is not None else None,
        "line": line.number if line is not None else None,
        "source": line.text if line is not None else None,
        "callers": place.is_callers,
    }


def _path(found: Explanation) -> str:
    places = [found.names.frame(frame).place for frame in found.path]
    if (between := len(places) - 2 * _PATH_ENDS) > 1:
        places[_PATH_ENDS:-_PATH_ENDS] = [f"... {between:,} calls inside each other"]
    lines = [f"{'  ' * n}{place}" for n, place in enumerate(places)]
    if found.forwarded is not None:
        given, had = found.forwarded
        lines[-1] += f"  was given {given:,} of the {had:,} gas that its caller had"
    return "Calls\n" + "\n".join(f"  {line}" for line in lines)


def _shares(found: Explanation) -> str:
    sums: dict[tuple[str, str], list[int]] = {}
    for one in found.shares:
        sums.setdefault((one.kind, found.names.frame(one.frame).place), []).append(one.gas)
    largest = sorted(sums.items(), key=lambda item: -sum(item[1]))
    rows = [
        (f"{sum(gas):,}", _percent(sum(gas), found), kind, _times(place, len(gas)))
        for (kind, place), gas in largest[:MOST_SHARES]
    ]
    if rest := [gas for _, each in largest[MOST_SHARES:] for gas in each]:
        rows.append((f"{sum(rest):,}", "", f"{len(rest)} smaller shares", ""))
    text = columns(rows, right=2)
    if not found.complete:
        text += "\n  (it ran for too long to be split by instruction)"
    return text


def _times(place: str, calls: int) -> str:
    return place if calls == 1 else f"{place}, {calls:,} calls"


def _percent(gas: int, found: Explanation) -> str:
    return f"{gas / found.root.gas_used:.1%}" if found.root.gas_used else ""


def _crowding(found: Explanation) -> str:
    sums: dict[tuple[str, str], list[int]] = {}
    for one in found.crowding:
        paid = f"{one.multiplier:g}" if one.multiplier == round(one.multiplier) else f"{one.multiplier:.2f}"
        sums.setdefault((paid, found.names.frame(one.frame).place), []).append(one.per_step)
    rows = [
        (
            f"+{sum(gas):,}",
            f"gas for each further multiple (it paid for a multiplier of {paid})",
            _times(place, len(gas)),
        )
        for (paid, place), gas in sorted(sums.items(), key=lambda item: -sum(item[1]))
    ]
    return columns(rows[:MOST_SHARES], right=1)


def _elsewhere(outcomes: Sequence[Elsewhere]) -> str:
    """Forks that say the same share a line."""
    rows: list[tuple[str, ...]] = []
    begun = ""
    for n, one in enumerate(outcomes):
        begun = begun or one.spec
        following = outcomes[n + 1] if n + 1 < len(outcomes) else None
        same = following is not None and (following.gas, following.outcome) == (one.gas, one.outcome)
        if same and n > 0:
            continue
        name = _ETHEREUM if n == 0 else begun if begun == one.spec else f"{begun} to {one.spec}"
        rows.append((name, f"{one.gas:,} gas" if one.gas is not None else "?", one_line(one.outcome)))
        begun = ""
    return columns(rows)
