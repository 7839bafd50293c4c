"""Tables about native code."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from devnet.jit.explain import Explanation

MOST_LOOPS = 12


def status_table(status: dict[str, Any]) -> RenderableType:
    """What `mega_getNativeStatus` says, the contracts with most gas first."""
    if not status["contracts"]:
        return f"--jit {status['mode']}: no contract was looked at yet"
    table = Table(box=None, pad_edge=False)
    for name in ("contract", "state"):
        table.add_column(name)
    for name in ("gas natively", "gas interpreted", "speed-up", "compiled in", "size"):
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
            f"{seconds:.2f} s" if seconds is not None else "",
            f"{size:,} B" if size else "",
            one["reason"] or ("from the cache" if one.get("fromCache") else ""),
        )
    return table


def explanation_view(
    mode: str, code_hash: str, status: dict[str, Any] | None, made: Explanation
) -> RenderableType:
    """Why, and what the compiler found."""
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_row("code", f"{made.code_size:,} bytes, {code_hash}")
    facts.add_row("state", _why(mode, status))
    contexts = "merged by height" if made.merged else "by return address"
    facts.add_row("compiler", f"{made.blocks:,} blocks in {made.nodes:,} contexts ({contexts})")
    facts.add_row(
        "jumps", f"{made.unknown_jumps} looked up at run time" if made.unknown_jumps else "all resolved"
    )
    facts.add_row("engine's steps", _listed(made.steps))
    facts.add_row("left to the interpreter", _listed(made.leaves))
    if not made.loops:
        return Group(facts, "", "no loop is kept in registers: native code saves little here")
    loops = Table(
        box=None, pad_edge=False, title="Loops in registers, the dearest first", title_justify="left"
    )
    for name in ("pc", "gas a turn", "words", "blocks"):
        loops.add_column(name, justify="right")
    loops.add_column("engine's steps in it")
    for loop in made.loops[:MOST_LOOPS]:
        loops.add_row(
            f"{loop.first_pc}..{loop.last_pc}",
            f"{loop.gas:,}",
            str(loop.words),
            str(loop.nodes),
            _listed(loop.steps | loop.leaves),
        )
    return Group(facts, "", loops)


def _why(mode: str, status: dict[str, Any] | None) -> str:
    if mode == "off":
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
    return str(status["state"])


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _gas(contract: dict[str, Any]) -> int:
    return int(contract["interpretedGas"]) + int(contract.get("nativeGas", 0))
