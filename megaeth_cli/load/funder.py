"""Who pays: an account with money that gives the senders theirs, deploys contracts and hands out tokens.

All of it happens before the clock starts, over the same RPC client that other commands use.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from devnet._engine import sign_transaction
from megaeth_cli.chain.rpc_client import Node
from megaeth_cli.load.senders import Sender, Terms
from megaeth_cli.load.wire import LoadError
from megaeth_cli.units import WEI_PER_ETHER, ether, quantity

FEE_ROOM: Final = 10
"""Times the present gas price: full blocks make it rise on other chains."""
GAS_ROOM: Final = 1.3
RECEIPT_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.01
MAX_EACH_WEI: Final = 10 * WEI_PER_ETHER
"""What a sender gets at most when nobody knows how much it will send."""
AT_ONCE: Final = 50


class Call(NamedTuple):
    """What a transaction does; without `to` it deploys."""

    to: bytes | None
    data: bytes = b""
    value: int = 0

    def json(self) -> dict[str, str]:
        """As JSON-RPC takes it."""
        fields = {"data": f"0x{self.data.hex()}", "value": hex(self.value)}
        return fields if self.to is None else {**fields, "to": f"0x{self.to.hex()}"}


class Funder:
    """An account with money on a node."""

    def __init__(self, node: Node, key: bytes) -> None:
        self._account = Sender.of(key)
        self.node = node
        self.key = key
        self.address = self._account.address
        chain_id, price = node.batch([("eth_chainId", []), ("eth_gasPrice", [])])
        self.chain_id = quantity(chain_id)
        self.max_fee_wei = max(FEE_ROOM * quantity(price), 1)

    def terms(self, gas_limit: int) -> Terms:
        """For transactions of the load."""
        return Terms(self.chain_id, gas_limit, self.max_fee_wei)

    def gas(self, call: Call, sender: bytes | None = None) -> int:
        """What a call needs, with room for a state that changes."""
        given = {"from": f"0x{(sender or self.address).hex()}", **call.json()}
        return round(GAS_ROOM * quantity(self.node.call("eth_estimateGas", given)))

    def deploy(self, code: bytes) -> bytes:
        """The address of a new contract."""
        [receipt] = self.send([Call(None, code)])
        return bytes.fromhex(receipt["contractAddress"][2:])

    def send(self, calls: Sequence[Call], gas: int | None = None) -> list[Any]:
        """Receipts of transactions that succeeded; all get the gas that the first one needs unless it is given."""
        return send_all(self, [(self._account, call) for call in calls], gas)

    def fund(self, senders: Sequence[Sender], each_wei: int | None) -> None:
        """Sees to it that everybody has money (`None`: as much as there is, within reason) and knows its nonce."""
        accounts = [f"0x{one.address.hex()}" for one in senders]
        nonces = self.node.batch([("eth_getTransactionCount", [one, "latest"]) for one in accounts])
        for sender, nonce in zip(senders, nonces, strict=True):
            sender.nonce = quantity(nonce)
        balances = self.node.batch([("eth_getBalance", [one, "latest"]) for one in accounts])
        own = quantity(self.node.call("eth_getBalance", f"0x{self.address.hex()}", "latest"))
        if each_wei is None:
            each_wei = min(MAX_EACH_WEI, own // (2 * len(senders)))
        poor = [
            Call(sender.address, value=2 * each_wei - quantity(balance))
            for sender, balance in zip(senders, balances, strict=True)
            if quantity(balance) < each_wei
        ]
        if (needed := sum(call.value for call in poor)) >= own:
            raise LoadError(
                f"0x{self.address.hex()} has {ether(own)} ETH; the senders need {ether(needed)} for this load"
            )
        if poor:
            self.send(poor)


def send_all(funder: Funder, calls: Iterable[tuple[Sender, Call]], gas: int | None = None) -> list[Any]:
    """Receipts of some accounts' transactions, which all succeeded."""
    wanted, receipts = list(calls), []
    if gas is None:
        gas = funder.gas(wanted[0][1], wanted[0][0].address)
    for sender in {id(one): one for one, _ in wanted}.values():
        # Nothing of ours is in flight: the nonce as of now is the next one.
        count = funder.node.call("eth_getTransactionCount", f"0x{sender.address.hex()}", "latest")
        sender.nonce = quantity(count)
    for at in range(0, len(wanted), AT_ONCE):
        some = wanted[at : at + AT_ONCE]
        raws = [f"0x{_signed(funder, sender, call, gas).hex()}" for sender, call in some]
        hashes = funder.node.batch([("eth_sendRawTransaction", [raw]) for raw in raws])
        receipts += _receipts(funder.node, hashes)
    if any(quantity(receipt.get("status", "0x1")) != 1 for receipt in receipts):
        raise LoadError("a transaction that prepares the load failed")
    return receipts


def _signed(funder: Funder, sender: Sender, call: Call, gas: int) -> bytes:
    transaction = {
        **call.json(),
        "chainId": hex(funder.chain_id),
        "nonce": hex(sender.nonce),
        "gas": hex(gas),
        "maxFeePerGas": hex(funder.max_fee_wei),
        "maxPriorityFeePerGas": "0x0",
    }
    sender.nonce += 1
    raw, _ = sign_transaction(sender.key, json.dumps(transaction).encode())
    return raw


def _receipts(node: Node, hashes: list[str]) -> list[Any]:
    until = time.monotonic() + RECEIPT_TIMEOUT_S
    while True:
        receipts = node.batch([("eth_getTransactionReceipt", [one]) for one in hashes])
        if None not in receipts:
            return receipts
        if time.monotonic() > until:
            raise LoadError(f"the node does not include what prepares the load ({hashes[-1]})")
        time.sleep(POLL_S)
