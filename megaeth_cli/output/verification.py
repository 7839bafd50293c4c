"""Reports of checked blocks, for people and for programs. Rendering only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devnet.proving.checker import Report
from megaeth_cli.chain.attestations import Word

if TYPE_CHECKING:
    from rich.console import RenderableType


def report_table(report: Report, words: Sequence[Word] | None = None) -> "RenderableType":
    """Every check, what checking took, and who has attested to the block."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for one in report.checks:
        table.add_row(one.name, Text("ok", style="green") if one.ok else Text("FAILED", style="bold red"))
    parts: list[RenderableType] = [f"block {report.number:,} {report.hash}", table]
    if report.effort:
        parts += [rules_text(report.effort), effort_text(report)]
    if words:
        attested = Table(box=None, pad_edge=False, show_header=False)
        for word in words:
            verdict = Text("agrees", style="green") if word.agrees else Text(word.wrong, style="bold red")
            attested.add_row("attested by", word.name, word.signer, verdict)
        parts.append(attested)
    elif words is not None:
        parts.append(Text("no prover has attested to it", style="dim"))
    return Group(*parts)


def effort_text(report: Report) -> str:
    """What a stateless check was given and how long it took, in one line; nothing for another check."""
    effort = report.effort
    if not effort:
        return ""
    executed = f"{effort['transactions']:,} transactions under {effort['spec'].replace('_', '-')}"
    witness = int(effort["witnessBytes"]) + int(effort["withdrawalsWitnessBytes"])
    if not witness:
        return f"{executed}, {_ms(effort['totalMicros'])}"
    return (
        f"{executed}, witness {witness:,} bytes with {effort['keys']:,} keys, "
        f"{_ms(effort['totalMicros'])} (witness {_ms(effort['witnessMicros'])}, "
        f"replay {_ms(effort['replayMicros'])}, root {_ms(effort['rootMicros'])})"
    )


ORIGINS = {
    "published": "by the published schedule of chain {chain_id}",
    "genesis": "by the genesis of chain {chain_id}",
    "named": "by its name",
}
"""Who says which hardfork holds, by the engine's word for it."""


def rules_text(effort: Mapping[str, Any]) -> str:
    """The hardfork that a block was checked under, since when it holds, and who says so, by its report's effort."""
    origin = ORIGINS[effort["origin"]].format(chain_id=effort["chainId"])
    fork, since = effort.get("fork"), effort.get("forkSince")
    if fork is None:
        return f"no hardfork of MegaETH's yet, {origin}"
    begun = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC" if since else "genesis"
    return f"hardfork {fork}, since {begun}, {origin}"


def words_text(words: Sequence[Word] | None) -> str:
    """How many provers have attested to a block, in a few words; nothing if none has."""
    if not words:
        return ""
    disagreeing = sum(not word.agrees for word in words)
    return f"attested by {len(words)}" + (f", {disagreeing} OTHERWISE" if disagreeing else "")


def report_json(report: Report, words: Sequence[Word] | None = None) -> dict[str, Any]:
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
    if report.effort:
        shown["effort"] = dict(report.effort)
    if words is not None:
        shown["attestations"] = [word.to_json() for word in words]
    return shown


def _ms(micros: Any) -> str:  # noqa: ANN401 - a JSON number
    return f"{int(micros) / 1000:,.1f} ms"
