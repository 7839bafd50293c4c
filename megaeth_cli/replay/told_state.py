"""The state before a block, as several tell it: who comes first is asked first. What a node says is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from devnet.errors import UserError
from devnet.proving.prestate import EMPTY_CODE_HASH
from megaeth_cli.chain.rpc_client import Node
from megaeth_cli.inspect.known import ADDRESSES
from megaeth_cli.units import keccak, quantity

if TYPE_CHECKING:
    from devnet._engine import StateBefore

Json = Any
T = TypeVar("T")


class NodeState:
    """The state after a block, one answer of a node at a time."""

    def __init__(self, node: Node, number: int) -> None:
        self._node = node
        self._block = hex(number)
        self._codes: dict[bytes, bytes] = {}
        self.failure: UserError | None = None
        """Why the node gave no answer; the engine hears only that something is not known."""

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """Nonce, balance and code hash. All zero is what nodes say of an account that does not exist."""
        place = [_hex(address), self._block]
        nonce, balance, code = self._ask(
            ("eth_getTransactionCount", place), ("eth_getBalance", place), ("eth_getCode", place)
        )
        data = bytes.fromhex(code[2:])
        code_hash = keccak(data) if data else EMPTY_CODE_HASH
        self._codes[code_hash] = data
        if not (quantity(nonce) or quantity(balance) or data):
            return None
        return quantity(nonce), quantity(balance).to_bytes(32, "big"), code_hash

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """A slot's 32 bytes."""
        [value] = self._ask(("eth_getStorageAt", [_hex(address), _hex(slot), self._block]))
        return quantity(value).to_bytes(32, "big")

    def code(self, code_hash: bytes) -> bytes:
        """Code by its hash; that of an account that was asked for needs no question."""
        if code_hash not in self._codes:
            [code] = self._ask(("eth_getCodeByHash", [_hex(code_hash)]))
            if not code:
                raise KeyError(code_hash)
            self._codes[code_hash] = bytes.fromhex(code[2:])
        return self._codes[code_hash]

    def block_hash(self, number: int) -> bytes:
        """An earlier block's hash."""
        [block] = self._ask(("eth_getBlockByNumber", [hex(number), False]))
        if block is None:
            raise KeyError(number)
        return bytes.fromhex(block["hash"][2:])

    def _ask(self, *calls: tuple[str, list[Json]]) -> list[Json]:
        try:
            return self._node.batch(list(calls))
        except UserError as error:
            self.failure = self.failure or error
            raise KeyError(str(error)) from error


class NewContracts:
    """MegaETH's system contracts, where nobody else tells of them: those that a chain's fork does not have yet.

    A block begins with looking for those that its fork has, so whoever tells what a block reads tells of these.
    """

    _OWN = frozenset(bytes.fromhex(one[2:]) for one in ADDRESSES.values() if one.startswith("0x6342"))

    def account(self, address: bytes) -> None:
        """None of them."""
        if address not in self._OWN:
            raise KeyError(address)

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """Nothing."""
        if address not in self._OWN:
            raise KeyError(slot)
        return bytes(32)

    def code(self, code_hash: bytes) -> bytes:
        """None."""
        raise KeyError(code_hash)

    def block_hash(self, number: int) -> bytes:
        """None."""
        raise KeyError(number)


class Layers:
    """What the first of several knows. Each answer is kept: a block is executed more than once."""

    def __init__(self, states: Sequence[StateBefore]) -> None:
        self._states = states
        self._accounts: dict[bytes, tuple[int, bytes, bytes] | None] = {}
        self._slots: dict[tuple[bytes, bytes], bytes] = {}

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """Nonce, balance and code hash."""
        if address not in self._accounts:
            self._accounts[address] = self._first(lambda state: state.account(address))
        return self._accounts[address]

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """A slot's 32 bytes."""
        key = address, slot
        if key not in self._slots:
            self._slots[key] = self._first(lambda state: state.slot(address, slot))
        return self._slots[key]

    def code(self, code_hash: bytes) -> bytes:
        """Code by its hash."""
        return self._first(lambda state: state.code(code_hash))

    def block_hash(self, number: int) -> bytes:
        """An earlier block's hash."""
        return self._first(lambda state: state.block_hash(number))

    def _first(self, ask: Callable[[StateBefore], T]) -> T:
        for state in self._states:
            try:
                return ask(state)
            except KeyError:
                continue
        raise KeyError("nobody tells it")


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
