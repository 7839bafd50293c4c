"""What `megaeth lint` found and what its rules say, for people and as JSON. Rendering only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from megaeth_cli.lint import Costs, Deployment, Finding, Level, Place, Report, Rule
from megaeth_cli.visible import one_line

Json = dict[str, Any]

_STYLES = {Level.NOTE: "cyan", Level.WARNING: "yellow", Level.ERROR: "bold red"}
_CUT, _NARROWEST = "…", 20
MAX_RELATED = 3
"""Places shown besides the finding's own."""


def report_json(report: Report, cwd: Path) -> Json:
    """All of it."""
    return {
        "spec": report.spec,
        "files": [_path(path, cwd) for path in report.files],
        "findings": [_finding_json(one, cwd) for one in report.findings],
        "deployments": [_deployment_json(one, cwd) for one in report.deployments],
    }


def findings_view(report: Report, cwd: Path) -> RenderableType:
    """Each finding that no comment covers, with its line."""
    shown = [one for one in report.findings if one.suppressed is None]
    return Group(*(_finding_view(one, cwd) for one in shown))


def finding_line(finding: Finding, cwd: Path) -> str:
    """A finding in the form of compilers' messages."""
    return f"{_at(finding.place, cwd)}: {finding.level}[{finding.rule}]: {finding.message}"


def deployments_table(deployments: Iterable[Deployment]) -> Table:
    """What it takes to deploy each contract."""
    table = Table(box=None, pad_edge=False)
    table.add_column("contract")
    for name in ("code", "gas to deploy", "of it storage gas", "on Ethereum", "times"):
        table.add_column(name, justify="right")
    for one in deployments:
        table.add_row(
            one_line(one.contract),
            f"{one.runtime_bytes:,} B",
            f"{one.gas:,}",
            f"{one.storage_gas:,}",
            f"{one.ethereum_gas:,}",
            f"{one.gas / one.ethereum_gas:.1f}",
        )
    return table


def summary(report: Report) -> str:
    """One line: how many of each level, in how many files, under whose rules."""
    counts = Counter(one.level for one in report.findings if one.suppressed is None)
    covered = sum(one.suppressed is not None for one in report.findings)
    told = ", ".join(_counted(counts[level], level) for level in reversed(Level) if counts[level])
    files = _counted(len(report.files), "file")
    by_comments = f"; {covered} covered by comments" if covered else ""
    return f"{told or 'nothing found'} in {files}, by the rules of {report.spec}{by_comments}"


def rule_json(rule: Rule, costs: Costs) -> Json:
    """A rule with its numbers."""
    return {
        "rule": rule.name,
        "title": rule.title,
        "why": rule.why,
        "remedy": rule.remedy,
        "source": rule.source,
        "spec": costs.spec,
        "measured": dict(rule.measures(costs)),
    }


def rule_view(rule: Rule, costs: Costs) -> RenderableType:
    """The same for people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for what, how_much in rule.measures(costs):
        table.add_row(what, how_much)
    return Group(
        Text(f"{rule.name}: {rule.title}", style="bold"),
        Text(f"\n{rule.why}\n\n{rule.remedy}\n\nMeasured under the rules of {costs.spec}:"),
        Padding(table, (0, 0, 0, 2)),
        Text(f"\n{rule.source}"),
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _finding_view(finding: Finding, cwd: Path) -> RenderableType:
    style = _STYLES[finding.level]
    head = Text.assemble(
        (finding.level.value, style), f"[{finding.rule}] ", (_at(finding.place, cwd), "bold")
    )
    lines: list[RenderableType] = [Excerpt(finding.place, style)]
    for text, place in finding.related[:MAX_RELATED]:
        lines.append(Text(f"{_at(place, cwd)}: {text}", style="dim"))
    if len(finding.related) > MAX_RELATED:
        lines.append(Text(f"and {len(finding.related) - MAX_RELATED} more", style="dim"))
    return Group(
        head, Padding(Text(one_line(finding.message)), (0, 0, 0, 2)), Padding(Group(*lines), (0, 0, 1, 2))
    )


@dataclass(frozen=True)
class Excerpt:
    """A line with what is meant underlined, cut around that where it is wider than the terminal."""

    place: Place
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        number = str(self.place.begin[0])
        # A tab is as wide as the caret's blank.
        line = one_line(self.place.line.replace("\t", " "))
        at, width = self.place.begin[1] - 1, _underlined(self.place)
        room = max(options.max_width - len(number) - len(" | "), _NARROWEST)
        line, at = _around(line, at, room)
        width = min(width, room - at)
        yield Text.assemble((f"{number} | ", "dim"), line)
        yield Text.assemble((f"{' ' * len(number)} | ", "dim"), " " * at, ("^" * width, self.style))


def _around(line: str, at: int, room: int) -> tuple[str, int]:
    """A line, cut around a place where it is too long; and where that place is then."""
    if len(line) <= room:
        return line, at
    first = min(max(at - room // 3, 0), len(line) - room)
    cut = line[first : first + room]
    head = _CUT if first else cut[0]
    tail = _CUT if first + room < len(line) else cut[-1]
    return head + cut[1:-1] + tail, at - first


def _underlined(place: Place) -> int:
    """How much of the first line is meant."""
    end = place.end[1] if place.end[0] == place.begin[0] else len(place.line.rstrip()) + 1
    return max(end - place.begin[1], 1)


def _at(place: Place, cwd: Path) -> str:
    return f"{one_line(_path(place.path, cwd))}:{place.begin[0]}:{place.begin[1]}"


def _path(path: Path, cwd: Path) -> str:
    """As short as it can be."""
    return str(path.relative_to(cwd) if path.is_relative_to(cwd) else path)


def _finding_json(finding: Finding, cwd: Path) -> Json:
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "message": finding.message,
        **_place_json(finding.place, cwd),
        "measured": finding.measured,
        "related": [{"message": text, **_place_json(place, cwd)} for text, place in finding.related],
        "suppressed": finding.suppressed,
    }


def _place_json(place: Place, cwd: Path) -> Json:
    return {
        "path": _path(place.path, cwd),
        "line": place.begin[0],
        "column": place.begin[1],
        "endLine": place.end[0],
        "endColumn": place.end[1],
    }


def _deployment_json(one: Deployment, cwd: Path) -> Json:
    return {
        "contract": one.contract,
        "path": _path(one.place.path, cwd),
        "codeBytes": one.runtime_bytes,
        "creationBytes": one.creation_bytes,
        "gas": one.gas,
        "computeGas": one.compute_gas,
        "storageGas": one.storage_gas,
        "ethereumGas": one.ethereum_gas,
    }
