"""The command that explains a call which fails, to be typed as it stands."""

import json
import shlex
from typing import Any

from megaeth_cli.abi import Array, DecodingError, Entry, Interface, Parameter, Scalar, Tuple, to_json, to_text
from megaeth_cli.abi.types import AbiValue
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError
from megaeth_cli.transactions.wallet import caller
from megaeth_cli.units import checksummed, quantity

_LONGEST = 400
"""A longer command has words where its arguments would stand."""


def explain_call(network: Network, transaction: dict[str, Any]) -> str:
    """`megaeth tx explain --call ...` for a call as nodes take it."""
    target = checksummed(bytes.fromhex(transaction["to"][2:]))
    options = _options(network, transaction)
    called = _called(network, transaction)
    if called is None or sum(map(len, called)) > _LONGEST:
        return " ".join(("megaeth tx explain --call", target, "FUNCTION ARGS", *options))
    return " ".join(("megaeth tx explain --call", target, *map(shlex.quote, called), *options))


def _called(network: Network, transaction: dict[str, Any]) -> list[str] | None:
    """The function and its arguments; None where nobody knows them."""
    given = transaction.get("data") or transaction.get("input") or "0x"
    data = bytes.fromhex(given[2:])
    interface = network.interface_at(transaction["to"])
    entry = interface.function(data[:4]) if interface is not None else None
    if interface is None or entry is None:
        return None
    try:
        values = entry.decode_inputs(data)
    except DecodingError:
        return None
    pairs = zip(entry.inputs, values, strict=True)
    return [_name(interface, entry), *(_text(one, value) for one, value in pairs)]


def _name(interface: Interface, entry: Entry) -> str:
    overloaded = len(interface.named("function", entry.name)) > 1
    return entry.signature if overloaded else entry.name


def _text(parameter: Parameter, value: AbiValue) -> str:
    """A value as command lines take it."""
    match parameter.type:
        case Scalar(kind="string"):
            return str(value)
        case Array() | Tuple():
            return json.dumps(to_json(parameter.type, value))
        case _:
            return to_text(parameter, value)


def _options(network: Network, transaction: dict[str, Any]) -> list[str]:
    """What differs from what the command takes by itself."""
    options = []
    sender = bytes.fromhex(transaction["from"][2:])
    try:
        usual = caller(network, None)
    except CliError:  # nobody would sign by default
        usual = b""
    if sender != usual:
        options += ["--from", checksummed(sender)]
    if wei := quantity(transaction.get("value")):
        options += ["--value", str(wei)]
    return options
