"""Two nodes' states side by side. Rendering only."""

from typing import Any

from megaeth_cli.inspect.compare import Comparison

MAX_TEXT = 80


def comparison_text(comparison: Comparison, node: str, against: str) -> str:
    """Every difference, or that there is none."""
    looked = f"{comparison.values:,} values of {comparison.accounts:,} accounts"
    heading = f"Block {comparison.block:,}: {node} and {against}, {looked}"
    if not comparison.differences:
        return f"{heading}\n\nthey agree"
    width = max(len(node), len(against))
    parts = [
        f"{one.where} {one.what}\n"
        f"  {node:<{width}}  {_short(one.node)}\n"
        f"  {against:<{width}}  {_short(one.against)}"
        for one in comparison.differences
    ]
    count = len(comparison.differences)
    parts.append(f"they differ in {count:,} {'value' if count == 1 else 'values'}")
    return "\n\n".join([heading, *parts])


def comparison_json(comparison: Comparison, node: str, against: str) -> dict[str, Any]:
    """The same for programs."""
    return {
        "block": comparison.block,
        "node": node,
        "against": against,
        "accounts": comparison.accounts,
        "values": comparison.values,
        "equal": not comparison.differences,
        "differences": [
            {"where": one.where, "what": one.what, "node": one.node, "against": one.against}
            for one in comparison.differences
        ],
    }


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 20]}... ({len(text) // 2 - 1:,} bytes)"
