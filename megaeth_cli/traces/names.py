"""A frame in words: which contract and function, what it was given, returned, logged, and why it failed."""

from dataclasses import dataclass
from typing import Any

from devnet.console.text import told
from megaeth_cli.abi import DecodingError, Entry, Parameter, Scalar, to_json, to_text
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.contracts.network import Network
from megaeth_cli.inspect import reasons
from megaeth_cli.inspect.proxies import DELEGATED
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.traces.creations import made
from megaeth_cli.traces.frame import REVERTED, Frame
from megaeth_cli.traces.selectors import Selectors
from megaeth_cli.transactions.transact import explain
from megaeth_cli.units import checksummed
from megaeth_cli.visible import one_line

Json = Any
Pairs = list[tuple[Parameter, Any]]

PRECOMPILES = {
    1: "ecrecover",
    2: "sha256",
    3: "ripemd160",
    4: "identity",
    5: "modexp",
    6: "bn254Add",
    7: "bn254Mul",
    8: "bn254Pairing",
    9: "blake2f",
    10: "kzgPointEvaluation",
    11: "bls12G1Add",
    12: "bls12G1Msm",
    13: "bls12G2Add",
    14: "bls12G2Msm",
    15: "bls12PairingCheck",
    16: "bls12MapFpToG1",
    17: "bls12MapFp2ToG2",
    0x100: "p256Verify",
}
"""https://ethereum.github.io/execution-specs, and EIP-7951. Their input is no call of a function."""
CONSOLE = b"console.log".rjust(20, b"\0")
"""Where contracts call what hardhat and forge print."""


@dataclass(frozen=True)
class NamedFrame:
    """What is known of a frame."""

    contract: str
    """Its name, else its address."""
    function: str
    """Name, signature of a selector that nobody knows, `constructor`, `fallback`, or empty for a plain transfer."""
    signature: str
    arguments: Pairs | None
    """None where they can't be read."""
    results: Pairs | None
    guessed: bool = False
    """Whether the function is known by its selector alone."""

    @property
    def place(self) -> str:
        """`Token.transfer`."""
        return f"{self.contract}.{self.function}" if self.function else self.contract


class Names:
    """Names the frames of one tree, each once."""

    def __init__(self, network: Network, selectors: Selectors) -> None:
        self._network = network
        self._selectors = selectors
        self._contracts: dict[bytes, str] = {}
        self._frames: dict[int, NamedFrame] = {}
        self._failures: dict[bytes, Reason] = {}

    def contract(self, address: bytes | None) -> str:
        """A contract's own name, else its address."""
        if address is None:
            return "new contract"
        if address not in self._contracts:
            number = int.from_bytes(address, "big")
            known = self.known(address)
            is_delegated = known.proxy is not None and known.proxy.kind == DELEGATED
            name = known.name if is_delegated else known.own_name
            self._contracts[address] = PRECOMPILES.get(number) or name or checksummed(address)
        return self._contracts[address]

    def known(self, address: bytes) -> KnownContract:
        """What is known of a contract."""
        return self._network.contracts.at(address)

    def frame(self, frame: Frame) -> NamedFrame:
        """A frame with its function."""
        if frame.number not in self._frames:
            self._frames[frame.number] = self._named(frame)
        return self._frames[frame.number]

    def _named(self, frame: Frame) -> NamedFrame:
        if frame.to == CONSOLE:
            text = [(_STRING, told(frame.input))]
            return NamedFrame("console", "log", "console.log", text, [])
        contract = self.contract(frame.to)
        if frame.creates:
            return self._creation(contract, frame)
        if not frame.input:
            function = "receive" if frame.to is not None and self._has_code(frame.to) else ""
            return NamedFrame(contract, function, function, [], self._raw(frame))
        if int.from_bytes(frame.to or b"", "big") in PRECOMPILES:
            return NamedFrame(contract, "", "", None, self._raw(frame))
        found, guessed = self._function(frame)
        if found is None:
            selector = f"0x{frame.input[:4].hex()}"
            return NamedFrame(contract, selector, selector, None, self._raw(frame))
        entry, values = found
        arguments = list(zip(entry.inputs, values, strict=True))
        return NamedFrame(
            contract, entry.name, entry.signature, arguments, self._results(entry, frame), guessed
        )

    def executes_nothing(self, frame: Frame) -> bool:
        """Whether a call with calldata went to an account without code, which answers nothing and never fails."""
        if frame.creates or not frame.input or frame.to in (None, CONSOLE) or frame.calls or frame.logs:
            return False
        ran = frame.gas_used if frame.depth > 1 else 0
        is_precompile = int.from_bytes(frame.to or b"", "big") in PRECOMPILES
        return not frame.failed and not ran and not is_precompile and not self._has_code(frame.to or b"")

    def failure(self, frame: Frame) -> Reason | None:
        """Why a frame failed; None when it did not."""
        if not frame.failed:
            return None
        if frame.error != REVERTED:
            return Reason(f"halted: {one_line(frame.error)}")
        if frame.output not in self._failures:
            known = self.known(frame.to).interface if frame.to is not None else None
            found = explain(frame.output, [known] if known is not None else [], self._network)
            self._failures[frame.output] = found
        return self._failures[frame.output]

    def is_limit(self, frame: Frame) -> bool:
        """Whether it reverted because a budget of MegaETH's was used up."""
        return frame.output[:4] == reasons.LIMIT_EXCEEDED.selector

    def limit(self, frame: Frame) -> tuple[int, int]:
        """Which budget, by its number, and how much it was."""
        kind, limit = reasons.LIMIT_EXCEEDED.decode_inputs(frame.output)
        return int(kind), int(limit)

    def _function(self, frame: Frame) -> tuple[tuple[Entry, list[Any]] | None, bool]:
        interface = self.known(frame.to).interface if frame.to is not None else None
        entry = interface.function(frame.input[:4]) if interface is not None else None
        if entry is not None:
            try:
                return (entry, entry.decode_inputs(frame.input)), False
            except DecodingError:
                pass
        return self._selectors.decode(frame.input), True

    def _creation(self, contract: str, frame: Frame) -> NamedFrame:
        known = made(self._network, frame)
        if known is None:
            return NamedFrame(contract, "constructor", "constructor", None, None)
        entry = known.interface.constructor
        size = len(known.bytecode.removeprefix("0x")) // 2
        try:
            values = entry.decode_inputs(bytes(4) + frame.input[size:])
        except DecodingError:
            return NamedFrame(known.name, "constructor", entry.signature, None, None)
        pairs = list(zip(entry.inputs, values, strict=True))
        return NamedFrame(known.name, "constructor", entry.signature, pairs, None)

    def _results(self, entry: Entry, frame: Frame) -> Pairs | None:
        if frame.failed:
            return None
        if not entry.outputs:
            return self._raw(frame)
        try:
            return list(zip(entry.outputs, entry.decode_outputs(frame.output), strict=True))
        except DecodingError:
            return self._raw(frame)

    def _raw(self, frame: Frame) -> Pairs | None:
        if frame.failed or not frame.output:
            return []
        return [(_BYTES, frame.output)]

    def _has_code(self, address: bytes) -> bool:
        return bool(self._network.contracts.code(address))


def pairs_text(pairs: Pairs, most: int | None) -> str:
    """Values with their names, each shortened to so many letters."""
    return ", ".join(
        f"{one.name}: {_shortened(to_text(one, value), most)}"
        if one.name
        else _shortened(to_text(one, value), most)
        for one, value in pairs
    )


def pairs_json(pairs: Pairs | None) -> Json:
    """Values by their names, or numbers where they have none."""
    if pairs is None:
        return None
    return {one.name or str(n): to_json(one.type, value) for n, (one, value) in enumerate(pairs)}


def _shortened(text: str, most: int | None) -> str:
    return text if most is None or len(text) <= most else f"{text[:most]}..."


_BYTES = Parameter(Scalar("bytes"), "")
_STRING = Parameter(Scalar("string"), "")
