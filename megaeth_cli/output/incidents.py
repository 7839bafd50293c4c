"""What went wrong on a devnet, for people. Rendering only."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from megaeth_cli.faults.injection import Outcome


def incidents_table(
    incidents: Sequence[dict[str, Any]], dropped: Mapping[str, Mapping[str, int]] = MappingProxyType({})
) -> RenderableType:
    """One paragraph per incident, oldest first, then what each node no longer keeps."""
    if not incidents and not dropped:
        return Text("nothing has gone wrong", style="green")
    return Group(
        *(_incident(incident) for incident in incidents),
        *(_dropped(node, counts) for node, counts in dropped.items()),
    )


def outcome_text(outcome: "Outcome") -> RenderableType:
    """Who noticed, when, with what evidence."""
    where = ", ".join(
        f"{name.replace('_', '-')} {value}" for name, value in outcome.played_on.items() if name != "kind"
    )
    heading = Text.assemble((outcome.kind, "bold"), f" played by {outcome.played_by} on {where}")
    detection = outcome.detection
    if detection is None:
        verdict = Text("nobody noticed", style="bold red")
    else:
        verdict = Text(f"noticed by {detection['detected_by']} at {detection['at']}", style="bold green")
    return Group(heading, verdict, Text(""), incidents_table(outcome.incidents))


def _dropped(node: str, counts: Mapping[str, int]) -> Text:
    parts = [f"{count:,} {what[:-1] if count == 1 else what}" for what, count in counts.items() if count]
    return Text(
        f"{node} no longer keeps {' and '.join(parts)} (--evidence-files and --evidence-bytes bound them)",
        style="yellow",
    )


def _incident(incident: dict[str, Any]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    rows = (
        ("who", f"{incident['detected_by']} ({incident['role'].replace('_', ' ')})"),
        ("what", incident["what"]),
        ("evidence", incident["evidence"]),
    )
    for name, value in rows:
        table.add_row(Text(f"  {name}", style="dim"), Text(value, overflow="fold"))
    heading = Text.assemble(
        (incident["at"], "dim"), "  ", (incident["kind"], "bold red"), f", block {incident['block']:,}"
    )
    return Group(heading, table)
