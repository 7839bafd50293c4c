"""Transactions in the name of accounts whose keys nobody has.

Such a transaction is a deposit: it names its sender, carries no signature and pays no fees, and every checker accepts
it. What else a transaction says of its price and its type has no place in it.

Not here: which accounts the node has keys of (`accounts.py`).
"""

from __future__ import annotations

import orjson

from devnet.rpc import params, tx_request
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.rpc.interventions import MAX_NONCE, Interventions
from devnet.rpc.methods import Home, method

ESTIMATED = ("from", "to", "value", "input")
"""What the gas of a transaction without signature depends on."""


class ImpersonationNamespace:
    """Whose name may be used, and the transactions that use it."""

    def __init__(self, interventions: Interventions, backend: Backend, chain_id: int) -> None:
        self._interventions = interventions
        self._backend = backend
        self._chain_id = chain_id
        self._accounts: set[str] = set()
        self._everyone = False

    def covers(self, address: str) -> bool:
        """Whether transactions of that account need no signature."""
        return self._everyone or address in self._accounts

    @method(
        "anvil_impersonateAccount",
        "address",
        home=Home.SEQUENCER,
        about="Lets `eth_sendTransaction` use an account.",
    )
    @method(
        "hardhat_impersonateAccount",
        "address",
        home=Home.SEQUENCER,
        about="Lets `eth_sendTransaction` use an account.",
    )
    async def impersonate(self, given: list[object], call: Call) -> bytes:
        """Allow an account's name."""
        self._interventions.require()
        self._accounts.add(params.address(given[0], "address"))
        return b"null"

    @method("anvil_stopImpersonatingAccount", "address", home=Home.SEQUENCER, about="Ends that.")
    @method("hardhat_stopImpersonatingAccount", "address", home=Home.SEQUENCER, about="Ends that.")
    async def stop_impersonating(self, given: list[object], call: Call) -> bytes:
        """Allow it no more."""
        self._accounts.discard(params.address(given[0], "address"))
        return b"null"

    @method(
        "anvil_autoImpersonateAccount",
        "enabled",
        home=Home.SEQUENCER,
        about="Lets `eth_sendTransaction` use every account.",
    )
    @method(
        "hardhat_autoImpersonateAccount",
        "enabled",
        home=Home.SEQUENCER,
        about="Lets `eth_sendTransaction` use every account.",
    )
    async def auto_impersonate(self, given: list[object], call: Call) -> bytes:
        """Allow every account's name, or only those that were allowed one by one."""
        [enabled] = given
        if not isinstance(enabled, bool):
            raise invalid_params("enabled must be true or false")
        self._interventions.require()
        self._everyone = enabled
        return b"null"

    @method(
        "eth_sendUnsignedTransaction",
        "transaction",
        home=Home.SEQUENCER,
        about="Executes a transaction in any account's name; its hash.",
    )
    async def send_unsigned(self, given: list[object], call: Call) -> bytes:
        """Send without a signature."""
        return orjson.dumps(await self.send(tx_request.read(given[0], self._chain_id)))

    async def send(self, transaction: dict[str, object]) -> str:
        """Force in a transaction that was read already; its hash. Raises `RpcFault`."""
        self._interventions.require()
        if transaction.get("authorizationList"):
            raise invalid_params("a transaction without signature has no place for an authorizationList")
        sender = str(transaction["from"])
        value = params.quantity(transaction.get("value", "0x0"), "value")
        await self._check_nonce(sender, transaction)
        await self._check_balance(sender, value)
        deposit = {
            "from": sender,
            "value": hex(value),
            "mint": "0x0",
            "data": str(transaction["input"]),
            "gas": await self._gas(transaction),
        }
        if "to" in transaction:
            deposit["to"] = str(transaction["to"])
        return await self._interventions.force(deposit)

    async def _check_nonce(self, sender: str, transaction: dict[str, object]) -> None:
        state = int(str(await self._backend.call("eth_getTransactionCount", sender, "latest")), 16)
        if state == MAX_NONCE:
            raise refused(f"nonce has max value: address {sender}, nonce: {state}")
        if "nonce" not in transaction:
            return
        nonce = params.quantity(transaction["nonce"], "nonce")
        if nonce != state:
            low = "low" if nonce < state else "high"
            raise refused(f"nonce too {low}: address {sender}, tx: {nonce} state: {state}")

    async def _check_balance(self, sender: str, value: int) -> None:
        if not value:
            return
        balance = int(str(await self._backend.call("eth_getBalance", sender, "latest")), 16)
        if balance < value:
            raise refused(
                f"insufficient funds for gas * price + value: address {sender} have {balance} want {value}"
            )

    async def _gas(self, transaction: dict[str, object]) -> str:
        if "gas" in transaction:
            return str(transaction["gas"])
        asked = {name: transaction[name] for name in ESTIMATED if name in transaction}
        return str(await self._backend.call("eth_estimateGas", asked, "latest"))
