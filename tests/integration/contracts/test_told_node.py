"""Transactions that nobody traces: looked at from what a file or a node tells of their block."""

import json
import os
from pathlib import Path

import pytest

from tests.integration.contracts.conftest import BOB
from tests.support.remote import passage_to

RECORDED = Path(os.environ.get("MEGAETH_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "chain"
WITHDRAWAL = "0x1a0330b9b2fd1eea708ef1dc94d039b4ac593e900dc45e2d4f2814080499370e"
"""The last transaction of block 1,143 of MegaETH's testnet, after 59 others."""

needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded blocks are here")


@pytest.fixture
def untraced(node):
    """The node, as one that has no traces and no state diffs."""

    def refuse(text):
        asked = json.loads(text)
        first = asked[0] if isinstance(asked, list) else asked
        if not first["method"].startswith(("debug_", "mega_getStateDiff")):
            return None
        error = {"code": -32601, "message": f"the method {first['method']} does not exist/is not available"}
        return 200, json.dumps({"jsonrpc": "2.0", "id": first["id"], "error": error}).encode()

    with passage_to(node.url) as passage:
        passage.instead = refuse
        yield passage.url


@pytest.fixture
def failed(cli, source, node):
    """The hash of a transaction that wrote and then failed, in a sealed block, after another one of its contract."""
    text = """
    contract Till {
        error Empty(uint256 wanted);
        uint256 public sum;
        event Paid(uint256 amount);
        function pay(uint256 amount) external { sum += amount; emit Paid(amount); }
        function take(uint256 amount) external { sum += 1; if (amount > sum) revert Empty(amount); sum -= amount; }
    }
    """
    cli.json("deploy", f"{source(text, 'Till.sol')}:Till")
    cli.send("Till", "pay", "5")
    sent = cli("tx", "send", "Till", "take", "50", "--gas-limit", "1000000", "--json")
    receipt = json.loads(sent.out)
    node.sealed(receipt["blockNumber"])
    return receipt["transactionHash"]


@pytest.mark.parametrize("command", [("trace",), ("tx", "explain", "--no-forks")])
def test_a_node_that_traces_nothing_is_no_hindrance(megaeth, node, untraced, failed, command):
    traced = megaeth(*command, failed, "--rpc-url", node.url, "--json")
    told = megaeth(*command, failed, "--rpc-url", untraced, "--json")
    assert told.out, told.err
    assert json.loads(told.out) == json.loads(traced.out)
    assert told.code == traced.code
    assert "gives no traces: it is executed here" in megaeth(*command, failed, "--rpc-url", untraced).err


@needs_recordings
def test_a_transaction_of_the_testnet_is_explained_from_its_recorded_block(megaeth):
    found = megaeth("tx", "explain", WITHDRAWAL, "--file", RECORDED, "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["gas"]["used"] == 124_524
    others = {one["spec"]: one["gasUsed"] for one in told["elsewhere"]}
    assert others["rex"] == 124_524
    assert others["equivalence"] == 57_724
    tree = megaeth("trace", WITHDRAWAL, "--file", RECORDED).out
    assert "L2ToL1MessagePasser.receive() {20 ETH}  124,524 gas = 57,724 compute + 66,800 storage" in tree
    assert "event MessagePassed(" in tree


def test_a_state_that_is_told_wrong_is_noticed_by_the_gas(cli, source, node, megaeth, tmp_path):
    text = "contract Sum { uint256 public sum; function add(uint256 n) external { sum += n; } }"
    cli.json("deploy", f"{source(text, 'Sum.sol')}:Sum")
    cli.send("Sum", "add", "5")
    receipt = cli.send("Sum", "add", "6")
    node.sealed(receipt["blockNumber"])
    number = hex(receipt["blockNumber"])
    traced = node.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "prestateTracer"})
    block = node.rpc("eth_getBlockByNumber", number, True)
    alone = [one for one in block["transactions"] if one["hash"] == receipt["transactionHash"]]
    told = {
        "prestate": traced,
        "block": {**block, "transactions": [{**alone[0], "transactionIndex": "0x0"}]},
        "receipts": [node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])],
        "chain_id": 6343,
    }
    file = tmp_path / "told.json"
    file.write_text(json.dumps(told))
    right = megaeth("trace", receipt["transactionHash"], "--file", file)
    assert (right.code, right.err) == (0, ""), right.err
    for account in traced.values():
        account.pop("storage", None)
    file.write_text(json.dumps(told))
    wrong = megaeth("trace", receipt["transactionHash"], "--file", file)
    assert "and its receipt says" in wrong.err
    assert "may be wrong" in wrong.err


@needs_recordings
def test_what_is_no_transaction_of_a_file_is_said(megaeth):
    missing = megaeth("trace", f"0x{'ab' * 32}", "--file", RECORDED)
    assert (missing.code, "Traceback" in missing.err) != (0, True)
    assert f"0x{'ab' * 32}" in missing.err
    call = megaeth("trace", "--call", BOB, "go()", "--file", RECORDED)
    assert "--file is for a transaction" in call.err
    none = megaeth("trace", WITHDRAWAL, "--file", "nowhere.json")
    assert "there is no file nowhere.json" in none.err
