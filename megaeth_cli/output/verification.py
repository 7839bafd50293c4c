"""Reports of checked blocks, for people and for programs. Rendering only."""

from typing import TYPE_CHECKING, Any

from devnet.proving.checker import Report

if TYPE_CHECKING:
    from rich.console import RenderableType


def report_table(report: Report) -> "RenderableType":
    """Every check, and what checking took."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in report.checks:
        table.add_row(one.name, Text("ok", style="green") if one.ok else Text("FAILED", style="bold red"))
    parts: list[RenderableType] = [f"block {report.number:,} {report.hash}", table]
    if report.effort:
        parts.append(effort_text(report))
    return Group(*parts)


def effort_text(report: Report) -> str:
    """What a stateless check was given and how long it took, in one line; nothing for another check."""
    effort = report.effort
    if not effort:
        return ""
    witness = int(effort["witnessBytes"]) + int(effort["withdrawalsWitnessBytes"])
    return (
        f"{effort['transactions']:,} transactions under {effort['spec'].replace('_', '-')}, "
        f"witness {witness:,} bytes with {effort['keys']:,} keys, "
        f"{_ms(effort['totalMicros'])} (witness {_ms(effort['witnessMicros'])}, "
        f"replay {_ms(effort['replayMicros'])}, root {_ms(effort['rootMicros'])})"
    )


def report_json(report: Report) -> dict[str, Any]:
    """The report as `--json` shows it."""
    shown: dict[str, Any] = {
        "block": report.number,
        "hash": report.hash,
        "ok": report.ok,
        "checks": [
            {"name": one.name, "ok": one.ok, "expected": one.expected, "actual": one.actual}
            for one in report.checks
        ],
    }
    return shown | ({"effort": dict(report.effort)} if report.effort else {})


def _ms(micros: Any) -> str:  # noqa: ANN401 - a JSON number
    return f"{int(micros) / 1000:,.1f} ms"
