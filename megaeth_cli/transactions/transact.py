"""Sending one transaction: fill it in, sign it here, send it, wait for its receipt.

Draft -> complete (chain id, nonce, fees, gas: what would fail is said before anything is sent)
      -> engine signs -> realtime_sendRawTransaction (any other node: send, then ask) -> Sent
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from devnet import _engine
from devnet.fees import max_fee_per_gas
from megaeth_cli.abi import Interface
from megaeth_cli.chain.allowance import Allowed
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect import reasons
from megaeth_cli.inspect.known import standing_interfaces
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.transactions.explaining import explain_call
from megaeth_cli.transactions.waiting import why
from megaeth_cli.transactions.wallet import Signer
from megaeth_cli.units import checksummed, ether, quantity

Json = Any

_NO_SUCH_METHOD = (METHOD_NOT_FOUND, -32004)
RECEIPT_TIMEOUT_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 1.0


@dataclass(frozen=True)
class Draft:
    """What a command wants to send; None is filled in."""

    to: bytes | None
    data: bytes = b""
    value: int = 0
    gas_limit: int | None = None
    nonce: int | None = None
    access_list: list[Json] | None = None


@dataclass(frozen=True)
class Sent:
    """A transaction on its way, or in a block."""

    hash: str
    sender: bytes
    receipt: Json | None
    """None when nobody waited."""
    latency_ms: float


def send(
    network: Network, signer: Signer, draft: Draft, interfaces: Iterable[Interface] = (), *, wait: bool = True
) -> Sent:
    """Send a transaction; CliError says beforehand when it would fail."""
    interfaces = list(interfaces)
    transaction = complete(network, signer.address, draft, interfaces)
    raw, hash_ = _engine.sign_transaction(signer.key, json.dumps(transaction).encode())
    started = time.perf_counter()
    try:
        receipt = _deliver(network, f"0x{raw.hex()}", f"0x{hash_.hex()}", wait=wait)
    except RpcError as error:
        raise refusal(network, error, interfaces, transaction) from error
    return Sent(f"0x{hash_.hex()}", signer.address, receipt, (time.perf_counter() - started) * 1000)


def complete(network: Network, sender: bytes, draft: Draft, interfaces: list[Interface]) -> dict[str, Json]:
    """The whole transaction as the signer takes it."""
    transaction: dict[str, Json] = {
        "from": f"0x{sender.hex()}",
        "value": hex(draft.value),
        "data": f"0x{draft.data.hex()}",
    }
    if draft.to is not None:
        transaction["to"] = f"0x{draft.to.hex()}"
    if draft.access_list is not None:
        transaction["accessList"] = draft.access_list
    chain_id, nonce, block, price = network.node.batch(
        [
            ("eth_chainId", []),
            ("eth_getTransactionCount", [transaction["from"], "pending"]),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_gasPrice", []),
        ]
    )
    transaction["nonce"] = hex(draft.nonce) if draft.nonce is not None else nonce
    if draft.gas_limit is not None:
        gas = draft.gas_limit
    else:
        gas = _margin(estimate(network, transaction, interfaces), quantity(block["gasLimit"]))
    transaction |= {"gas": hex(gas), "chainId": chain_id}
    transaction |= _fees(network, block.get("baseFeePerGas"), price, draft.access_list)
    return transaction


def estimate(network: Network, transaction: dict[str, Json], interfaces: list[Interface]) -> int:
    """Gas that the transaction needs; CliError when it would fail."""
    try:
        return quantity(network.node.call("eth_estimateGas", transaction))
    except RpcError as error:
        raise refusal(network, error, interfaces, transaction) from error


def refusal(
    network: Network,
    error: RpcError,
    interfaces: Iterable[Interface],
    transaction: dict[str, Json],
    what: str = "not sent, because it would fail",
) -> CliError:
    """What a node's refusal to simulate or to take a transaction means."""
    reason = reason_of(error, interfaces, network)
    if reason is not None:
        return CliError(f"{what}: {reason.text}", _where(transaction), _next(network, reason, transaction))
    if "insufficient funds" in error.message.lower():
        sender = bytes.fromhex(transaction["from"][2:])
        balance = quantity(network.node.call("eth_getBalance", transaction["from"], "latest"))
        wanted = quantity(transaction.get("value"))
        return CliError(
            f"{checksummed(sender)} cannot pay for this",
            f"it has {ether(balance)} ETH; the transaction carries {ether(wanted)} ETH and its gas\n{error.message}",
            "choose another account with --from (megaeth accounts lists them)",
        )
    return CliError(error.message, error.why, _hint(error.message, network.allowed), ExitStatus.RPC)


def _next(network: Network, reason: Reason, transaction: dict[str, Json]) -> str:
    """What to do about a call that fails, and the command that tells more."""
    if transaction.get("to"):
        command = f"{explain_call(network, transaction)}   says where"
    else:
        command = "with --gas-limit it is sent all the same, and megaeth tx explain HASH says where it fails"
    return f"{reason.hint}\n{command}" if reason.hint else command


def reason_of(error: RpcError, interfaces: Iterable[Interface], network: Network) -> Reason | None:
    """Why execution failed, when that is what the node's error says."""
    if (
        halted := reasons.of_halt(error.mega if isinstance(error.mega, dict) else None, network.allowed)
    ) is not None:
        return halted
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return explain(bytes.fromhex(data[2:]), interfaces, network)
        except ValueError:
            return None
    if error.code == 3 or "revert" in error.message:
        prefix, _, text = error.message.partition("execution reverted")
        return Reason(f"reverted{text}") if text.strip() and not prefix else reasons.of_revert(b"")
    return None


def explain(data: bytes, interfaces: Iterable[Interface], network: Network) -> Reason:
    """What revert data says, by the given interfaces and then by all contracts known on the chain."""

    def known() -> Iterable[Interface]:
        yield from interfaces
        yield from standing_interfaces()
        for artifact in network.artifacts.all():
            yield artifact.interface

    return reasons.of_revert(data, known(), network.allowed)


def failure(
    network: Network, receipt: Json, transaction: Json, interfaces: Iterable[Interface]
) -> Reason | None:
    """Why a mined transaction failed; None when it did not."""
    if quantity(receipt.get("status", "0x1")) == 1:
        return None
    mega = receipt.get("mega") or {}
    if (halted := reasons.of_halt(mega, network.allowed)) is not None:
        return halted
    if mega:
        return explain(bytes.fromhex(mega.get("output", "0x")[2:]), interfaces, network)
    # Other nodes keep no revert data: ask what the call does on the state before its block.
    call = {
        name: transaction[key]
        for name, key in (
            ("from", "from"),
            ("to", "to"),
            ("data", "input"),
            ("value", "value"),
            ("gas", "gas"),
        )
        if transaction.get(key) is not None
    }
    try:
        network.node.call("eth_call", call, hex(max(quantity(receipt["blockNumber"]) - 1, 0)))
    except RpcError as error:
        return reason_of(error, interfaces, network) or Reason(error.message)
    return Reason("failed", "the same call succeeds on the state before its block")


def _deliver(network: Network, raw: str, hash_: str, *, wait: bool) -> Json | None:
    node = network.node
    if not wait:
        node.call("eth_sendRawTransaction", raw)
        return None
    try:
        return node.call("realtime_sendRawTransaction", raw)
    except RpcError as error:
        if error.code in _NO_SUCH_METHOD:
            node.call("eth_sendRawTransaction", raw)
        elif "expired" not in error.message:
            raise
    return _receipt(network, hash_)


def _receipt(network: Network, hash_: str) -> Json:
    until, pause = time.monotonic() + RECEIPT_TIMEOUT_S, _FIRST_PAUSE_S
    while True:
        receipt = network.node.call("eth_getTransactionReceipt", hash_)
        if receipt is not None:
            return receipt
        if time.monotonic() > until:
            raise CliError(
                f"no receipt for {hash_} after {RECEIPT_TIMEOUT_S:g} s",
                f"the node took the transaction, which {_what_for(network, hash_) or 'may still be included'}",
                f"megaeth tx show {hash_}",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _what_for(network: Network, hash_: str) -> str:
    """What a transaction waits for, where the node says so."""
    try:
        transaction = network.node.call("eth_getTransactionByHash", hash_)
        return why(network.node, transaction).text if transaction is not None else ""
    except RpcError:
        return ""


def _margin(needed: int, block_limit: int) -> int:
    """Room for what changes until the transaction runs; unused gas costs nothing."""
    return max(needed, min(needed * 6 // 5, block_limit))


def _fees(network: Network, base: str | None, price: str, access_list: list[Json] | None) -> dict[str, Json]:
    if base is None:
        # A chain without EIP-1559.
        return {"type": "0x1" if access_list is not None else "0x0", "gasPrice": price}
    try:
        tip = quantity(network.node.call("eth_maxPriorityFeePerGas"))
    except RpcError:
        tip = max(quantity(price) - quantity(base), 0)
    max_fee = max_fee_per_gas(quantity(base), tip)
    return {"type": "0x2", "maxFeePerGas": hex(max_fee), "maxPriorityFeePerGas": hex(tip)}


def _where(transaction: dict[str, Json]) -> str:
    to = transaction.get("to")
    target = checksummed(bytes.fromhex(to[2:])) if to else "a new contract"
    return f"simulated from {checksummed(bytes.fromhex(transaction['from'][2:]))} to {target}"


_HINTS = {
    "txpool is full": "wait until some are executed: megaeth tx show HASH says what each waits for",
    "at most": "send the nonces before it first, or leave --nonce out; `megaeth devnet up --pool-account-slots N` "
    "lets more of one account wait",
    "nonce too low": "leave --nonce out to take the next one",
    "nonce too high": "leave --nonce out to take the next one",
    "already known": "the same transaction is waiting already",
    "underpriced": "a transaction with this nonce waits already; leave --nonce out",
    "intrinsic": "leave --gas-limit out to have it estimated; a transaction needs at least {intrinsic_gas:,} gas",
    "exceeds": "leave --gas-limit out to have it estimated",
}


def _hint(message: str, allowed: Allowed) -> str:
    lower = message.lower()
    hint = next((hint for part, hint in _HINTS.items() if part in lower), "")
    return hint.format(intrinsic_gas=allowed().intrinsic_gas) if "{" in hint else hint
