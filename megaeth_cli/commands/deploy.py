"""`megaeth deploy FILE[:NAME] ARGS...`: compile a source or take an artifact, sign here, send, remember it by name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from megaeth_cli import options
from megaeth_cli.abi import Interface
from megaeth_cli.commands.compiler_options import (
    EvmVersion,
    Optimize,
    Remapping,
    Runs,
    Solc,
    ViaIr,
    compiler_options,
)
from megaeth_cli.commands.contract_options import (
    ConstructorArguments,
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
    argument_texts,
    arguments,
    gas_limit,
)
from megaeth_cli.commands.tx import report_sent
from megaeth_cli.compile import Compilation, Contract
from megaeth_cli.contracts import create2
from megaeth_cli.contracts.artifacts import Artifact, Template
from megaeth_cli.contracts.calls import read_arguments
from megaeth_cli.contracts.linking import link
from megaeth_cli.contracts.network import Network
from megaeth_cli.contracts.product import locate, prepare
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.output.facts import labelled
from megaeth_cli.output.receipts import receipt_json, receipt_rows
from megaeth_cli.transactions.transact import Draft, Sent, send
from megaeth_cli.transactions.wallet import Choice, Signer, choose
from megaeth_cli.units import checksummed, quantity

app = typer.Typer()


@app.command(cls=NegativeNumbers)
def deploy(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FILE[:NAME]", help="Source or build artifact, and which contract in it."),
    ],
    args: Annotated[list[str] | None, typer.Argument(help="The constructor's arguments.")] = None,
    arguments_file: ConstructorArguments = None,
    value: Value = "0",
    sender: From = None,
    private_key: PrivateKey = None,
    keystore: Keystore = None,
    password_file: PasswordFile = None,
    gas: GasLimit = None,
    nonce: Nonce = None,
    salt: Annotated[
        str | None,
        typer.Option("--create2", metavar="SALT", help="Same address on every chain; hex or any text."),
    ] = None,
    library: Annotated[
        list[str] | None,
        typer.Option("--library", metavar="NAME=ADDRESS", help="Where a library that the contract links is."),
    ] = None,
    no_wait: NoWait = False,
    solc: Solc = None,
    remapping: Remapping = None,
    optimize: Optimize = None,
    runs: Runs = None,
    via_ir: ViaIr = None,
    evm_version: EvmVersion = None,
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
        compiler_options(env, solc, remapping, optimize, runs, via_ir, evm_version),
    )
    _tell_warnings(env, compilation.warnings)
    texts = argument_texts(env, arguments(args), arguments_file)
    wei = amount(value, "--value")
    constructor_arguments = _constructor_arguments(network, contract, texts, wei)
    linked_code, places = link(network, contract, compilation, library or [], str(source))
    code = linked_code + constructor_arguments
    signer = choose(network, Choice(sender, private_key, keystore, password_file))
    draft = Draft(None, code, wei, gas_limit(gas), nonce)
    address = None
    if salt is not None:
        address, data = create2.at_salt(network, contract.name, code, salt)
        draft = replace(draft, to=create2.FACTORY, data=data)
    interface = Interface(contract.abi)
    sent = send(network, signer, draft, [interface], wait=not no_wait)
    _remember_code(network, compilation)
    if sent.receipt is None or quantity(sent.receipt.get("status", "0x1")) != 1:
        return report_sent(env, network, sent, [interface])
    artifact = _artifact(compilation, contract, sent, signer, address, constructor_arguments)
    kept = network.artifacts.save(artifact)
    _print(env, network, artifact, sent, kept, places)
    return ExitStatus.SUCCESS


def _tell_warnings(env: Environment, warnings: tuple[str, ...]) -> None:
    if env.verbosity > 0:
        for one in warnings:
            env.note(one)
    elif warnings:
        env.note(f"{len(warnings)} compiler warning{'s' if len(warnings) > 1 else ''} (-v shows them)")


def _constructor_arguments(network: Network, contract: Contract, texts: list[str], wei: int) -> bytes:
    interface = Interface(contract.abi, contract.layout.get("enums", {}))
    constructor = replace(interface.constructor, name=contract.name)
    values = read_arguments(constructor, texts, network.resolve)
    if wei and constructor.mutability != "payable":
        raise CliError(
            f"the constructor of {contract.name} takes no ether",
            "it is not payable",
            "leave --value out",
            ExitStatus.USAGE,
        )
    return constructor.encode_call(values)


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


def _remember_code(network: Network, compilation: Compilation) -> None:
    """What was compiled is known by its code whoever deploys it next, and where a deployment failed."""
    if compilation.source_maps is not None:
        network.artifacts.save_sources(compilation.source_hash, compilation.source_maps)
    for one in compilation.contracts:
        if one.pattern is not None:
            template = Artifact(
                name=one.name,
                unit=one.unit,
                address="",
                transaction="",
                deployer="",
                compiler=compilation.compiler,
                source_hash=compilation.source_hash,
                abi=one.abi,
                bytecode=f"0x{one.bytecode}",
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
    if env.quiet:
        env.write(artifact.address)
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
