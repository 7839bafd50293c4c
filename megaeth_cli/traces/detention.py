"""Where a transaction read what makes MegaETH detain it: the first instruction that reads volatile data."""

from dataclasses import dataclass

from megaeth_cli.inspect.known import ADDRESSES
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.steps import CALLS, Steps

# As the EVM calls instructions, and as Solidity calls what they read; docs/differences.md has the rule.
READS = {
    "NUMBER": "block.number",
    "TIMESTAMP": "block.timestamp",
    "COINBASE": "block.coinbase",
    "DIFFICULTY": "block.prevrandao",
    "PREVRANDAO": "block.prevrandao",
    "GASLIMIT": "block.gaslimit",
    "BASEFEE": "block.basefee",
    "BLOCKHASH": "blockhash",
    "BLOBBASEFEE": "block.blobbasefee",
    "BLOBHASH": "blobhash",
}
_ORACLE = bytes.fromhex(ADDRESSES["Oracle"][2:])
_BENEFICIARY = bytes.fromhex(ADDRESSES["SequencerFeeVault"][2:])


@dataclass(frozen=True)
class Read:
    """A read of volatile data."""

    what: str
    """In Solidity's words."""
    frame: Frame
    pc: int


def first_read(root: Frame, steps: Steps) -> Read | None:
    """The first, as far as the instructions tell it; of a beneficiary only that it was called."""
    frames = {frame.number: frame for frame in root.walk()}
    begun = dict.fromkeys(frames, 0)
    for number, step in steps.in_order():
        frame = frames[number]
        if (what := READS.get(step.op)) is not None:
            return Read(what, frame, step.pc)
        if step.op == "SLOAD" and frame.account == _ORACLE:
            return Read("the oracle's storage", frame, step.pc)
        if step.op in CALLS and begun[number] < len(frame.calls):
            callee = frame.calls[begun[number]]
            begun[number] += 1
            if callee.to == _BENEFICIARY:
                return Read("the beneficiary's account", frame, step.pc)
    return None
