"""What the user of a devnet does to its state, under the names that anvil and hardhat gave it.

Each is a transaction of the chain: a deposit from the chain itself to a precompile, which every node that executes the
block has (`engine/checker/src/evm/intervention.rs`). It is answered when the mini-block that holds it is on disk, and
shown by the node that was asked.

    {anvil,hardhat,...}_setBalance --> Interventions.make --> mega_depositTransaction --> a mini-block, a receipt

Not here: transactions in somebody else's name (`impersonation.py`), where tokens keep their balances (`erc20.py`).
"""

from __future__ import annotations

from typing import Any, Final

from devnet._engine import keccak256
from devnet.rpc import erc20, params
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import RpcFault, invalid_params, refused
from devnet.rpc.methods import method

ADDRESS: Final = "0x6465766e65742d696e74657276656e74696f6e73"
"""Where the precompile stands: `devnet-interventions` in ASCII."""
SENDER: Final = "0xfffffffffffffffffffffffffffffffffffffffe"
"""Who intervenes: the chain itself."""
BASE_GAS: Final = 200_000
GAS_PER_BYTE: Final = 700
"""Of calldata: more than any rules ask."""
CALL_BYTES: Final = 4 + 32 + 32 + 31
"""Of a call with one argument of bytes: selector, where it stands, how long it is, what fills its last word."""
MAX_NONCE: Final = 2**64 - 1
NONE_HERE: Final = (
    "this chain knows no interventions: it was started with --no-interventions, or by a version that had none"
)


class Interventions:
    """Has the chain change an account."""

    def __init__(self, backend: Backend, allowed: bool, gas_limit: int) -> None:
        """`gas_limit`: a block's."""
        self._backend = backend
        self._allowed = allowed
        self._gas_limit = gas_limit

    @property
    def most_bytes(self) -> int:
        """How many bytes of accounts a block's gas pays for."""
        return max((self._gas_limit - BASE_GAS) // GAS_PER_BYTE - CALL_BYTES, 0)

    def require(self) -> None:
        """Refuse where the chain's rules have none. Raises `RpcFault`."""
        if not self._allowed:
            raise refused(NONE_HERE)

    async def make(self, signature: str, address: str, *arguments: int | bytes) -> None:
        """Call the precompile about an account; returns when that is visible. Raises `RpcFault`."""
        if not await self._succeeds(encode(signature, int(address, 16), *arguments)):
            name = signature.partition("(")[0]
            raise refused(f"{name} is refused: the chain itself needs {address} as it is, or this is no code")

    async def set_accounts(self, piece: bytes) -> None:
        """Write the accounts of a piece of a state file (`devnet/state_file.py`); likewise."""
        if not await self._succeeds(encode("setAccounts(bytes)", piece)):
            raise refused(
                f"setAccounts of {len(piece)} bytes is refused, or more than a block's gas pays for"
            )

    async def _succeeds(self, data: bytes) -> bool:
        self.require()
        digest = await self.force(
            {
                "from": SENDER,
                "to": ADDRESS,
                "gas": hex(min(BASE_GAS + GAS_PER_BYTE * len(data), self._gas_limit)),
                "data": "0x" + data.hex(),
            }
        )
        receipt: Any = await self._backend.call("eth_getTransactionReceipt", digest)
        if receipt is None:
            raise refused(f"transaction {digest} is in the chain, but this node does not show it yet")
        return bool(receipt["status"] == "0x1")

    async def force(self, deposit: dict[str, str]) -> str:
        """Force a transaction in; its hash when it is visible here, or waits for a block that somebody has to ask for.
        Raises `RpcFault`."""
        return str(await self._backend.call("mega_depositTransaction", deposit))


def encode(signature: str, *arguments: int | bytes) -> bytes:
    """Calldata of a function whose arguments are words, and at most one `bytes`, which comes last."""
    head = keccak256(signature.encode())[:4]
    tail = b""
    for argument in arguments:
        if isinstance(argument, bytes):
            head += (32 * len(arguments)).to_bytes(32)
            tail = len(argument).to_bytes(32) + argument + bytes(-len(argument) % 32)
        else:
            head += argument.to_bytes(32)
    return head + tail


class InterventionNamespace:
    """The setters."""

    def __init__(self, interventions: Interventions, backend: Backend) -> None:
        self._make = interventions.make
        self._require = interventions.require
        self._backend = backend

    @method("anvil_setBalance", "address", "balance", about="Sets an account's balance.")
    @method("hardhat_setBalance", "address", "balance", about="Sets an account's balance.")
    @method("tenderly_setBalance", "address", "balance", about="Sets an account's balance.")
    async def set_balance(self, given: list[object], call: Call) -> bytes:
        """Set a balance, wei."""
        address, balance = params.address(given[0], "address"), params.amount(given[1], "balance")
        await self._make("setBalance(address,uint256)", address, balance)
        return b"null"

    @method("anvil_addBalance", "address", "amount", about="Gives an account so much more.")
    @method("hardhat_addBalance", "address", "amount", about="Gives an account so much more.")
    @method("tenderly_addBalance", "address", "amount", about="Gives an account so much more.")
    async def add_balance(self, given: list[object], call: Call) -> bytes:
        """Raise a balance, wei; at most to the largest there is."""
        address, amount = params.address(given[0], "address"), params.amount(given[1], "amount")
        await self._make("addBalance(address,uint256)", address, amount)
        return b"null"

    @method("anvil_setNonce", "address", "nonce", about="Sets an account's nonce.")
    @method("hardhat_setNonce", "address", "nonce", about="Sets an account's nonce.")
    @method("evm_setAccountNonce", "address", "nonce", about="Sets an account's nonce.")
    async def set_nonce(self, given: list[object], call: Call) -> bytes:
        """Set a nonce."""
        address, nonce = params.address(given[0], "address"), params.amount(given[1], "nonce")
        if nonce > MAX_NONCE:
            raise invalid_params("nonce: more than 64 bits")
        await self._make("setNonce(address,uint64)", address, nonce)
        return b"null"

    @method("anvil_setCode", "address", "code", about="Sets an account's code.")
    @method("hardhat_setCode", "address", "code", about="Sets an account's code.")
    async def set_code(self, given: list[object], call: Call) -> bytes:
        """Set the runtime code."""
        address, code = params.address(given[0], "address"), params.data(given[1], "code")
        await self._make("setCode(address,bytes)", address, code)
        return b"null"

    @method("anvil_setStorageAt", "address", "slot", "value", about="Sets a storage slot; true.")
    @method("hardhat_setStorageAt", "address", "slot", "value", about="Sets a storage slot; true.")
    async def set_storage_at(self, given: list[object], call: Call) -> bytes:
        """Set a storage slot."""
        address, slot = params.address(given[0], "address"), params.amount(given[1], "slot")
        await self._set_slot(address, slot, params.amount(given[2], "value"))
        return b"true"

    async def _set_slot(self, address: str, slot: int, value: int) -> None:
        await self._make("setStorageAt(address,uint256,uint256)", address, slot, value)

    @method("anvil_dealERC20", "address", "token", "balance", about="Sets an account's balance of a token.")
    @method("hardhat_dealERC20", "address", "token", "balance", about="Sets an account's balance of a token.")
    @method(
        "anvil_setERC20Balance", "address", "token", "balance", about="Sets an account's balance of a token."
    )
    async def deal_erc20(self, given: list[object], call: Call) -> bytes:
        """Set what a token says of an account."""
        owner, token = params.address(given[0], "address"), params.address(given[1], "token")
        balance = params.amount(given[2], "balance")
        await self._set_where(token, encode("balanceOf(address)", int(owner, 16)), balance)
        return b"null"

    @method(
        "anvil_setERC20Allowance",
        "owner", "spender", "token", "amount",
        about="Sets what an account may spend of another's tokens.",
    )  # fmt: skip
    async def set_erc20_allowance(self, given: list[object], call: Call) -> bytes:
        """Set what a token says of two accounts."""
        names = ("owner", "spender", "token")
        owner, spender, token = (params.address(one, name) for one, name in zip(given, names, strict=False))
        data = encode("allowance(address,address)", int(owner, 16), int(spender, 16))
        await self._set_where(token, data, params.amount(given[3], "amount"))
        return b"null"

    async def _set_where(self, token: str, data: bytes, value: int) -> None:
        """Set the slot that a token's answer comes from."""
        self._require()
        found = await erc20.slot_of(self._backend, token, data)
        if found is None:
            raise RpcFault(-32000, f"no storage slot of {token} is what it answers from")
        await self._set_slot(*found, value)
