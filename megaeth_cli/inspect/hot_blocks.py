"""Where a contract's gas goes: a profile by instruction, folded into basic blocks with their source lines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devnet.jit.decode import decode
from megaeth_cli.bytecode.source_map import Line


@dataclass(frozen=True, slots=True)
class HotLine:
    """A source line's share of a block."""

    unit: str
    line: int
    text: str
    gas: int


@dataclass(frozen=True, slots=True)
class HotBlock:
    """A basic block that ran."""

    first_pc: int
    last_pc: int
    runs: int
    gas: int
    """Without what callees spent in code of their own."""
    share: float
    """Of all the gas in the profile."""
    lines: tuple[HotLine, ...]
    """The dearest first; empty where no source is known, or the compiler made the code up."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What was counted."""

    call: str | None
    """The function, if it was a call."""
    error: str | None
    """Why that failed, if it did."""
    transactions: list[str]
    """Otherwise the transactions that entered the contract, among those that were executed again."""
    blocks_executed: int
    entries: int
    """How often the contract was entered."""
    gas: int
    has_lines: bool
    """Whether its sources are known."""
    blocks: tuple[HotBlock, ...]
    """The dearest first."""


def hot_blocks(
    code: bytes, instructions: Iterable[tuple[int, int, int]], lines: Mapping[int, Line]
) -> list[HotBlock]:
    """The blocks that ran, the dearest first. Instructions: pc, how often it ran, and its gas."""
    spent = {pc: (runs, gas) for pc, runs, gas in instructions}
    total = sum(gas for _, gas in spent.values())
    blocks = []
    for block in decode(code).blocks.values():
        places = [one.pc for one in block.instructions if one.pc in spent]
        if not places:
            continue
        gas = sum(spent[pc][1] for pc in places)
        by_line: Counter[Line] = Counter()
        for pc in places:
            if pc in lines:
                by_line[lines[pc]] += spent[pc][1]
        blocks.append(
            HotBlock(
                first_pc=block.pc,
                last_pc=block.last.pc,
                runs=spent[places[0]][0],
                gas=gas,
                share=round(gas / total, 4) if total else 0.0,
                lines=tuple(
                    HotLine(line.unit, line.number, line.text, gas) for line, gas in by_line.most_common()
                ),
            )
        )
    return sorted(blocks, key=lambda block: -block.gas)
