"""`megaeth jit`: which contracts run as native code, why, where their gas goes, and what that code is."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from devnet._engine import keccak256, native_rules
from devnet.jit.child import Child, Died, Refused
from devnet.jit.explain import Explanation, explain
from devnet.jit.rules import Rules
from megaeth_cli import options
from megaeth_cli.commands.call import ask, call_object
from megaeth_cli.commands.contract_options import From, NegativeNumbers, Unlimited, Value, arguments
from megaeth_cli.contracts.chain_search import ChainSearch
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import environment
from megaeth_cli.errors import CliError
from megaeth_cli.inspect.hot_blocks import Profile, hot_blocks
from megaeth_cli.inspect.known import SYSTEM
from megaeth_cli.output import show
from megaeth_cli.output.jit import explanation_view, status_table
from megaeth_cli.units import quantity

app = typer.Typer(no_args_is_help=True)

Contract = Annotated[str, typer.Argument(help="Address, or name of a deployed contract.")]


@app.callback()
def group() -> None:
    """See what runs as native code."""


@app.command()
def status(context: typer.Context, rpc_url: options.RpcUrl = None) -> None:
    """List the contracts that run natively or might: gas, speed-up, compile time, size."""
    network = Network.open(context, rpc_url)
    found = _status(network)
    names = _names(network) if found["contracts"] else {}
    for contract in found["contracts"]:
        contract["name"] = names.get(contract["codeHash"])
    show(network.env, found, lambda: status_table(found))


@app.command("explain", cls=NegativeNumbers)
def explain_command(
    context: typer.Context,
    contract: Contract,
    function: Annotated[
        str | None,
        typer.Argument(help="Count this call's gas, and not the newest transactions'.", show_default=False),
    ] = None,
    args: Annotated[list[str] | None, typer.Argument(help="The function's arguments.")] = None,
    sender: From = None,
    value: Value = "0",
    unlimited: Unlimited = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Say why a contract is compiled or not, where its gas goes, and what the compiler makes of it.

    Gas is counted by executing again, interpreted: the newest transactions that entered the contract, or the call that
    is given.
    """
    network = Network.open(context, rpc_url)
    target = network.contract(contract)
    code = _code(network, target)
    found = _status(network)
    code_hash = f"0x{keccak256(code).hex()}"
    known = next((one for one in found["contracts"] if one["codeHash"] == code_hash), None)
    made: Explanation = explain(code, Rules.read(native_rules(found["spec"])))
    if function is None:
        counted = network.node.call("mega_getGasProfile", f"0x{target.address.hex()}")
    else:
        _, call = call_object(network, target, function, arguments(args), sender, value)
        counted = ask(network, target, "mega_getCallGasProfile", call, unlimited=unlimited)
    lines = network.artifacts.lines(target.artifact, code) if target.artifact is not None else {}
    blocks = hot_blocks(code, counted["instructions"], lines)
    profile = Profile(
        call=function,
        error=counted.get("error"),
        transactions=counted.get("transactions", []),
        blocks_executed=quantity(counted.get("blocks")),
        entries=quantity(counted["entries"]),
        gas=quantity(counted["gas"]),
        has_lines=bool(lines),
        blocks=tuple(blocks),
    )
    body = {
        "codeHash": code_hash,
        "mode": found["mode"],
        "status": known,
        "profile": asdict(profile),
        "analysis": asdict(made),
    }
    show(network.env, body, lambda: explanation_view(found, code_hash, known, made, profile))


@app.command()
def asm(
    context: typer.Context,
    contract: Contract,
    llvm: Annotated[bool, typer.Option("--llvm", help="LLVM's intermediate representation instead.")] = False,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Compile a contract here, the whole of it, and print its machine code as assembly."""
    env = environment(context)
    network = Network.open(context, rpc_url)
    code = _code(network, network.contract(contract))
    rules = native_rules(_status(network)["spec"])
    text = _intermediate(code, rules) if llvm else _assembly(code, rules)
    env.write(json.dumps({"codeSize": len(code), "text": text}) if env.json else text)


def _intermediate(code: bytes, rules: bytes) -> str:
    from devnet.jit.compiler import lower_code

    return lower_code(code, Rules.read(rules)).text


def _assembly(code: bytes, rules: bytes) -> str:
    child = Child()
    try:
        return child.compile(code, rules, assembly=True).body.decode()
    except (Refused, Died) as error:
        raise CliError("this contract can't be compiled", str(error)) from None
    finally:
        child.close()


def _status(network: Network) -> dict[str, Any]:
    found: dict[str, Any] = network.node.call("mega_getNativeStatus")
    return found


def _code(network: Network, target: KnownContract) -> bytes:
    code = bytes.fromhex(network.node.call("eth_getCode", f"0x{target.address.hex()}", "latest")[2:])
    if not code:
        raise network.no_code(target)
    return code


def _names(network: Network) -> dict[str, str]:
    """The names of contracts, by the hash of their code: what was deployed, and what every chain has."""
    if network.artifacts.knows_code:
        ChainSearch(network.node, network.artifacts, network.env.note).run()
    deployed = [(one.address, one.name) for one in network.artifacts.deployed()]
    named = [*deployed, *SYSTEM.items()]
    # The chain is asked for the system contracts' code as well: the EVM puts it there, in the fork's version.
    codes = network.node.batch([("eth_getCode", [address, "latest"]) for address, _ in named])
    return {
        f"0x{keccak256(bytes.fromhex(code[2:])).hex()}": name
        for (_, name), code in zip(named, codes, strict=True)
        if code != "0x"
    }
