"""`megaeth tx send` and `megaeth tx show`: one transaction, sent or explained."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.abi import DecodingError, Entry, Interface, ValueTextError, to_json, to_text
from megaeth_cli.abi.values import hex_bytes
from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.commands.contract_options import (
    AbiFile,
    As,
    From,
    GasLimit,
    Keystore,
    NegativeNumbers,
    Nonce,
    NoWait,
    PasswordFile,
    PrivateKey,
    Value,
    amount,
    arguments,
    check_hash,
    gas_limit,
)
from megaeth_cli.commands.tx_explain import explain_command
from megaeth_cli.contracts.calls import find_function, read_arguments
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import take
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.output.facts import labelled
from megaeth_cli.output.receipts import (
    PENDING_HASH,
    emitted_text,
    receipt_json,
    receipt_rows,
    resource_rows,
)
from megaeth_cli.transactions.transact import Draft, Sent, failure, send
from megaeth_cli.transactions.waiting import Waiting, why
from megaeth_cli.transactions.wallet import Choice, choose
from megaeth_cli.units import ether, quantity

Json = Any

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Send a transaction, or look at one."""


@app.command("send", cls=NegativeNumbers)
def send_command(
    context: typer.Context,
    contract: Annotated[str | None, typer.Argument(help="Address, or name of a deployed contract.")] = None,
    function: Annotated[
        str | None,
        typer.Argument(help='Name from the contract\'s ABI, or signature like "transfer(address,uint256)".'),
    ] = None,
    args: Annotated[list[str] | None, typer.Argument(help="The function's arguments.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", help="Recipient of a plain transfer.")
    ] = None,
    value: Value = "0",
    data: Annotated[
        str | None, typer.Option("--data", metavar="HEX", help="Raw calldata instead of a function.")
    ] = None,
    sender: From = None,
    private_key: PrivateKey = None,
    keystore: Keystore = None,
    password_file: PasswordFile = None,
    gas: GasLimit = None,
    nonce: Nonce = None,
    access_list: Annotated[
        str | None,
        typer.Option(
            "--access-list", metavar="JSON|@FILE|auto", help="EIP-2930 access list; auto asks the node."
        ),
    ] = None,
    no_wait: NoWait = False,
    as_: As = None,
    abi: AbiFile = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Send ether (--to, --value) or call a function of a contract, and print the receipt."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    if to is not None and (as_ is not None or abi is not None):
        raise CliError("--as and --abi are for calls of a contract, not for --to", status=ExitStatus.USAGE)
    target = _target(network, contract, to)
    entry = None
    if contract is not None:
        target = take(network, target.address, as_, abi)
        entry = find_function(target, function, len(args or ())) if function is not None else None
    wei = amount(value, "--value")
    payload = _payload(network, entry, arguments(args), data)
    if entry is not None and wei and entry.mutability in ("nonpayable", "view", "pure"):
        raise CliError(
            f"{entry.signature} takes no ether",
            f"it is {entry.mutability}",
            "leave --value out",
            ExitStatus.USAGE,
        )
    signer = choose(network, Choice(sender, private_key, keystore, password_file))
    draft = Draft(target.address, payload, wei, gas_limit(gas), nonce)
    draft = _with_access_list(network, signer.address, draft, access_list)
    if entry is not None and network.node.call("eth_getCode", f"0x{target.address.hex()}", "latest") == "0x":
        # A call of an empty account succeeds and does nothing: never what was meant.
        raise network.no_code(target)
    interfaces = [target.interface] if target.interface is not None else []
    sent = send(network, signer, draft, interfaces, wait=not no_wait)
    return report_sent(env, network, sent, interfaces)


@app.command("show")
def show_command(
    context: typer.Context,
    hash_: Annotated[str, typer.Argument(metavar="HASH", help="Hash of the transaction.")],
    as_: As = None,
    abi: AbiFile = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Explain a transaction: call, result, logs, gas and where it is."""
    env = environment(context)
    check_hash(hash_)
    network = Network.open(context, rpc_url)
    transaction, receipt = network.node.batch(
        [("eth_getTransactionByHash", [hash_]), ("eth_getTransactionReceipt", [hash_])]
    )
    if transaction is None:
        raise CliError(f"no transaction {hash_}", "the node does not know it", "check the hash and --rpc-url")
    find = network.interface_at
    to = transaction.get("to")
    recipient = to or (receipt or {}).get("contractAddress")
    if receipt is not None:
        network.contracts.look_at(quantity(receipt["blockNumber"]))
    if recipient:
        take(network, bytes.fromhex(recipient[2:]), as_, abi)
    interface = find(to) if to else None
    reason = failure(network, receipt, transaction, [interface] if interface else []) if receipt else None
    waiting = why(network.node, transaction) if receipt is None else None
    call = described_call(network, transaction)
    if env.json:
        body: dict[str, Json] = {"transaction": transaction, "call": _call_json(network, transaction)}
        body["contract"] = network.known(recipient).to_json() if recipient else None
        body["receipt"] = receipt_json(receipt, None, reason, find) if receipt is not None else None
        if waiting is not None:
            body["waiting"] = waiting.to_json()
        env.write(json.dumps(body, indent=2))
        return
    rows = [
        ("status", _pending(waiting) if waiting is not None else _status(reason, hash_)),
        ("from", network.label(transaction["from"])),
        ("to", network.label(to) if to else f"new contract {network.label(recipient) if recipient else ''}"),
        ("call", call),
        ("value", f"{ether(quantity(transaction['value']))} ETH" if quantity(transaction["value"]) else ""),
        ("nonce", str(quantity(transaction["nonce"]))),
        ("gas limit", f"{quantity(transaction['gas']):,}"),
    ]
    if receipt is not None:
        rows += [
            *receipt_rows(receipt, reason, network.allowed),
            *resource_rows(receipt),
            ("sealed", _sealed(receipt)),
        ]
        rows += [("log", emitted_text(log, network.label, find)) for log in receipt["logs"]]
    env.write(f"Transaction {hash_}\n{labelled(rows)}")


app.command("explain", cls=NegativeNumbers)(explain_command)


def report_sent(env: Environment, network: Network, sent: Sent, interfaces: list[Interface]) -> int:
    """Print a sent transaction; the exit code says whether it succeeded."""
    if sent.receipt is None:
        env.write(json.dumps({"transactionHash": sent.hash}) if env.json else sent.hash)
        return ExitStatus.SUCCESS
    receipt, find = sent.receipt, network.interface_at
    reason = None
    if quantity(receipt.get("status", "0x1")) != 1:
        transaction = network.node.call("eth_getTransactionByHash", sent.hash)
        reason = failure(network, receipt, transaction, interfaces)
    if env.json:
        env.write(json.dumps(receipt_json(receipt, sent.latency_ms, reason, find), indent=2))
    else:
        rows = [
            ("transaction", sent.hash),
            ("to", _called(network, receipt.get("to"))),
            ("status", _status(reason, sent.hash)),
            *receipt_rows(receipt, reason, network.allowed),
            ("latency", f"{sent.latency_ms:.1f} ms"),
            *(("log", emitted_text(log, network.label, find)) for log in receipt.get("logs", ())),
        ]
        env.write(labelled(rows, indent=0))
    return ExitStatus.SUCCESS if reason is None else ExitStatus.FAILURE


def described_call(network: Network, transaction: Json) -> str:
    """The call that a transaction makes, in words."""
    decoded = _decoded_call(network, transaction)
    data = transaction.get("input") or "0x"
    if decoded is None:
        if data == "0x" or not transaction.get("to"):
            return ""
        return data if len(data) <= 138 else f"{data[:138]}... ({len(data) // 2 - 1} bytes)"
    entry, values = decoded
    shown = (
        f"{one.name}: {to_text(one, value)}" if one.name else to_text(one, value)
        for one, value in zip(entry.inputs, values, strict=True)
    )
    return f"{entry.name}({', '.join(shown)})"


def _call_json(network: Network, transaction: Json) -> Json:
    decoded = _decoded_call(network, transaction)
    if decoded is None:
        return None
    entry, values = decoded
    pairs = enumerate(zip(entry.inputs, values, strict=True))
    arguments_ = {one.name or str(n): to_json(one.type, value) for n, (one, value) in pairs}
    return {"function": entry.signature, "arguments": arguments_}


def _decoded_call(network: Network, transaction: Json) -> tuple[Entry, list[Any]] | None:
    to, data = transaction.get("to"), bytes.fromhex((transaction.get("input") or "0x")[2:])
    interface = network.interface_at(to) if to else None
    entry = interface.function(data[:4]) if interface is not None and len(data) >= 4 else None
    if entry is None:
        return None
    try:
        return entry, entry.decode_inputs(data)
    except DecodingError:
        return None


def _target(network: Network, contract: str | None, to: str | None) -> KnownContract:
    if (contract is None) == (to is None):
        raise CliError(
            "say where to send" if to is None else "either --to or a contract, not both",
            "a transfer has --to ADDRESS --value AMOUNT; a call has CONTRACT FUNCTION ARGS...",
            'megaeth tx send --to 0x... --value 1ether\nmegaeth tx send Token "transfer(address,uint256)" 0x... 5',
            ExitStatus.USAGE,
        )
    return KnownContract(network.address(to, "--to")) if to is not None else network.contract(contract or "")


def _payload(network: Network, entry: Entry | None, texts: list[str], data: str | None) -> bytes:
    if entry is not None and data is not None:
        raise CliError("either a function or --data, not both", status=ExitStatus.USAGE)
    if entry is not None:
        return entry.encode_call(read_arguments(entry, texts, network.resolve))
    try:
        return hex_bytes(data) if data is not None else b""
    except ValueTextError as error:
        raise CliError(f"--data: {error}", status=ExitStatus.USAGE) from None


def _with_access_list(network: Network, sender: bytes, draft: Draft, text: str | None) -> Draft:
    from dataclasses import replace

    if text is None:
        return draft
    if text == "auto":
        call = {"from": f"0x{sender.hex()}", "value": hex(draft.value), "data": f"0x{draft.data.hex()}"}
        if draft.to is not None:
            call["to"] = f"0x{draft.to.hex()}"
        try:
            answer = network.node.call("eth_createAccessList", call)
        except RpcError as error:
            raise CliError("the node made no access list", error.message, status=ExitStatus.RPC) from error
        return replace(draft, access_list=answer["accessList"])
    try:
        content = (network.env.cwd / Path(text[1:])).read_text() if text.startswith("@") else text
        access_list = json.loads(content)
        for item in access_list:
            for part in (item["address"], *item["storageKeys"]):
                hex_bytes(part)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CliError(
            "--access-list is not an access list",
            str(error),
            'for example [{"address": "0x...", "storageKeys": ["0x..."]}]',
            ExitStatus.USAGE,
        ) from None
    return replace(draft, access_list=access_list)


def _called(network: Network, to: str | None) -> str:
    """What was called, where that is not simply what was named."""
    return network.label(to) if to and network.known(to).is_worth_saying else ""


def _pending(waiting: Waiting) -> str:
    return f"pending: {waiting.text}" + (f"\n{waiting.hint}" if waiting.hint else "")


def _status(reason: Reason | None, hash_: str) -> str:
    if reason is None:
        return "success"
    lines = (f"failed: {reason.text}", reason.hint, f"megaeth tx explain {hash_}   says where")
    return "\n".join(line for line in lines if line)


def _sealed(receipt: Json) -> str:
    return "not yet (its EVM block is still open)" if receipt.get("blockHash") == PENDING_HASH else ""
