"""Blocks of every kind are proven by the devnet's own provers and verified from outside."""

import pytest
from eth_account import Account

from tests.support import wallet
from tests.support.network import Network

MESSAGE_PASSER = "0x4200000000000000000000000000000000000016"
TIMESTAMP = "0x6342000000000000000000000000000000000002"
REGISTRY = "0x6342000000000000000000000000000000000006"
CURRENT_SYSTEM_ADDRESS = "0x0"
FOLLOWERS = 5


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    options = ("--full-nodes", 1, "--provers", 1, "--quorum", 1, "--block-time", 0.5)
    with Network(tmp_path_factory.mktemp("truth"), *options) as running:
        yield running


def assert_proven(network, block):
    """The block and those after it, in which nothing happens, are attested to and verify."""
    last = block + FOLLOWERS
    network.until_verified(last, "sequencer", "full-node-1")
    done = network.home.run("verify", "block", "--range", f"{block}..{last}", "--node", "full-node-1")
    assert done.returncode == 0, done.stdout + done.stderr
    words = network.at("full-node-1").rpc("mega_getAttestations", hex(block), hex(last))
    assert [int(word["block"], 16) for word in words] == list(range(block, last + 1))
    assert network.home.json("devnet", "incidents")["incidents"] == []


def test_blocks_after_a_withdrawal_are_proven_whether_they_have_one_or_not(network):
    # Plain ether to the message passer is a withdrawal to oneself.
    receipt = wallet.send(network.at("sequencer"), 0, to=MESSAGE_PASSER, value="0x9")
    assert receipt["status"] == "0x1" and receipt["logs"]
    assert_proven(network, int(receipt["blockNumber"], 16))


def test_a_block_with_deposits_is_proven(network):
    node = network.at("sequencer")
    for deposit in (
        {"from": wallet.address(1), "to": wallet.address(2)},
        {"from": wallet.address(1), "to": wallet.address(2), "value": "0x5", "mint": "0x7"},
        {"from": wallet.address(1), "data": wallet.EMITTER_CODE, "gas": "0x989680"},
    ):
        receipt = node.rpc("eth_getTransactionReceipt", node.rpc("mega_depositTransaction", deposit))
        assert receipt["status"] == "0x1"
    assert_proven(network, int(receipt["blockNumber"], 16))


def test_a_block_in_which_the_time_is_read_is_proven_and_the_system_address_has_signed(network):
    node = network.at("sequencer")
    receipt = wallet.send(node, 0, to=TIMESTAMP, input="0xb80777ea")
    assert receipt["status"] == "0x1"
    block = receipt["blockNumber"]
    assert_proven(network, int(block, 16))
    [system, user] = node.rpc("eth_getBlockByNumber", block, True)["transactions"]
    assert user["hash"] == receipt["transactionHash"]
    registered = node.rpc("eth_getStorageAt", REGISTRY, CURRENT_SYSTEM_ADDRESS, block)
    assert system["from"] == "0x" + registered[-40:]
    raw = node.rpc("eth_getRawTransactionByHash", system["hash"])
    assert Account.recover_transaction(raw).lower() == system["from"]
    assert (system["gas"], system["gasPrice"]) == ("0x3d5720", "0x0")
