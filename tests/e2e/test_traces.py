"""Traces beside those of anvil: the same transactions, and what both tell of them. And cast, which asks."""

import os
from pathlib import Path

import pytest
from web3 import Web3

from megaeth_cli.compile import Options, compile_source
from tests.support import wallet
from tests.support.anvil import anvil_like_a_devnet
from tests.support.node import Node

SOURCE = Path(__file__).parent / "projects" / "Traced.sol"
SENDER = Web3.to_checksum_address(wallet.address(0))
HEIR = Web3.to_checksum_address(wallet.address(3))
GAS = 90_000_000
ETHER = 10**18
TRANSACTIONS = {
    "calls": ((), 5),
    "delegates": ((), 0),
    "creates": ((), 0),
    "fails": ((), 0),
    "says": ((), 0),
    "refuses": ((), 0),
    "hashes": ((), 0),
    "ends": ((HEIR,), 0),
}
"""Function -> its arguments, and wei sent along."""
GAS_FIELDS = {"gas", "gasUsed", "mega"}


@pytest.fixture(scope="module")
def compiled(solc, cache):
    variables = {**os.environ, "HOME": str(cache)}
    return compile_source(SOURCE, Options(cache, variables, solc=str(solc))).contract("Traced")


@pytest.fixture(scope="module")
def anvil(tmp_path_factory):
    """Where anvil answers, on a chain with the devnet's id and accounts."""
    flags = ("--gas-limit", "100000000", "--steps-tracing")
    with anvil_like_a_devnet(tmp_path_factory.mktemp("anvil"), *flags) as found:
        yield Web3(Web3.HTTPProvider(found.url))


def chain_of(web3, compiled):
    """Deploys the contract and calls each function; the hash of each transaction by name."""
    contract = web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
    fields = {"from": SENDER, "gas": GAS}

    def sent(digest):
        return web3.eth.wait_for_transaction_receipt(digest, poll_latency=0.02)

    first = contract.constructor().transact({**fields, "value": ETHER})
    hashes = {"constructor": first}
    traced = web3.eth.contract(abi=compiled.abi, address=sent(first)["contractAddress"])
    for name, (arguments, value) in TRANSACTIONS.items():
        hashes[name] = traced.functions[name](*arguments).transact({**fields, "value": value})
        sent(hashes[name])
    return hashes


@pytest.fixture(scope="module")
def on_anvil(anvil, compiled):
    return chain_of(anvil, compiled)


@pytest.fixture(scope="module", params=["equivalence", "rex6"])
def spec(request):
    return request.param


@pytest.fixture(scope="module")
def devnet(tmp_path_factory, spec):
    with Node(tmp_path_factory.mktemp(spec), chain__spec=spec) as node:
        yield Web3(Web3.HTTPProvider(node.url))


@pytest.fixture(scope="module")
def on_devnet(devnet, compiled):
    return chain_of(devnet, compiled)


def trace(web3, digest, tracer, **config):
    options = {"tracer": tracer, "tracerConfig": config}
    answer = web3.provider.make_request("debug_traceTransaction", [Web3.to_hex(digest), options])
    assert "error" not in answer, answer
    return answer["result"]


def without(frame, fields):
    """A tree of calls without some of its members."""
    calls = [without(call, fields) for call in frame.get("calls", [])]
    kept = {name: value for name, value in frame.items() if name not in fields | {"calls", "logs"}}
    # Their index counts the block's logs, and blocks here hold more than one transaction.
    logs = [{name: value for name, value in log.items() if name != "index"} for log in frame.get("logs", [])]
    return {**kept, **({"calls": calls} if calls else {}), **({"logs": logs} if logs else {})}


def indices(frame):
    """Those of all logs of a tree of calls."""
    own = [int(log["index"], 16) for log in frame.get("logs", [])]
    return own + [index for call in frame.get("calls", []) for index in indices(call)]


@pytest.mark.parametrize("name", ["constructor", *TRANSACTIONS])
def test_the_calls_are_those_that_anvil_tells(name, spec, anvil, devnet, on_anvil, on_devnet):
    ignored = {"mega"} if spec == "equivalence" else GAS_FIELDS
    there = trace(anvil, on_anvil[name], "callTracer", withLog=True)
    here = trace(devnet, on_devnet[name], "callTracer", withLog=True)
    # The first call's gas is the transaction's limit, as geth has it, and not what anvil leaves of it.
    assert here.pop("gas") == hex(GAS)
    there.pop("gas")
    assert without(here, ignored) == without(there, ignored)
    logs = devnet.eth.get_transaction_receipt(on_devnet[name])["logs"]
    assert {log["logIndex"] for log in logs} <= set(indices(here))


@pytest.mark.parametrize("name", ["constructor", *TRANSACTIONS])
@pytest.mark.parametrize("config", [{}, {"diffMode": True}], ids=["prestate", "diff"])
def test_the_contracts_state_is_that_which_anvil_tells(name, config, anvil, devnet, on_anvil, on_devnet):
    there = trace(anvil, on_anvil[name], "prestateTracer", **config)
    here = trace(devnet, on_devnet[name], "prestateTracer", **config)
    for told_there, told_here in (
        [(there[when], here[when]) for when in ("pre", "post")] if config else [(there, here)]
    ):
        contracts = {address for address in told_there if not is_paid(address)}
        assert contracts <= told_here.keys()
        for address in contracts:
            assert told_here[address] == told_there[address], address


def is_paid(address):
    """Who pays for transactions and who is paid, which is not the same on both."""
    return address in {SENDER.lower(), HEIR.lower(), "0x" + "00" * 20} or address.startswith("0x4200")


def test_cast_runs_and_traces(tool, foundry, node, compiled):
    web3 = Web3(Web3.HTTPProvider(node.url))
    hashes = chain_of(web3, compiled)
    receipt = web3.eth.get_transaction_receipt(hashes["calls"])
    node.sealed(receipt["blockNumber"])
    ran = tool(foundry("cast"), "run", Web3.to_hex(hashes["calls"]), "--quick")
    assert "Traces:" in ran
    call = tool(foundry("cast"), "call", receipt["to"], "calls()(uint256)", "--trace")
    assert "Traces:" in call
    spoken = tool(
        foundry("cast"),
        "rpc",
        "debug_traceTransaction",
        Web3.to_hex(hashes["says"]),
        '{"tracer":"callTracer"}',
    )
    assert '"revertReason":"without"' in spoken
