"""`megaeth replay`: real blocks executed again by the chain's rules and by another fork's, receipts compared."""

import base64
import json
import os
from pathlib import Path

import pytest

from devnet._engine import sign_transfers
from devnet.proving import prestate
from devnet.proving.reports import FORMAT
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.chain.verification import NodeSource, Rules
from megaeth_cli.errors import CliError, ExitStatus
from tests.integration.contracts.conftest import BOB, CommandLine
from tests.support.wallet import ACCOUNTS, CHAIN_ID

RECORDED = Path(os.environ.get("MEGAETH_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "chain"


@pytest.fixture
def replay(megaeth, node):
    """Replay on the node; the JSON and the exit code."""

    def run(*arguments):
        result = megaeth("replay", *arguments, "--rpc-url", node.url, "--json")
        return json.loads(result.out) if result.out else result.err, result.code

    return run


@pytest.fixture
def sent(cli, node):
    """The receipt of a token's transfer, in a sealed block."""
    token = cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    receipt = cli.send(token, "transfer(address,uint256)", BOB, "5")
    node.sealed(receipt["blockNumber"])
    return receipt


def test_a_block_comes_out_as_on_the_chain(replay, sent, node):
    receipts = node.rpc("eth_getBlockReceipts", hex(sent["blockNumber"]))

    found, code = replay(sent["blockNumber"])

    assert code == 0 and found["same"]
    assert "proven" in found["stateToldBy"]
    assert [one["hash"] for one in found["transactions"]] == [one["transactionHash"] for one in receipts]
    for one, receipt in zip(found["transactions"], receipts, strict=True):
        assert one["executed"] == one["chain"]
        assert one["executed"]["gasUsed"] == receipt["gasUsed"]


def test_a_transaction_alone_comes_out_as_in_its_block(replay, sent, megaeth, node):
    found, code = replay(sent["transactionHash"])

    assert code == 0
    [one] = found["transactions"]
    assert (one["hash"], one["differences"]) == (sent["transactionHash"], [])
    text = megaeth("replay", sent["transactionHash"], "--rpc-url", node.url).out
    assert "1 transaction, the same by the chain's rules as on the chain" in text


def test_another_fork_says_what_each_transaction_would_have_cost(replay, cli, node, megaeth):
    receipt = cli.send(BOB, "--value", "1")
    node.sealed(receipt["blockNumber"])

    found, code = replay(receipt["transactionHash"], "--spec", "equivalence")

    assert code == ExitStatus.FAILURE and not found["same"]
    [one] = found["transactions"]
    assert one["differences"] == ["gasUsed"]
    assert int(one["executed"]["gasUsed"], 16) == 21_000
    assert int(one["chain"]["gasUsed"], 16) >= 60_000
    text = megaeth("replay", receipt["blockNumber"], "--spec", "equivalence", "--rpc-url", node.url).out
    assert "succeeds 21,000" in text and "rules: equivalence" in text
    assert (
        "the same under rex6"
        in megaeth("replay", receipt["blockNumber"], "--spec", "rex6", "-r", node.url).out
    )


def test_what_another_fork_refuses_is_left_out_and_the_block_goes_on(megaeth, new_node):
    with new_node(chain__spec="equivalence") as old:
        cli = CommandLine(megaeth, old.url)
        old.rpc("anvil_setAutomine", False)
        sent = [
            cli.json("tx", "send", "--to", BOB, "--from", sender, "--gas-limit", limit, "--no-wait")
            for sender, limit in ((2, 21_000), (3, 100_000))
        ]
        old.rpc("evm_mine")
        hashes = [one["transactionHash"] for one in sent]
        number = int(old.rpc("eth_getTransactionByHash", hashes[0])["blockNumber"], 16)
        old.sealed(number)
        result = megaeth("replay", number, "--spec", "rex6", "--rpc-url", old.url, "--json")

    assert result.code == ExitStatus.FAILURE
    found = {one["hash"]: one for one in json.loads(result.out)["transactions"]}
    refused, dearer = (found[one] for one in hashes)
    assert refused["differences"] == ["refused"]
    assert "gas" in refused["executed"]["refused"]
    assert dearer["differences"] == ["gasUsed"]
    assert int(dearer["executed"]["gasUsed"], 16) == 60_000


def test_transactions_of_a_kind_are_found_out_together(megaeth, new_node, monkeypatch):
    rounds = []
    check = prestate.check
    monkeypatch.setattr(prestate, "check", lambda *given: rounds.append(1) or check(*given))
    keys = [account.key for account in ACCOUNTS[:2]]
    recipients = [bytes([0x70 + n]) * 20 for n in range(20)]
    with new_node(chain__spec="equivalence") as old:
        old.rpc("anvil_setAutomine", False)
        for raw in sign_transfers(keys, [0, 0], recipients, 20, chain_id=CHAIN_ID, gas_limit=100_000):
            hash_ = old.rpc("eth_sendRawTransaction", f"0x{raw.hex()}")
        old.rpc("evm_mine")
        number = int(old.rpc("eth_getTransactionByHash", hash_)["blockNumber"], 16)
        old.sealed(number)
        # There an account costs more than these have gas for.
        result = megaeth("replay", number, "--spec", "mini-rex", "--rpc-url", old.url, "--json")

    found = [one["executed"] for one in json.loads(result.out)["transactions"]]
    assert len(found) == 20
    assert all((one["status"], one["gasUsed"]) == ("0x0", hex(100_000)) for one in found)
    assert len(rounds) < 8


def test_crowded_buckets_cost_in_a_replay_what_they_cost_on_the_chain(megaeth, new_node):
    with new_node(chain__salt_data_buckets=1, chain__bucket_capacity=((65_536, 1024),)) as crowded:
        cli = CommandLine(megaeth, crowded.url)
        receipt = cli.send(f"0x{'77' * 20}", "--value", "1")
        crowded.sealed(receipt["blockNumber"])
        result = megaeth("replay", receipt["transactionHash"], "--rpc-url", crowded.url, "--json")

    found = json.loads(result.out)
    assert result.code == 0, found
    [one] = found["transactions"]
    assert int(one["executed"]["gasUsed"], 16) > 100_000


def test_a_node_without_witnesses_tells_the_state_itself(replay, sent, monkeypatch):
    def refuse(*_):
        raise CliError("no witness")

    monkeypatch.setattr(NodeSource, "material", refuse)

    found, code = replay(sent["blockNumber"])

    assert code == 0 and found["same"]
    assert "unproven" in found["stateToldBy"] and not found["bucketsKnown"]


@pytest.fixture
def from_file(megaeth, node, tmp_path):
    """Replay a file that tells this."""

    def run(told, *arguments):
        (tmp_path / "told.json").write_text(json.dumps(told))
        return megaeth("replay", "told.json", *arguments)

    return run


def test_a_file_tells_the_block_the_receipts_and_the_state(from_file, told, node):
    told["chain_id"] = 6343
    result = from_file(told)
    assert result.code == 0, result.err + result.out
    del told["receipts"]
    assert from_file(told).code == 0

    del told["block"]
    assert from_file(told).code == ExitStatus.USAGE
    number = str(int(node.rpc("eth_blockNumber"), 16))
    assert from_file(told, number, "--rpc-url", node.url).code == 0


def test_a_receipt_that_says_otherwise_is_shown_beside_what_execution_gives(from_file, told):
    true_gas = int(told["receipts"][-1]["gasUsed"], 16)
    told["receipts"][-1]["gasUsed"] = "0x1"
    told["receipts"][0]["status"] = "0x0"
    told["chain_id"] = 6343

    result = from_file(told, "--json")

    assert result.code == ExitStatus.FAILURE
    transactions = json.loads(result.out)["transactions"]
    assert transactions[-1]["differences"][0] == "gasUsed" or len(transactions) == 1
    assert int(transactions[-1]["executed"]["gasUsed"], 16) == true_gas
    assert transactions[0]["differences"][0] == "status"
    assert f"{true_gas:,}" in from_file(told).out


def test_what_a_file_lacks_is_named_and_a_node_fills_it_in(from_file, told, node):
    left_out = told["block"]["transactions"][-1]["from"].lower()
    del told["prestate"]["accounts"][left_out]
    told["chain_id"] = 6343

    result = from_file(told)

    assert result.code == ExitStatus.FAILURE
    assert left_out in result.err.lower() and "--rpc-url" in result.err
    assert from_file(told, "--rpc-url", node.url).code == 0


def test_a_check_that_a_prover_has_kept_is_executed_without_a_node(from_file, sent, node):
    with RpcClient(node.url) as client:
        source = NodeSource(client, Rules(), print)
        material = source.material(node.rpc("eth_getBlockByNumber", hex(sent["blockNumber"]), True))
        kept = {
            "format": FORMAT,
            "chain": source.chain_rules(),
            "block": json.loads(material.block),
            "parent": json.loads(material.parent),
            "witness": material.witness,
            "codes": [base64.b64encode(code).decode() for _, code in source.codes(material)],
            "records": [],
        }
    assert from_file(kept).code == 0

    ethereum = json.loads(from_file(kept, sent["transactionHash"], "--spec", "equivalence", "--json").out)
    [one] = ethereum["transactions"]
    assert one["hash"] == sent["transactionHash"] and one["differences"] == ["gasUsed"]

    kept["block"]["gasUsed"] = "0x1"
    lie = from_file(kept)
    assert lie.code == ExitStatus.FAILURE
    assert "header hash" in lie.out and "not what it says" in lie.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.json"], "there is no file"),
        (["1", "2", "3"], "one block"),
        (["1", "--spec", "rex99"], "there are no rules"),
    ],
)
def test_what_cannot_be_meant_is_refused(megaeth, arguments, said):
    result = megaeth("replay", *arguments)

    assert result.code == ExitStatus.USAGE
    assert said in result.err


def test_an_unknown_transaction_is_no_block_either(replay):
    error, code = replay("0x" + "99" * 32)

    assert code == ExitStatus.FAILURE
    assert "there is no block" in error["error"]["what"]


@pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"{RECORDED} is absent; MEGAETH_VECTORS names its directory"
)
def test_recorded_blocks_of_the_real_chain_are_executed_by_any_fork(megaeth):
    own = megaeth("replay", RECORDED, "1142", "--json")
    assert own.code == 0
    transactions = json.loads(own.out)["transactions"]
    assert len(transactions) == 66

    ethereum = json.loads(megaeth("replay", RECORDED, "1142", "--spec", "equivalence", "--json").out)
    gas = [
        int(one["executed"]["gasUsed"], 16)
        for one in ethereum["transactions"]
        if "gasUsed" in one["executed"]
    ]
    assert min(gas) == 21_000 and len(gas) > 60
    cumulative = [
        int(one["executed"]["cumulativeGasUsed"], 16)
        for one in ethereum["transactions"]
        if "gasUsed" in one["executed"]
    ]
    assert cumulative[-1] == sum(gas)

    alone = megaeth("replay", RECORDED, transactions[14]["hash"], "--json")
    assert alone.code == 0
    assert json.loads(alone.out)["transactions"] == [transactions[14]]
