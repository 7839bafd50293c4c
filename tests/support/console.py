"""Contracts that use `console.log` as hardhat's and forge's libraries do, and what they are called with."""

from eth_abi import encode

from devnet._engine import keccak256
from devnet.console.lines import ConsoleLine
from tests.support.bytecode import assemble

CONSOLE = 0x636F6E736F6C652E6C6F67

_TELLS = f"CALLDATASIZE 0 0 CALLDATACOPY 0 0 CALLDATASIZE 0 {CONSOLE} GAS STATICCALL POP"

TELLER = assemble(f"{_TELLS} STOP")
"""Tells its calldata."""
REVERTER = assemble(f"{_TELLS} 0 0 REVERT")
"""Tells its calldata, then reverts."""
CHATTERER = assemble(
    "32 CALLDATASIZE SUB 32 0 CALLDATACOPY 0 CALLDATALOAD loop: DUP1 ISZERO @end JUMPI "
    f"0 0 32 CALLDATASIZE SUB 0 {CONSOLE} GAS STATICCALL POP 1 SWAP1 SUB @loop JUMP end: STOP"
)
"""Tells what comes behind the first word of its calldata, as many times as that says."""


def log(*arguments):
    """Calldata of `console.log` with these pairs of type and value."""
    types = [kind for kind, _ in arguments]
    values = [value for _, value in arguments]
    return "0x" + (keccak256(f"log({','.join(types)})".encode())[:4] + encode(types, values)).hex()


def words(text):
    return log(("string", text))


def lines(text):
    """The console's lines in a log."""
    return [told for line in text.splitlines() if (told := ConsoleLine.of_log(line)) is not None]
