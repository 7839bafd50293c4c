"""What the explorer Otterscan asks, beside what anvil answers it."""

import json

import pytest

from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import Node
from tests.support.waiting import eventually

RECEIVER = "0x" + "55" * 20
FORWARDER = "0x5f5f5f5f345f355af15060203611601257005b5f5ffd"
"""Sends what it is sent to the first word of its calldata; reverts then if there are two words."""
INIT = "0x6016600c60003960166000f3" + FORWARDER[2:]
WORD = RECEIVER[2:].rjust(64, "0")


def explored(node, mined):
    """A contract, its creation, a transfer through it, and one that failed; the hashes and the contract."""

    def sent(**fields):
        digest = node.rpc("eth_sendTransaction", {"from": wallet.address(2), "gas": hex(2_000_000), **fields})
        mined()
        return eventually(lambda: node.rpc("eth_getTransactionReceipt", digest), "the receipt")

    created = sent(input=INIT)
    contract = created["contractAddress"]
    moved = sent(to=contract, value="0x7", input="0x" + WORD)
    failed = sent(to=contract, value="0x7", input="0x" + WORD + WORD)
    assert [receipt["status"] for receipt in (created, moved, failed)] == ["0x1", "0x1", "0x0"]
    return contract, created, moved, failed


@pytest.fixture(scope="module")
def both(tmp_path_factory, anvil):
    with Node(tmp_path_factory.mktemp("automine"), blocks__automine=True) as node:
        yield [(each, explored(each, lambda: None)) for each in (node, anvil)]


def of_both(both, ask):
    return [ask(node, *found) for node, found in both]


def test_calls_and_transfers_are_those_that_anvil_tells(both):
    def told(node, contract, created, moved, failed):
        answers = [
            [node.rpc(method, receipt["transactionHash"]) for receipt in (created, moved, failed)]
            for method in ("ots_traceTransaction", "ots_getTransactionError")
        ]
        answers.append(node.rpc("ots_getInternalOperations", moved["transactionHash"]))
        return json.loads(json.dumps(answers).replace(contract, "contract"))

    ours, theirs = of_both(both, told)
    # Anvil counts the transaction's own call among the internal ones.
    assert ours[2] == [one for one in theirs[2] if one["from"] == "contract"]
    for mine, other in zip(ours[0][1:], theirs[0][1:], strict=True):
        assert [(one["depth"], one["from"], one["to"]) for one in mine] == [
            (one["depth"], one["from"], one["to"]) for one in other
        ]
    assert ours[1] == ["0x", "0x", "0x"]


def test_who_created_a_contract_is_found(both):
    def creator(node, contract, created, moved, failed):
        found = node.rpc("ots_getContractCreator", contract)
        assert found["hash"] == created["transactionHash"]
        return found["creator"], node.rpc("ots_hasCode", contract, "latest"), node.rpc("ots_getApiLevel")

    ours, theirs = of_both(both, creator)
    assert ours == theirs == (wallet.address(2).lower(), True, 8)


def test_an_accounts_transactions_are_found(both):
    def found(node, contract, created, moved, failed):
        names = {
            receipt["transactionHash"]: name
            for name, receipt in (("created", created), ("moved", moved), ("failed", failed))
        }
        pages = [
            node.rpc(method, address, 0, 25)
            for method in ("ots_searchTransactionsBefore", "ots_searchTransactionsAfter")
            for address in (wallet.address(2), contract)
        ]
        return [
            ([names[tx["hash"]] for tx in page["txs"]], page["firstPage"], page["lastPage"]) for page in pages
        ]

    ours, theirs = of_both(both, found)
    assert ours[0] == (["failed", "moved", "created"], True, True)
    assert ours == theirs
    node, (*_, moved, failed) = both[0]
    internal = node.rpc("ots_searchTransactionsBefore", RECEIVER, 0, 25)
    assert [tx["hash"] for tx in internal["txs"]] == [failed["transactionHash"], moved["transactionHash"]]
    assert internal["receipts"][0]["timestamp"] == int(internal["txs"][0]["blockTimestamp"], 16)


def test_a_page_of_a_block_is_short(both):
    node, (_, _, moved, _) = both[0]
    number = int(moved["blockNumber"], 16)
    details = node.rpc("ots_getBlockDetails", number)
    assert details["block"]["transactionCount"] == 1
    assert details["block"]["hash"] == moved["blockHash"]
    assert int(details["totalFees"], 16) == int(moved["gasUsed"], 16) * int(moved["effectiveGasPrice"], 16)
    page = node.rpc("ots_getBlockTransactions", number, 0, 25)
    assert page["fullblock"]["transactions"][0]["input"] == "0x00000000"
    assert page["receipts"][0]["logs"] is None


def test_a_full_node_answers_as_the_sequencer_does(tmp_path):
    with Cluster(tmp_path, blocks__mini_block_time_ms=50, blocks__block_time_s=0.5) as cluster:
        sequencer = cluster.sequencer()
        full = cluster.full_node("full-node-1", [sequencer])
        emitter = wallet.deploy_emitter(sequencer)
        receipt = wallet.send(sequencer, 0, to=emitter)
        block = sequencer.sealed(int(receipt["blockNumber"], 16))
        eventually(lambda: full.rpc("eth_getBlockByHash", block["hash"], False), "the block on the full node")
        for method, *params in [
            ("ots_searchTransactionsAfter", emitter, 0, 25),
            ("ots_getContractCreator", emitter),
            ("ots_traceTransaction", receipt["transactionHash"]),
            ("ots_getBlockDetailsByHash", block["hash"]),
        ]:
            told = [node.rpc(method, *params) for node in (sequencer, full)]
            assert told[0] == told[1], method
            assert told[0]
