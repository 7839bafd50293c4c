"""Why an execution failed, in words: from revert data and from MegaETH's halt reasons."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from megaeth_cli.abi import DecodingError, Entry, Interface, parse_signature, to_json, to_text
from megaeth_cli.chain.allowance import Allowance, Allowed, newest
from megaeth_cli.inspect.well_known import well_known
from megaeth_cli.units import quantity
from megaeth_cli.visible import one_line

PANICS = {
    0x00: "generic panic of the compiler",
    0x01: "an assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "a number that is no value of the enum",
    0x22: "a storage byte array with a broken encoding",
    0x31: "pop() on an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory was allocated, or an array is too large",
    0x51: "a call of an uninitialised internal function",
}
"""https://docs.soliditylang.org/en/latest/control-structures.html#panic-via-assert-and-error-via-require"""

# mega-evm limit/mod.rs
DIMENSIONS = ("data size", "KV updates", "compute gas", "state growth")
MEMBERS = ("dataSize", "kvUpdates", "computeGas", "stateGrowth")
"""The dimensions as `mega` objects call them."""
# mega-evm access/volatile.rs, in the order of its bits
VOLATILE = (
    "block.number",
    "block.timestamp",
    "block.coinbase",
    "block.difficulty",
    "block.gaslimit",
    "block.basefee",
    "block.prevrandao",
    "blockhash",
    "block.blobbasefee",
    "blobhash",
    "the beneficiary's account",
    "the oracle's storage",
)
DETAINED = "VolatileDataAccessOutOfGas"
"""mega-evm's name for a transaction that used more compute gas than reading volatile data left it."""
_HALTS = {
    "DataLimitExceeded": ("data size limit exceeded", "write, log and pass less data in one transaction"),
    "KvUpdateLimitExceeded": (
        "KV update limit exceeded",
        "change fewer slots and accounts in one transaction",
    ),
    "ComputeGasLimitExceeded": (
        "compute gas limit exceeded",
        "split the computation over several transactions",
    ),
    "StateGrowthLimitExceeded": (
        "state growth limit exceeded",
        "make fewer new slots and accounts in one transaction",
    ),
    DETAINED: ("gas detention: the compute gas left after reading volatile data ran out", ""),
    "SystemTxInvalidCallee": ("a system transaction called something else than the oracle", ""),
}
# revm-context-interface result.rs, HaltReason
_EVM_HINTS = {
    "OutOfGas": "the gas limit was too low; leave --gas-limit out to have it estimated",
    "InvalidFEOpcode": "the INVALID instruction ran: an assert() of Solidity before 0.8, or assembly's invalid()",
    "OpcodeNotFound": "an instruction that MegaETH's EVM does not have; compile for evmVersion prague at most",
    "NotActivated": "an instruction that this fork does not have yet; see --spec",
    "InvalidJump": "a jump to nowhere: broken code, or a call of an uninitialised internal function",
    "StackUnderflow": "broken code: it takes more from the stack than is there",
    "StackOverflow": "more than 1,024 values on the stack: a recursion without an end, or broken code",
    "OutOfOffset": "it read return data beyond their end; the called contract answered less than expected",
    "CreateCollision": "a contract is at that address already: the same CREATE2 salt and code were used before",
    "PrecompileError": "a precompiled contract refused its input",
    "CreateContractSizeLimit": "the contract is larger than {code_bytes:,} bytes; split it",
    "CreateContractStartingWithEF": "the deployed code begins with 0xef, which EIP-3541 reserves",
    "CreateInitCodeSizeLimit": "the creation code is larger than {initcode_bytes:,} bytes; split the contract",
    "StateChangeDuringStaticCall": "a view called something that writes (STATICCALL allows no change)",
    "CallNotAllowedInsideStatic": "a view sent ether along with a call (STATICCALL allows no change)",
    "OutOfFunds": "the contract has less ether than it sends on",
    "CallTooDeep": "more than 1,024 calls inside each other",
}
_HALTS["KVUpdateLimitExceeded"] = _HALTS["KvUpdateLimitExceeded"]

_ERROR = parse_signature("error Error(string reason)")
_PANIC = parse_signature("error Panic(uint256 code)")
LIMIT_EXCEEDED = parse_signature("error MegaLimitExceeded(uint8 kind,uint64 limit)")
"""What a frame reverts with that is over its budget in one of the dimensions."""
_VOLATILE = parse_signature("error VolatileDataAccessDisabled(uint8 access)")
_PLAIN = {
    parse_signature(f"error {name}()"): f"{name}: {meaning}"
    for name, meaning in (
        ("DisabledByParent", "volatile data access was disabled by a caller, who alone may enable it"),
        ("NotIntercepted", "this function of a system contract answers direct calls only"),
        ("NonZeroTransfer", "a system contract takes no value"),
        ("NotSystemAddress", "only the system address may write to the oracle"),
    )
}
_SHOWN_BYTES = 132


@dataclass(frozen=True)
class Reason:
    """Why it failed."""

    text: str
    hint: str = ""
    error: str = ""
    """The error's signature where there is one."""
    arguments: object = None
    """Of the error, for programs."""

    def to_json(self) -> dict[str, object]:
        """For `--json`."""
        body: dict[str, object] = {"text": self.text}
        if self.hint:
            body["hint"] = self.hint
        if self.error:
            body |= {"error": self.error, "arguments": self.arguments}
        return body


def of_revert(data: bytes, interfaces: Iterable[Interface] = (), allowed: Allowed = newest) -> Reason:
    """What revert data says; custom errors are looked up in the interfaces. `allowed`: what the chain's rules allow."""
    if not data:
        return Reason(
            "reverted without a reason",
            "a require() without a message, a call that the contract does not know, or ether that it does not take",
        )
    selector = data[:4]
    for builtin, explain in _BUILTIN:
        if selector == builtin.selector:
            try:
                return explain(builtin, data, allowed)
            except DecodingError:
                break
    for plain, text in _PLAIN.items():
        if data == plain.selector:
            return Reason(text)
    for interface in chain(interfaces, (well_known(),)):
        entry = interface.error(selector)
        if entry is None:
            continue
        try:
            return _custom(entry, data)
        except DecodingError:
            continue
    rest = f"... ({len(data)} bytes)" if len(data) > _SHOWN_BYTES else ""
    return Reason(f"reverted with data of an unknown error: 0x{data[:_SHOWN_BYTES].hex()}{rest}")


def of_halt(mega: Mapping[str, Any] | None, allowed: Allowed = newest) -> Reason | None:
    """What the `mega` object of a receipt or an error says; None when nothing halted. `allowed`: what the chain's rules
    allow."""
    halt = (mega or {}).get("haltReason")
    if not halt:
        return None
    if not isinstance(halt, Mapping):
        return Reason(one_line(f"halted: {halt}"))
    kind = one_line(str(halt.get("kind", "unknown")))
    if kind not in _HALTS:
        return Reason(f"halted: {kind}", _evm_hint(kind, allowed))
    text, hint = _HALTS[kind]
    if kind == DETAINED:
        hint = detention_hint(allowed())
    details = [f"{name} {_number(halt[name]):,}" for name in ("limit", "actual") if name in halt]
    read = halt.get("accesses")
    if isinstance(read, list) and read:
        details.append(one_line(f"read {', '.join(map(str, read))}"))
    return Reason(f"{kind}: {text}" + (f" ({', '.join(details)})" if details else ""), hint)


def detention_hint(allowance: Allowance) -> str:
    """What to do about detention."""
    left = allowance.detained_compute_gas
    much = f"{left:,}" if left is not None else "little"
    return f"reading volatile data leaves a transaction {much} compute gas; read it last, or split the work"


def _evm_hint(kind: str, allowed: Allowed) -> str:
    hint = next((hint for start, hint in _EVM_HINTS.items() if kind.startswith(start)), "")
    if "{" not in hint:
        return hint
    allowance = allowed()
    return hint.format(code_bytes=allowance.code_bytes, initcode_bytes=allowance.initcode_bytes)


def _number(value: object) -> int:
    return quantity(value) if isinstance(value, str) else int(str(value))


def _string(entry: Entry, data: bytes, _: Allowed) -> Reason:
    [text] = entry.decode_inputs(data)
    return Reason(f"reverted: {to_text(entry.inputs[0], text)}", "", entry.signature, [text])


def _panic(entry: Entry, data: bytes, _: Allowed) -> Reason:
    [code] = entry.decode_inputs(data)
    meaning = PANICS.get(code, "unknown code")
    return Reason(f"panicked: {meaning} (Panic 0x{code:02x})", "", entry.signature, [str(code)])


def _limit(entry: Entry, data: bytes, allowed: Allowed) -> Reason:
    kind, limit = entry.decode_inputs(data)
    known = kind < len(DIMENSIONS)
    what = DIMENSIONS[kind] if known else f"dimension {kind}"
    text = f"MegaLimitExceeded: a call used up its {what} limit of {limit:,}"
    hint = _limit_hint(kind, allowed()) if known else ""
    return Reason(text, hint, entry.signature, [str(kind), str(limit)])


def _limit_hint(kind: int, allowance: Allowance) -> str:
    limit, share = allowance.limits[kind], allowance.call_share
    has = [f"a transaction has {limit:,}"] if limit is not None else []
    if share is not None:
        has.append(f"each call {share[0]}/{share[1]} of what its caller has left")
    return "; ".join([", and ".join(has)] * bool(has) + ["split the work over several transactions"])


def _volatile(entry: Entry, data: bytes, _: Allowed) -> Reason:
    [access] = entry.decode_inputs(data)
    what = VOLATILE[access] if access < len(VOLATILE) else f"access {access}"
    return Reason(
        f"VolatileDataAccessDisabled: {what} was read where a caller has disabled it",
        "a calling contract used MegaAccessControl.disableVolatileDataAccess()",
        entry.signature,
        [str(access)],
    )


def _custom(entry: Entry, data: bytes) -> Reason:
    pairs = list(zip(entry.inputs, entry.decode_inputs(data), strict=True))
    shown = ", ".join(
        f"{one.name}: {to_text(one, value)}" if one.name else to_text(one, value) for one, value in pairs
    )
    arguments = {one.name or str(n): to_json(one.type, value) for n, (one, value) in enumerate(pairs)}
    return Reason(f"reverted: {entry.name}({shown})", "", entry.signature, arguments)


_BUILTIN: tuple[tuple[Entry, Callable[[Entry, bytes, Allowed], Reason]], ...] = (
    (_ERROR, _string),
    (_PANIC, _panic),
    (LIMIT_EXCEEDED, _limit),
    (_VOLATILE, _volatile),
)


def builtin() -> Interface:
    """The errors of the compiler and of MegaETH's EVM, which no ABI lists."""
    interface = Interface([])
    interface.entries = [*(entry for entry, _ in _BUILTIN), *_PLAIN]
    return interface


def meaning(entry: Entry, data: bytes) -> str:
    """What revert data of a builtin error says in words; empty where the error itself says all."""
    coded = {one.signature for one in builtin().entries} - {_ERROR.signature}
    return of_revert(data).text if entry.kind != "event" and entry.signature in coded else ""
