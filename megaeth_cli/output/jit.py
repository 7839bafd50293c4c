"""Tables about native code."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devnet.jit.explain import Explanation
from megaeth_cli.inspect.hot_blocks import HotBlock, Profile

MAX_LOOPS = 12
MAX_BLOCKS = 10
MAX_LINES, SMALLEST_SHARE = 3, 0.2
"""Of a block."""
MAX_TEXT = 60
"""Characters of a source line."""

_NEVER_ENTERED = (
    "none of the newest transactions entered it; "
    "to count a call: megaeth jit explain CONTRACT FUNCTION ARGS..."
)
_NO_LINES = (
    "its sources are not known: they are kept when a Solidity contract is deployed with megaeth deploy"
)


def status_table(status: dict[str, Any]) -> RenderableType:
    """What `mega_getNativeStatus` says, the contracts with most gas first."""
    if why := status.get("unavailable"):
        return Text(f"everything is interpreted: {why}")
    if not status["contracts"]:
        return f"--jit {status['mode']}: no contract was looked at yet"
    table = Table(box=None, pad_edge=False)
    for name in ("contract", "state"):
        table.add_column(name)
    for name in ("gas natively", "gas interpreted", "speed-up", "native", "compiled in", "size"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in sorted(status["contracts"], key=lambda one: -_gas(one)):
        speed_up = one.get("speedUp")
        seconds, size = one.get("compileSeconds"), one.get("size")
        table.add_row(
            one.get("name") or one["codeHash"],
            one["state"],
            f"{one.get('nativeGas', 0):,}",
            f"{one['interpretedGas']:,}",
            f"{speed_up:.1f} x" if speed_up else "",
            _share(one),
            f"{seconds:.2f} s" if seconds is not None else "",
            f"{size:,} B" if size else "",
            one["reason"] or ("from the cache" if one.get("fromCache") else ""),
        )
    return table


def explanation_view(
    node: dict[str, Any], code_hash: str, status: dict[str, Any] | None, made: Explanation, profile: Profile
) -> RenderableType:
    """Why, where the gas goes, and what the compiler found."""
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_row("code", f"{made.code_size:,} bytes, {code_hash}")
    facts.add_row("state", _why(node, status))
    contexts = "merged by height" if made.merged else "by return address"
    facts.add_row("compiler", f"{made.blocks:,} blocks in {made.nodes:,} contexts ({contexts})")
    facts.add_row(
        "jumps", f"{made.unknown_jumps} looked up at run time" if made.unknown_jumps else "all resolved"
    )
    facts.add_row("engine's steps", _listed(made.steps))
    facts.add_row("left to the interpreter", _listed(made.leaves))
    return Group(facts, "", *_hot(profile), "", _loops(made))


def _hot(profile: Profile) -> list[RenderableType]:
    """The blocks that take most gas."""
    if not profile.entries:
        call = "the call did not enter the contract" + (f": {profile.error}" if profile.error else "")
        return [Text(call if profile.call else _NEVER_ENTERED)]
    gas = f"{profile.gas:,} gas in {profile.entries:,} {'entry' if profile.entries == 1 else 'entries'}"
    if profile.call:
        of = profile.call + (f", which fails: {profile.error}" if profile.error else "")
    else:
        count = len(profile.transactions)
        of = "the newest transaction" if count == 1 else f"the {count:,} newest transactions"
    table = Table(box=None, pad_edge=False)
    for name in ("share", "gas", "runs", "pc"):
        table.add_column(name, justify="right")
    table.add_column("source" if profile.has_lines else "")
    for block in profile.blocks[:MAX_BLOCKS]:
        table.add_row(
            f"{block.share:.1%}",
            f"{block.gas:,}",
            f"{block.runs:,}",
            f"{block.first_pc}..{block.last_pc}",
            _source(block) if profile.has_lines else "",
        )
    title = Text(f"Hottest blocks of {of}: {gas}", style="italic")
    return [title, table] if profile.has_lines else [title, table, Text(_NO_LINES)]


def _source(block: HotBlock) -> Text:
    """The lines that take most of a block's gas."""
    if not block.lines:
        return Text("made by the compiler")
    shown = [line for line in block.lines if line.gas >= block.gas * SMALLEST_SHARE] or block.lines[:1]
    rows = []
    for line in shown[:MAX_LINES]:
        text = line.text if len(line.text) <= MAX_TEXT else line.text[: MAX_TEXT - 3] + "..."
        rows.append(f"{line.unit}:{line.line}  {text}")
    return Text("\n".join(rows))


def _loops(made: Explanation) -> RenderableType:
    if not made.loops:
        return "no loop is kept in registers: native code saves little here"
    loops = Table(
        box=None, pad_edge=False, title="Loops in registers, the dearest first", title_justify="left"
    )
    for name in ("pc", "gas a turn", "words", "blocks"):
        loops.add_column(name, justify="right")
    loops.add_column("engine's steps in it")
    for loop in made.loops[:MAX_LOOPS]:
        loops.add_row(
            f"{loop.first_pc}..{loop.last_pc}",
            f"{loop.gas:,}",
            str(loop.words),
            str(loop.nodes),
            _listed(loop.steps | loop.leaves),
        )
    return loops


def _why(node: dict[str, Any], status: dict[str, Any] | None) -> str:
    if why := node.get("unavailable"):
        return f"interpreted: {why}"
    if node["mode"] == "off":
        return "interpreted: --jit is off"
    if status is None:
        return "not called since the node started"
    if status["reason"]:
        return f"{status['state']}: {status['reason']}"
    if status["state"] == "waiting":
        price = status["compiledAfterGas"]
        return (
            f"interpreted: compiled after {price:,} gas, {status['interpretedGas']:,} were spent on it so far"
        )
    if not status.get("leftOutBytes"):
        return str(status["state"])
    why = (
        "only leads to failures"
        if status["nativeWhole"]
        else "was not executed when it was looked at, before it was compiled"
    )
    return (
        f"native: {_share(status)} of its code; the rest {why} ({status['missedGas']:,} gas were interpreted "
        f"where native code had left for it, compilations: {status['compilations']})"
    )


def _share(contract: dict[str, Any]) -> str:
    """How much of the code is native."""
    native, rest = contract.get("nativeBytes", 0), contract.get("leftOutBytes", 0)
    return f"{native / (native + rest):.0%}" if native else ""


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _gas(contract: dict[str, Any]) -> int:
    return int(contract["interpretedGas"]) + int(contract.get("nativeGas", 0))
