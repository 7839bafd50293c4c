"""The `eth_` methods that Python answers: the development accounts and their transactions.

`eth_sendTransaction` is composed: what the transaction lacks is asked of the engine (nonce, gas, price), the
account signs, and the engine takes it as any raw transaction.

Not here: which transactions there are to ask for (`tx_request.py`), everything that reads the chain (the engine) and
`eth_subscribe` (`subscriptions.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from devnet.fees import max_fee_per_gas
from devnet.rpc import params, tx_request
from devnet.rpc.accounts import DevAccounts
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params
from devnet.rpc.impersonation import ImpersonationNamespace
from devnet.rpc.leader import Leader
from devnet.rpc.methods import method
from devnet.rpc.signed_transaction import filled_fields, signed_fields
from devnet.rpc.sync_status import SyncStatus

ESTIMATE_FIELDS: Final = (
    "from",
    "to",
    "value",
    "input",
    "accessList",
    "authorizationList",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "nonce",
)

Submit = Callable[[str, str], Awaitable[object]]
"""A method and its parameter in, the result out. Raises `RpcFault`."""

MOST_UNCOUNTED: Final = 1_024
"""Of an account's transactions that are told but not visible yet, far more than there are."""


class EthNamespace:
    """Methods that need a key, or that tell about the node rather than the chain."""

    def __init__(
        self,
        backend: Backend,
        accounts: DevAccounts,
        impersonation: ImpersonationNamespace,
        leader: Leader,
        syncing: SyncStatus,
        submit: Submit,
        chain_id: int,
        coinbase: str,
    ) -> None:
        """`submit`: has this node's engine answer a method that takes a transaction."""
        self._backend = backend
        self._submit = submit
        self._accounts = accounts
        self._impersonation = impersonation
        self._leader = leader
        self._syncing = syncing
        self._chain_id = chain_id
        self._coinbase = coinbase
        self._sent: dict[str, dict[int, str]] = {}
        """Of each account, the transactions that went through here and may not be counted yet: hash by nonce."""

    def rewound(self) -> None:
        """The chain was rolled back: nonces are to be counted anew."""
        self._sent.clear()

    @method("eth_requestAccounts", about="The accounts that the node signs for.")
    @method("eth_accounts", about="The accounts that the node signs for.")
    async def accounts(self, given: list[object], call: Call) -> bytes:
        """List the accounts that the node signs for."""
        return orjson.dumps(list(self._accounts.addresses()))

    @method("eth_networkId", about="The chain's id, decimal.")
    async def network_id(self, given: list[object], call: Call) -> bytes:
        """Name the network, as `net_version` does."""
        return orjson.dumps(str(self._chain_id))

    @method("eth_protocolVersion", about="One: there is no protocol with peers.")
    async def protocol_version(self, given: list[object], call: Call) -> bytes:
        """Answer what anvil answers."""
        return b"1"

    @method("eth_hashrate", about="Zero: there is no work to prove.")
    async def hashrate(self, given: list[object], call: Call) -> bytes:
        """Count what is not there."""
        return b'"0x0"'

    @method("eth_mining", about="False: there is no work to prove.")
    async def mining(self, given: list[object], call: Call) -> bytes:
        """Deny it."""
        return b"false"

    @method("eth_coinbase", about="The account that fees go to.")
    async def coinbase(self, given: list[object], call: Call) -> bytes:
        """Name the account that receives fees."""
        return orjson.dumps(self._coinbase)

    @method("eth_syncing", about="False, or how far a full node that catches up has come.")
    async def syncing(self, given: list[object], call: Call) -> bytes:
        """Tell how far a node has come that catches up with the chain."""
        return self._syncing()

    @method("eth_sign", "address", "message", about="The signature of a message (EIP-191).")
    async def sign(self, given: list[object], call: Call) -> bytes:
        """Sign a message (EIP-191): account, message."""
        account, message = given
        return self._sign_message(account, message)

    @method("personal_sign", "message", "address", "password?", about="The signature of a message (EIP-191).")
    async def personal_sign(self, given: list[object], call: Call) -> bytes:
        """Sign a message (EIP-191): message, account, and a password that nobody looks at."""
        message, account = given[:2]
        return self._sign_message(account, message)

    def _sign_message(self, account: object, message: object) -> bytes:
        address = params.address(account, "address")
        return _hex(self._accounts.sign_message(address, params.data(message, "message")))

    @method("eth_signTypedData", "address", "typed data", about="The signature of structured data (EIP-712).")
    @method(
        "eth_signTypedData_v3", "address", "typed data", about="The signature of structured data (EIP-712)."
    )
    @method(
        "eth_signTypedData_v4", "address", "typed data", about="The signature of structured data (EIP-712)."
    )
    async def sign_typed_data(self, given: list[object], call: Call) -> bytes:
        """Sign structured data (EIP-712), given as an object or as its JSON text."""
        account, document = given
        address = params.address(account, "address")
        if not isinstance(document, dict | str):
            raise invalid_params("typed data must be an object")
        return _hex(await self._accounts.sign_typed_data(address, document))

    @method("eth_signTransaction", "transaction", about="A transaction, completed and signed, not sent.")
    async def sign_transaction(self, given: list[object], call: Call) -> bytes:
        """Complete and sign a transaction without sending it."""
        [request] = given
        transaction = tx_request.read(request, self._chain_id)
        sender = str(transaction["from"])
        self._accounts.key(sender)
        await self._complete(transaction)
        raw, digest = self._accounts.sign_transaction(sender, transaction)
        return orjson.dumps({"raw": "0x" + raw.hex(), "tx": signed_fields(transaction, raw, digest)})

    @method("eth_fillTransaction", "transaction", about="A transaction, completed, for others to sign.")
    async def fill_transaction(self, given: list[object], call: Call) -> bytes:
        """Complete a transaction of anybody's."""
        [request] = given
        transaction = tx_request.read(request, self._chain_id)
        await self._complete(transaction)
        return orjson.dumps({"tx": filled_fields(transaction)})

    @method("eth_sendTransaction", "transaction", about="Completes, signs and sends a transaction; its hash.")
    async def send_transaction(self, given: list[object], call: Call) -> bytes:
        """Complete, sign and send a transaction."""
        [request] = given
        transaction = tx_request.read(request, self._chain_id)
        sender = str(transaction["from"])
        if not self._accounts.has(sender):
            if self._leader.forward is not None:  # it knows who is impersonated
                return await self._leader.forward("eth_sendTransaction", given)
            if self._impersonation.covers(sender):
                return orjson.dumps(await self._impersonation.send(transaction))
        async with self._accounts.lock(sender):
            await self._complete(transaction)
            raw, _ = self._accounts.sign_transaction(sender, transaction)
            digest = await self._send_raw("0x" + raw.hex())
            self._remember(sender, int(str(transaction["nonce"]), 16), str(digest))
        return orjson.dumps(digest)

    async def _send_raw(self, raw: str) -> object:
        if self._leader.forward is not None:
            return orjson.loads(await self._leader.forward("eth_sendRawTransaction", [raw]))
        return await self._submit("eth_sendRawTransaction", raw)

    def require_sendable(self, transaction: object) -> None:
        """Raises `RpcFault` for what could not be sent at any state: not signed, or of nobody who signs here."""
        if isinstance(transaction, str):
            from eth_account import Account  # rarely needed, and slow to import

            try:
                Account.recover_transaction(transaction)
            except Exception as error:
                raise invalid_params(f"{transaction[:40]} is no signed transaction: {error}") from None
            return
        sender = str(tx_request.read(transaction, self._chain_id)["from"])
        if not self._accounts.has(sender) and not self._impersonation.covers(sender):
            self._accounts.key(sender)

    async def send(self, transaction: object, call: Call) -> None:
        """Send a transaction that is signed, or that an account of the node shall sign."""
        if isinstance(transaction, str):
            await self._send_raw(transaction)
        else:
            await self.send_transaction([transaction], call)

    # --- what a transaction lacks -------------------------------------------------------------------------

    async def _complete(self, transaction: dict[str, object]) -> None:
        transaction["chainId"] = hex(self._chain_id)
        transaction.setdefault("value", "0x0")
        if "gasPrice" not in transaction and transaction.get("type") not in ("0x0", "0x1"):
            await self._complete_fees(transaction)
        elif "gasPrice" not in transaction:
            transaction["gasPrice"] = await self._backend.call("eth_gasPrice")
        if "nonce" not in transaction:
            transaction["nonce"] = hex(await self._next_nonce(str(transaction["from"])))
        if "gas" not in transaction:
            asked = {name: transaction[name] for name in ESTIMATE_FIELDS if name in transaction}
            transaction["gas"] = await self._backend.call("eth_estimateGas", asked, "pending")

    async def _complete_fees(self, transaction: dict[str, object]) -> None:
        tip = transaction.setdefault("maxPriorityFeePerGas", "0x0")
        if "maxFeePerGas" not in transaction:
            base_fee = int(str(await self._backend.call("eth_gasPrice")), 16)
            transaction["maxFeePerGas"] = hex(max_fee_per_gas(base_fee, int(str(tip), 16)))

    def _remember(self, sender: str, nonce: int, digest: str) -> None:
        sent = self._sent.setdefault(sender, {})
        sent[nonce] = digest
        if len(sent) > MOST_UNCOUNTED:  # whoever gives nonces has none counted here
            del sent[min(sent)]

    async def _next_nonce(self, sender: str) -> int:
        """The first one that is free: neither executed, nor in the pool behind what is, nor sent here a moment ago.
        What waits behind a gap doesn't count."""
        count = await self._count(sender)
        sent = self._sent[sender] = {
            nonce: digest for nonce, digest in self._sent.get(sender, {}).items() if nonce >= count
        }
        free = count
        while free in sent:
            free += 1
        if free == count:
            return count
        last = await self._backend.call("eth_getTransactionByHash", sent[free - 1])
        if isinstance(last, dict) and last.get("blockHash") is not None:
            # Executed since it was counted, or somebody has set the account's nonce back.
            return await self._count(sender)
        return count if last is None else free

    async def _count(self, sender: str) -> int:
        return int(str(await self._backend.call("eth_getTransactionCount", sender, "pending")), 16)


def _hex(value: bytes) -> bytes:
    return b'"0x%b"' % value.hex().encode()
