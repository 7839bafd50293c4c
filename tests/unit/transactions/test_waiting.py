"""What a transaction waits for is told by the node; of other nodes by the pool, the account and the newest block, as
far as they show them."""

import pytest

from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.transactions.waiting import why
from tests.support.scripted_node import Refusal, scripted_node
from tests.unit.cli.test_contract_commands import ALICE, BOB, block, transaction

LINE = "0x00: 1 wei + 60000 gas \u00d7 {} wei"
TOLD = "; waits for another block, as block 5 has used 1000 of 1000 state growth; 7 before it"
REFUSED = Refusal(-32601, "no such method")
WAITS = transaction(nonce="0x5", maxFeePerGas="0x1e8480")


@pytest.fixture
def reason():
    """Why a transaction waits, by a node with these answers."""

    def find(waits=WAITS, **answers):
        known = {
            "mega_txWaiting": REFUSED,
            "eth_getTransactionCount": "0x5",
            "eth_getBlockByNumber": block(),
            "txpool_status": {"pending": "0x3", "queued": "0x0"},
            "txpool_contentFrom": {"pending": {}, "queued": {}},
            "txpool_inspect": {"pending": {}, "queued": {}},
            "anvil_getAutomine": False,
            "anvil_getIntervalMining": 1,
        }
        with scripted_node(**(known | answers)) as node, RpcClient(node.url) as client:
            return why(client, waits)

    return find


def test_a_missing_nonce_is_named(reason):
    found = reason(
        eth_getTransactionCount="0x2",
        txpool_contentFrom={"pending": {}, "queued": {"3": {}, "5": {}}},
    )
    assert found.kind == "nonce"
    assert "waits for nonce 2 and 1 more, which nobody has sent" in found.text


def test_earlier_ones_that_wait_too_are_no_gap(reason):
    there = {"pending": {"3": {}, "4": {}}, "queued": {}}
    assert reason(eth_getTransactionCount="0x3", txpool_contentFrom=there).kind == "turn"


def test_a_fee_cap_below_the_base_fee(reason):
    found = reason(waits=transaction(nonce="0x5", gasPrice="0x5"))
    assert found.kind == "price"
    assert "pays 5 wei for gas at most, and the base fee is 1,000,000" in found.text


def test_what_the_node_says_stands_alone(reason):
    text = "waits for another block, as block 5 has used 1000 of 1000 state growth; 7 before it"
    hidden = dict.fromkeys(("eth_getTransactionCount", "eth_getBlockByNumber", "txpool_status"), REFUSED)
    found = reason(mega_txWaiting={"kind": "limit", "text": text}, **hidden)
    assert (found.kind, found.text) == ("limit", text)
    assert "it comes with one of the next" in found.hint


@pytest.mark.parametrize("behind", ["", TOLD])
def test_how_many_come_before(reason, behind):
    pool = {
        ALICE: {"4": LINE.format(5), "5": LINE.format(5)},
        BOB: {"1": LINE.format(3_000_000) + behind, "2": LINE.format(1) + behind},
    }
    found = reason(txpool_inspect={"pending": pool})
    assert found.kind == "turn"
    assert "3 transactions wait, 2 of them before it" in found.text


def test_a_very_full_pool_is_counted_and_not_read(reason):
    found = reason(txpool_status={"pending": "0x9c40", "queued": "0x0"}, txpool_inspect=REFUSED)
    assert found.text == "waits for its turn; 40,000 transactions wait"


def test_blocks_that_nobody_makes(reason):
    found = reason(anvil_getIntervalMining=None)
    assert (found.kind, found.hint) == ("blocks", "megaeth devnet mine")


def test_a_node_that_shows_no_pool_tells_what_it_can(reason):
    hidden = dict.fromkeys(
        (
            "txpool_status",
            "txpool_contentFrom",
            "txpool_inspect",
            "anvil_getAutomine",
        ),
        REFUSED,
    )
    assert reason(**hidden).text == "waits for its turn"
    assert reason(**hidden, eth_getTransactionCount="0x4").kind == "nonce"
