"""The contracts that transactions are sent to, in assembly, and where they stand.

All are deployed through the CREATE2 proxy with salt 0, so that their addresses depend on their code alone.
"""

from typing import Final

from eth_abi import encode

from devnet._engine import keccak256
from tests.support.bytecode import assemble, push

PROXY: Final = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
MESSAGE_PASSER: Final = "0x4200000000000000000000000000000000000016"
SEQUENCER_VAULT: Final = "0x4200000000000000000000000000000000000011"
"""The coinbase of every block."""
VAULTS: Final = (
    "0x4200000000000000000000000000000000000019",
    "0x420000000000000000000000000000000000001a",
    "0x420000000000000000000000000000000000001b",
)
WETH: Final = "0x4200000000000000000000000000000000000006"
MULTICALL: Final = "0xca11bde05977b3631167028862be2a173976ca11"
HISTORY: Final = "0x0000f90827f1c53a10cb7a02335b175320002935"
BEACON_ROOTS: Final = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"
ORACLE: Final = "0x6342000000000000000000000000000000000001"
CLOCK: Final = "0x6342000000000000000000000000000000000002"
KEYLESS: Final = "0x6342000000000000000000000000000000000003"
ACCESS_CONTROL: Final = "0x6342000000000000000000000000000000000004"
LIMIT_CONTROL: Final = "0x6342000000000000000000000000000000000005"
REGISTRY: Final = "0x6342000000000000000000000000000000000006"

FOREVER: Final = 2**64
"""More rounds of a loop than any gas pays for."""


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def calldata(signature: str, *values: object) -> bytes:
    """ABI-encoded; arrays of plain types only."""
    inner = signature[signature.index("(") + 1 : -1]
    return selector(signature) + encode(inner.split(",") if inner else [], values)


def words(*values: int | str) -> bytes:
    """Numbers and addresses, 32 bytes each."""
    numbers = (int(value, 16) if isinstance(value, str) else value for value in values)
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def deploying(runtime: bytes) -> bytes:
    """Init code that leaves this code."""
    size = push(len(runtime))
    # PUSH size, DUP1, PUSH2 where the code begins, PUSH0, CODECOPY, PUSH0, RETURN
    begin = len(size) + 8
    return size + b"\x80\x61" + begin.to_bytes(2, "big") + b"\x5f\x39\x5f\xf3" + runtime


def create2_address(creator: str, salt: int, init_code: bytes) -> str:
    digest = keccak256(b"\xff" + _bytes(creator) + salt.to_bytes(32, "big") + keccak256(init_code))
    return "0x" + digest[-20:].hex()


def create_address(creator: str, nonce: int) -> str:
    import rlp

    return "0x" + keccak256(rlp.encode([_bytes(creator), nonce]))[-20:].hex()


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])


_COUNT_DOWN: Final = "loop: DUP1 ISZERO @end JUMPI {body} 1 SWAP1 SUB @loop JUMP end: STOP"
"""Does the body as often as the number on the stack says."""
_TELL: Final = "RETURNDATASIZE 0 0 RETURNDATACOPY DUP1 RETURNDATASIZE 0 LOG1"
"""Logs what a call gave, under its success as the topic, which stays on the stack."""


def _loop(body: str = "") -> str:
    return _COUNT_DOWN.format(body=body)


def _relay(call: str, *, strict: bool = False) -> str:
    """Calldata: callee, value, gas, then what to call it with. Tells what came of it; `strict`: fails with it."""
    value = "32 CALLDATALOAD" if call in ("CALL", "CALLCODE") else ""
    ending = "ISZERO @bad JUMPI STOP bad: RETURNDATASIZE 0 REVERT" if strict else "STOP"
    return f"""
        96 CALLDATASIZE SUB DUP1 96 0 CALLDATACOPY
        0 0 DUP3 0 {value} 0 CALLDATALOAD 64 CALLDATALOAD {call} {_TELL} {ending}
    """


def _factory(*, again: bool = False) -> str:
    """Calldata: value, salt, times, a word, then init code. Creates (CREATE2), calls what it made so often with the
    word, and tries to create the same once more if `again`. Logs what was created."""
    create = "128 CALLDATASIZE SUB DUP1 128 0 CALLDATACOPY 32 CALLDATALOAD SWAP1 0 {value} CREATE2"
    call = "96 CALLDATALOAD 0 MSTORE 0 0 32 0 0 DUP7 GAS CALL POP"
    tell = "DUP1 0 MSTORE 32 0 LOG0 POP"
    more = f"{create.format(value='0')} {tell}" if again else ""
    return f"""
        {create.format(value="0 CALLDATALOAD")} DUP1 64 CALLDATALOAD
        loop: DUP1 ISZERO @end JUMPI {call} 1 SWAP1 SUB @loop JUMP
        end: POP POP {tell} {more} STOP
    """


def _logger(topics: int) -> str:
    """Calldata: how often, and how many bytes."""
    return "0 CALLDATALOAD " + _loop("DUP1 " * topics + f"32 CALLDATALOAD 0 LOG{topics}")


def _static(callee: str, data: bytes) -> str:
    """A STATICCALL with calldata; leaves its success on the stack."""
    pieces = (data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32))
    stores = " ".join(f"0x{piece.hex()} {32 * at} MSTORE" for at, piece in enumerate(pieces))
    return f"{stores} 0 0 {len(data)} 0 {callee} GAS STATICCALL"


VOLATILE: Final = {
    "NUMBER": "NUMBER",
    "TIMESTAMP": "TIMESTAMP",
    "COINBASE": "COINBASE",
    "PREVRANDAO": "PREVRANDAO",
    "GASLIMIT": "GASLIMIT",
    "BASEFEE": "BASEFEE",
    "BLOCKHASH": "0 BLOCKHASH",
    "BLOBBASEFEE": "BLOBBASEFEE",
    "BLOBHASH": "0 BLOBHASH",
    "beneficiary's BALANCE": f"{SEQUENCER_VAULT} BALANCE",
    "beneficiary's EXTCODEHASH": f"{SEQUENCER_VAULT} EXTCODEHASH",
    "call to the beneficiary": f"0 0 0 0 0 {SEQUENCER_VAULT} GAS CALL",
    "oracle": _static(ORACLE, calldata("getSlot(uint256)", 5)),
    "high-precision timestamp": _static(CLOCK, selector("timestamp()")),
}
"""What is volatile, and code that reads it and leaves a word."""

_SOURCES: Final = {
    # Calldata: first slot, how many, value.
    "store": "0 CALLDATALOAD 32 CALLDATALOAD " + _loop("64 CALLDATALOAD DUP3 SSTORE SWAP1 1 ADD SWAP1"),
    # Sets the slot, and sets it back.
    "toggle": "1 0 CALLDATALOAD SSTORE 0 0 CALLDATALOAD SSTORE STOP",
    "spin": "0 CALLDATALOAD " + _loop(),
    # Writes before it fails.
    "revert": "1 0 SSTORE 42 0 MSTORE 32 0 REVERT",
    "invalid": "1 0 SSTORE INVALID",
    # Calls itself until the gas is too little or the stack of calls too deep, then writes.
    "recurse": "0 0 0 0 0 ADDRESS GAS CALL GAS SSTORE STOP",
    "transient": "0 CALLDATALOAD 7 TSTORE 7 TLOAD 7 SSTORE STOP",
    "relay": _relay("CALL"),
    "strict relay": _relay("CALL", strict=True),
    "delegating relay": _relay("DELEGATECALL"),
    "static relay": _relay("STATICCALL"),
    "callcode relay": _relay("CALLCODE"),
    "factory": _factory(),
    "factory again": _factory(again=True),
    # Calldata: who gets what is here.
    "bomb": "0 CALLDATALOAD SELFDESTRUCT",
    # Calldata: how large the init code is; it would do nothing.
    "large init": "0 CALLDATALOAD 0 0 CREATE 0 MSTORE 32 0 LOG0 STOP",
    # Reads earlier hashes by opcode and from EIP-2935, roots from EIP-4788, in reach and out of it.
    "history": f"""
        1 NUMBER SUB BLOCKHASH 1 SSTORE 256 NUMBER SUB BLOCKHASH 2 SSTORE 257 NUMBER SUB BLOCKHASH 3 SSTORE
        NUMBER BLOCKHASH 4 SSTORE
        1 NUMBER SUB 0 MSTORE 32 32 32 0 {HISTORY} GAS STATICCALL 5 SSTORE 32 MLOAD 6 SSTORE
        NUMBER 0 MSTORE 32 32 32 0 {HISTORY} GAS STATICCALL 7 SSTORE
        TIMESTAMP 0 MSTORE 32 32 32 0 {BEACON_ROOTS} GAS STATICCALL 8 SSTORE 32 MLOAD 9 SSTORE
        0 0 MSTORE 32 32 32 0 {BEACON_ROOTS} GAS STATICCALL 10 SSTORE STOP
    """,
    # Calldata: whom to call while nothing below may read what is volatile. Tells of the call, allows it, calls again.
    "guard": f"""
        {_static(ACCESS_CONTROL, selector("disableVolatileDataAccess()"))} POP
        0 0 0 0 0 0 CALLDATALOAD GAS CALL {_TELL} POP
        {_static(ACCESS_CONTROL, selector("isVolatileDataAccessDisabled()"))} {_TELL} POP
        {_static(ACCESS_CONTROL, selector("enableVolatileDataAccess()"))} {_TELL} POP
        0 0 0 0 0 0 CALLDATALOAD GAS CALL {_TELL} STOP
    """,
    "lift the guard": f"""
        {_static(ACCESS_CONTROL, selector("enableVolatileDataAccess()"))} {_TELL} STOP
    """,
    "budget": f"""
        {_static(LIMIT_CONTROL, selector("remainingComputeGas()"))} {_TELL} TIMESTAMP POP
        {_static(LIMIT_CONTROL, selector("remainingComputeGas()"))} {_TELL} STOP
    """,
    # Calldata: how many hints to the oracle, and of how many bytes.
    "hints": f"""
        0x{selector("sendHint(bytes32,bytes)").hex()} 224 SHL 0 MSTORE 7 4 MSTORE 64 36 MSTORE
        32 CALLDATALOAD 68 MSTORE 0 CALLDATALOAD
        {_loop(f"0 0 100 32 CALLDATALOAD ADD 0 0 {ORACLE} GAS CALL POP")}
    """,
    **{f"log{topics}": _logger(topics) for topics in range(5)},
    **{f"detained by {name}": f"{code} POP 0 CALLDATALOAD {_loop()}" for name, code in VOLATILE.items()},
}

CONTRACTS: Final = {name: assemble(source) for name, source in _SOURCES.items()}
"""Code by name."""
PLACES: Final = {name: create2_address(PROXY, 0, deploying(code)) for name, code in CONTRACTS.items()}
"""Where each stands."""
