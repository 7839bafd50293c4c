"""`megaeth deploy FILE[:NAME] ARGS...`: compile a source or take an artifact, sign here, send, remember it by name."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.abi import Interface, ValueTextError, from_text, parse_type
from megaeth_cli.abi.values import hex_bytes
from megaeth_cli.commands.contract_options import (
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
    gas_limit,
)
from megaeth_cli.commands.tx import report_sent
from megaeth_cli.compile import Compilation, Contract, Options
from megaeth_cli.contracts.artifacts import Artifact, Template
from megaeth_cli.contracts.calls import arguments_of_file, read_arguments
from megaeth_cli.contracts.linking import Library, libraries, linked
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.product import locate, prepare
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output.facts import labelled
from megaeth_cli.output.receipts import receipt_json, receipt_rows
from megaeth_cli.transactions.transact import Draft, Sent, send
from megaeth_cli.transactions.wallet import Choice, Signer, choose
from megaeth_cli.units import checksummed, keccak, quantity

app = typer.Typer()

CREATE2_FACTORY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""The deterministic deployer (github.com/Arachnid/deterministic-deployment-proxy): calldata is salt, then code."""

_COMPILER = "Compiler"


@app.command(cls=NegativeNumbers)
def deploy(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FILE[:NAME]", help="Source or build artifact, and which contract in it."),
    ],
    args: Annotated[list[str] | None, typer.Argument(help="The constructor's arguments.")] = None,
    arguments_file: Annotated[
        Path | None,
        typer.Option(
            "--constructor-args", metavar="FILE", help="Arguments from a file: JSON array, or one per line."
        ),
    ] = None,
    value: Value = "0",
    sender: From = None,
    private_key: PrivateKey = None,
    keystore: Keystore = None,
    password_file: PasswordFile = None,
    gas: GasLimit = None,
    nonce: Nonce = None,
    create2: Annotated[
        str | None,
        typer.Option("--create2", metavar="SALT", help="Same address on every chain; hex or any text."),
    ] = None,
    library: Annotated[
        list[str] | None,
        typer.Option("--library", metavar="NAME=ADDRESS", help="Where a library that the contract links is."),
    ] = None,
    no_wait: NoWait = False,
    solc: Annotated[
        str | None, typer.Option("--solc", metavar="PATH", help="This compiler.", rich_help_panel=_COMPILER)
    ] = None,
    remapping: Annotated[
        list[str] | None,
        typer.Option(
            "--remapping", metavar="PREFIX=TARGET", help="Where imports lead.", rich_help_panel=_COMPILER
        ),
    ] = None,
    optimize: Annotated[
        bool | None,
        typer.Option(
            "--optimize/--no-optimize",
            help="Default: as the project says, else optimise.",
            rich_help_panel=_COMPILER,
        ),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(
            "--optimizer-runs",
            min=0,
            metavar="N",
            help="Default: as the project says, else 200.",
            rich_help_panel=_COMPILER,
        ),
    ] = None,
    via_ir: Annotated[
        bool | None,
        typer.Option("--via-ir/--no-via-ir", help="Compile through Yul.", rich_help_panel=_COMPILER),
    ] = None,
    evm_version: Annotated[
        str | None,
        typer.Option(
            "--evm-version",
            metavar="NAME",
            help="Default: as the project says, else prague.",
            rich_help_panel=_COMPILER,
        ),
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Deploy a contract, and remember it by its name.

    A source is compiled first; a build artifact (.json) of forge, hardhat, truffle or solc is taken as it is.
    """
    env = environment(context)
    path, name = locate(env, source)
    network = Network.open(context, rpc_url)
    _ = network.chain_id  # a node that does not answer is told before anything is compiled
    compilation, contract = prepare(
        path,
        name,
        Options(
            env.paths.cache,
            dict(env.variables),
            solc,
            tuple(remapping or ()),
            optimize,
            runs,
            via_ir,
            evm_version,
            env.note,
            env.cwd,
        ),
    )
    _tell_warnings(env, compilation.warnings)
    texts = _argument_texts(env, arguments(args), arguments_file)
    wei = amount(value, "--value")
    constructor_arguments = _constructor_arguments(network, contract, texts, wei)
    linked_code, places = _linked(network, contract, compilation, library or [])
    code = linked_code + constructor_arguments
    signer = choose(network, Choice(sender, private_key, keystore, password_file))
    draft = Draft(None, code, wei, gas_limit(gas), nonce)
    address = None
    if create2 is not None:
        address, draft = _create2(network, contract, draft, create2)
    interface = Interface(contract.abi)
    sent = send(network, signer, draft, [interface], wait=not no_wait)
    if sent.receipt is None or quantity(sent.receipt.get("status", "0x1")) != 1:
        return report_sent(env, network, sent, [interface])
    artifact = _artifact(compilation, contract, sent, signer, address, constructor_arguments)
    kept = network.artifacts.save(artifact)
    if compilation.source_maps is not None:
        network.artifacts.save_sources(compilation.source_hash, compilation.source_maps)
    _remember_code(network, compilation, artifact)
    _print(env, network, artifact, sent, kept, places)
    return ExitStatus.SUCCESS


def _tell_warnings(env: Environment, warnings: tuple[str, ...]) -> None:
    if env.verbosity > 0:
        for one in warnings:
            env.note(one)
    elif warnings:
        env.note(f"{len(warnings)} compiler warning{'s' if len(warnings) > 1 else ''} (-v shows them)")


def _argument_texts(env: Environment, typed: list[str], file: Path | None) -> list[str]:
    if file is None:
        return typed
    if typed:
        raise CliError("either arguments or --constructor-args, not both", status=ExitStatus.USAGE)
    try:
        return arguments_of_file((env.cwd / file).read_text(), str(file))
    except OSError as error:
        why = error.strerror or str(error)
        raise CliError(f"--constructor-args {file} cannot be read", why, status=ExitStatus.USAGE) from None


def _constructor_arguments(network: Network, contract: Contract, texts: list[str], wei: int) -> bytes:
    constructor = replace(Interface(contract.abi).constructor, name=contract.name)
    values = read_arguments(constructor, texts, network.resolve)
    if wei and constructor.mutability != "payable":
        raise CliError(
            f"the constructor of {contract.name} takes no ether",
            "it is not payable",
            "leave --value out",
            ExitStatus.USAGE,
        )
    return constructor.encode_call(values)


def _linked(
    network: Network, contract: Contract, compilation: Compilation, given: list[str]
) -> tuple[bytes, dict[str, str]]:
    """The creation code, with addresses in the places of libraries; and these addresses by the libraries' names."""
    if not contract.bytecode:
        raise CliError(
            f"{contract.name} cannot be deployed", "it is abstract or an interface", "", ExitStatus.COMPILE
        )
    places = dict(_library(network, text) for text in given)
    by_hash = chain(
        (name for name in places if ":" in name),
        (one.full_name for one in compilation.contracts),
        (one.full_name for one in network.artifacts.all()),
    )
    needed = libraries(contract, by_hash)
    names = {name for one in needed for name in (one.name, one.full_name)}
    for name in places:
        if name not in names:
            raise _not_linked(contract, name, [one.name for one in needed])

    def address_of(library: Library) -> bytes:
        found = places.get(library.full_name) or places.get(library.name) or network.resolve(library.name)
        if found is None:
            raise CliError(
                f"{contract.name} needs the library {library.name}",
                "its address is not known",
                f"megaeth deploy {library.full_name}   first, or --library {library.full_name}=0x...",
                ExitStatus.USAGE,
            )
        return found

    chosen = {one: address_of(one) for one in needed}
    shown = {one.full_name: checksummed(address) for one, address in chosen.items()}
    return linked(contract, needed, chosen.__getitem__), shown


def _library(network: Network, text: str) -> tuple[str, bytes]:
    name, equals, where = text.partition("=")
    if not equals:
        raise CliError(f"--library {text}: write NAME=ADDRESS", status=ExitStatus.USAGE)
    return name, network.address(where, f"--library {name}")


def _not_linked(contract: Contract, name: str, libraries: list[str]) -> CliError:
    from difflib import get_close_matches

    close = get_close_matches(name, libraries, 1)
    return CliError(
        f"--library {name}: {contract.name} links no such library",
        f"it links {', '.join(libraries) or 'none'}",
        f"did you mean {close[0]}?" if close else "",
        ExitStatus.USAGE,
    )


def _create2(network: Network, contract: Contract, draft: Draft, text: str) -> tuple[bytes, Draft]:
    salt = _salt(text)
    address = keccak(b"\xff" + CREATE2_FACTORY + salt + keccak(draft.data))[12:]
    factory, there = network.node.batch(
        [
            ("eth_getCode", [f"0x{CREATE2_FACTORY.hex()}", "latest"]),
            ("eth_getCode", [f"0x{address.hex()}", "latest"]),
        ]
    )
    if factory == "0x":
        raise CliError(
            "--create2 needs the deterministic deployer",
            f"there is no code at {checksummed(CREATE2_FACTORY)} on this chain",
            "deploy without --create2",
        )
    if there != "0x":
        raise CliError(
            f"{contract.name} is already at {checksummed(address)}",
            "the same code and salt give the same address",
            "choose another salt",
        )
    return address, replace(draft, to=CREATE2_FACTORY, data=salt + draft.data)


def _salt(text: str) -> bytes:
    if text[:2] in ("0x", "0X"):
        try:
            raw = hex_bytes(text)
        except ValueTextError as error:
            raise CliError(f"--create2: {error}", status=ExitStatus.USAGE) from None
        if len(raw) > 32:
            raise CliError(f"--create2: {len(raw)} bytes; a salt has 32 at most", status=ExitStatus.USAGE)
        return raw.rjust(32, b"\0")
    if text.isdigit():
        number: int = from_text(parse_type("uint256"), text)
        return number.to_bytes(32, "big")
    return keccak(text.encode())


def _artifact(
    compilation: Compilation,
    contract: Contract,
    sent: Sent,
    signer: Signer,
    address: bytes | None,
    constructor_arguments: bytes,
) -> Artifact:
    receipt = sent.receipt or {}
    return Artifact(
        name=contract.name,
        unit=contract.unit,
        address=checksummed(address or bytes.fromhex(receipt["contractAddress"][2:])),
        transaction=sent.hash,
        deployer=signer.shown,
        compiler=compilation.compiler,
        source_hash=compilation.source_hash,
        abi=contract.abi,
        bytecode=f"0x{contract.bytecode}",
        constructor_arguments=f"0x{constructor_arguments.hex()}",
        layout=contract.layout,
    )


def _remember_code(network: Network, compilation: Compilation, deployed: Artifact) -> None:
    """What was deployed, and what was compiled with it, is known by its code whoever deploys it next."""
    for one in compilation.contracts:
        if one.pattern is not None:
            template = replace(
                deployed,
                name=one.name,
                unit=one.unit,
                address="",
                transaction="",
                deployer="",
                abi=one.abi,
                bytecode=f"0x{one.bytecode}",
                constructor_arguments="0x",
                layout=one.layout,
            )
            network.artifacts.save_template(Template(template, one.pattern, imported=False))


def _print(
    env: Environment, network: Network, artifact: Artifact, sent: Sent, kept: Path, libraries: dict[str, str]
) -> None:
    receipt = sent.receipt or {}
    if env.json:
        body = {
            "name": artifact.name,
            "address": artifact.address,
            "deployer": artifact.deployer,
            "compiler": artifact.compiler,
            "sourceHash": artifact.source_hash,
            "artifact": str(kept),
            "libraries": libraries,
        }
        env.write(
            json.dumps(body | receipt_json(receipt, sent.latency_ms, None, network.interface_at), indent=2)
        )
        return
    rows = [
        ("address", artifact.address),
        ("transaction", sent.hash),
        *receipt_rows(receipt),
        ("latency", f"{sent.latency_ms:.1f} ms"),
        ("compiler", artifact.compiler),
        *(("library", f"{name} {address}") for name, address in libraries.items()),
    ]
    env.write(f"{artifact.name} deployed\n{labelled(rows)}")
