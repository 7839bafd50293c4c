"""`megaeth abi`: calldata, results, events and errors, made and read without sending anything."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from megaeth_cli import options
from megaeth_cli.abi import (
    DecodingError,
    Entry,
    Interface,
    Parameter,
    ValueTextError,
    decode,
    to_json,
    to_text,
)
from megaeth_cli.abi.codec import encode_packed
from megaeth_cli.abi.values import hex_bytes
from megaeth_cli.commands.contract_options import NegativeNumbers, arguments
from megaeth_cli.contracts.calls import read_arguments
from megaeth_cli.contracts.entries import by_data, meant
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.told import of_file
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.reasons import meaning
from megaeth_cli.output.facts import labelled

Json = Any

app = typer.Typer(no_args_is_help=True)

_WHAT = 'Signature, or with --contract or --abi a name. "(types)" is arguments alone, "event" or "error" goes before.'
Contract = Annotated[
    str | None,
    typer.Option(
        "--contract", metavar="CONTRACT", help="Whose ABI: address, or name of a deployed contract."
    ),
]
AbiFile = Annotated[
    Path | None, typer.Option("--abi", metavar="FILE", help="ABI as JSON, or an artifact that holds it.")
]


@app.callback()
def group() -> None:
    """Build and read calldata, results, events and errors."""


@app.command("encode", cls=NegativeNumbers)
def encode_command(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="SIGNATURE|NAME", help=_WHAT)],
    args: Annotated[list[str] | None, typer.Argument(help="The arguments.")] = None,
    contract: Contract = None,
    abi: AbiFile = None,
    packed: Annotated[
        bool, typer.Option("--packed", help="As abi.encodePacked; the arguments alone.")
    ] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Print calldata, revert data, constructor arguments, or an event's topics and data."""
    env = environment(context)
    texts = arguments(args)
    entry = meant(what, _interface(context, contract, abi, rpc_url), len(texts))
    values = read_arguments(entry, texts, lambda name: _resolve(context, name, rpc_url))
    body: dict[str, Json] = {"signature": entry.signature, "kind": entry.kind}
    if packed:
        body["data"] = f"0x{_packed(entry, values).hex()}"
    elif entry.kind == "event":
        topics, data = entry.encode_log(values)
        body |= {"topics": [f"0x{topic.hex()}" for topic in topics], "data": f"0x{data.hex()}"}
    else:
        body["data"] = f"0x{entry.encode_call(values).hex()}"
    if env.json:
        env.write(json.dumps(body))
        return
    if "topics" not in body:
        env.write(body["data"])
        return
    rows = [*((f"topic {n}", topic) for n, topic in enumerate(body["topics"])), ("data", body["data"])]
    env.write(labelled(rows, indent=0))


@app.command("decode")
def decode_command(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Hex: calldata, revert data, a result, or an event's data.")],
    what: Annotated[
        str | None, typer.Argument(metavar="SIGNATURE|NAME", help=f"{_WHAT} Default: what the selector says.")
    ] = None,
    contract: Contract = None,
    abi: AbiFile = None,
    result: Annotated[
        bool, typer.Option("--result", help="The data are what the function returned.")
    ] = False,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", metavar="HEX", help="An event's topics, in their order.")
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Print what calldata, revert data, a result or an event say."""
    env = environment(context)
    raw, topics = _hex(data, "the data"), [_hex(one, "--topic") for one in topic or ()]
    interface = _interface(context, contract, abi, rpc_url)
    entry = by_data(raw, topics, interface) if what is None else meant(what, interface)
    try:
        parameters, values = _decoded(entry, raw, topics, result)
    except DecodingError as error:
        raise CliError(
            f"the data are no {'result of ' if result else ''}{entry.signature}", str(error)
        ) from None
    means = meaning(entry, raw) if not result else ""
    if env.json:
        items = [
            {"name": one.name, "type": str(one.type), "value": to_json(one.type, value)}
            for one, value in zip(parameters, values, strict=True)
        ]
        body = {"signature": entry.signature, "kind": entry.kind, "values": items}
        env.write(json.dumps(body | ({"meaning": means} if means else {})))
        return
    rows = [
        (f"{one.type} {one.name}".strip(), to_text(one, value))
        for one, value in zip(parameters, values, strict=True)
    ]
    if means:
        rows.append(("meaning", means))
    env.write("\n".join(filter(None, (entry.signature, labelled(rows)))))


@app.command("selectors")
def selectors_command(
    context: typer.Context,
    signatures: Annotated[list[str] | None, typer.Argument(help="Signatures, or names.")] = None,
    contract: Contract = None,
    abi: AbiFile = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Print selectors of functions and errors, and topics of events: those given, or a whole ABI's."""
    env = environment(context)
    interface = _interface(context, contract, abi, rpc_url)
    if signatures:
        entries = [meant(one, interface) for one in signatures]
    elif interface is not None:
        entries = [one for one in interface.entries if one.kind in ("function", "event", "error")]
    else:
        raise CliError(
            "whose selectors?", hint="give signatures, --contract or --abi", status=ExitStatus.USAGE
        )
    marks = [f"0x{(one.topic if one.kind == 'event' else one.selector).hex()}" for one in entries]
    if env.json:
        body = [
            {
                "kind": one.kind,
                "signature": one.signature,
                "event" if one.kind == "event" else "selector": mark,
            }
            for one, mark in zip(entries, marks, strict=True)
        ]
        env.write(json.dumps(body))
        return
    env.write(
        "\n".join(
            f"{mark}  {'' if one.kind == 'function' else one.kind + ' '}{one.signature}"
            for one, mark in zip(entries, marks, strict=True)
        )
    )


def _interface(
    context: typer.Context, contract: str | None, abi: Path | None, rpc_url: str | None
) -> Interface | None:
    if abi is not None:
        if contract is not None:
            raise CliError("either --contract or --abi, not both", status=ExitStatus.USAGE)
        return of_file(environment(context).cwd / abi.expanduser()).interface
    if contract is None:
        return None
    known = Network.open(context, rpc_url).contract(contract)
    if known.interface is None:
        raise CliError(
            f"the ABI of {known.label} is not known", "", "give --abi FILE, or signatures", ExitStatus.USAGE
        )
    return known.interface


def _resolve(context: typer.Context, name: str, rpc_url: str | None) -> bytes | None:
    """A contract's address by its name; only this needs a node."""
    try:
        return Network.open(context, rpc_url).resolve(name)
    except CliError:
        return None


def _packed(entry: Entry, values: list[Any]) -> bytes:
    try:
        return encode_packed([one.type for one in entry.inputs], values)
    except ValueError as error:
        raise CliError(
            "--packed: not with these types", str(error), "leave --packed out", ExitStatus.USAGE
        ) from None


def _decoded(
    entry: Entry, data: bytes, topics: list[bytes], result: bool
) -> tuple[tuple[Parameter, ...], list[Any]]:
    if result:
        # A signature without results, as in "(uint256)", says what they are by itself.
        parameters = entry.inputs if entry.name == "arguments" else entry.outputs
        if not parameters:
            raise CliError(
                f"{entry.signature} returns nothing",
                "its signature has no result types",
                f'write them behind it, for example "{entry.signature}(uint256)"',
                ExitStatus.USAGE,
            )
        return parameters, decode([one.type for one in parameters], data)
    if entry.kind == "event":
        return entry.log_parameters(), entry.decode_log(topics, data)
    if entry.kind == "constructor":
        return entry.inputs, decode([one.type for one in entry.inputs], data)
    if data[:4] != entry.selector:
        raise DecodingError(f"they begin with 0x{data[:4].hex()}, its selector is 0x{entry.selector.hex()}")
    return entry.inputs, entry.decode_inputs(data)


def _hex(text: str, what: str) -> bytes:
    try:
        return hex_bytes(text)
    except ValueTextError as error:
        raise CliError(f"{what}: {error}", status=ExitStatus.USAGE) from None
