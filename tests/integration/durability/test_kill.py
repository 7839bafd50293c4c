"""Law 1: a receipt that a client has seen survives `kill -9`."""

import random
import time
from itertools import pairwise

from tests.support.wallet import ACCOUNTS
from tests.support.witnesses import Told, content, essence, load
from tests.support.ws_client import WsClient

KILLS = 25
RECIPIENT = b"\xaa" * 20


def test_nothing_a_client_was_told_is_lost_when_the_sequencer_is_killed(new_node):
    node = new_node(blocks__mini_block_time_ms=5, blocks__block_time_s=0.1)
    chance, told = random.Random(), Told()
    checked_minis, checked_receipts = set(), set()

    def check(client):
        _check_height(client, told)
        _check_minis(client, told, checked_minis)
        _check_receipts(client, told, checked_receipts)
        _check_state(client)

    for _ in range(KILLS):
        node.start()
        with WsClient(node.ws_url) as client:
            check(client)
        with load(node, told, ACCOUNTS, RECIPIENT):
            time.sleep(chance.uniform(0.02, 0.5))
            node.kill()
        assert told.faults == []
    node.start()
    with WsClient(node.ws_url) as client:
        check(client)
        _check_links(client)
        assert len(told.receipts) > KILLS
        assert len(told.minis) > KILLS
    assert node.stop() == 0


def _check_height(client, told):
    """No block that was announced is gone, or another one."""
    height = int(client.call("eth_blockNumber"), 16)
    assert height >= max(told.heads, default=0)
    for number, block_hash in list(told.heads.items())[-5:]:
        assert client.call("eth_getBlockByNumber", hex(number), False)["hash"] == block_hash


def _check_minis(client, told, checked):
    """The same numbers hold the same mini-blocks: same transactions, same signature."""
    new = sorted(told.minis.keys() - checked)
    found = client.calls("mega_getMiniBlock", [(hex(number),) for number in new])
    for number, mini in zip(new, found, strict=True):
        assert mini is not None, f"mini-block {number} is gone"
        assert content(mini) == content(told.minis[number])
    checked.update(new)


def _check_receipts(client, told, checked):
    new = sorted(told.receipts.keys() - checked)
    for tx_hash, receipt in zip(
        new, client.calls("eth_getTransactionReceipt", [(one,) for one in new]), strict=True
    ):
        assert receipt is not None, f"the receipt of {tx_hash} is gone"
        assert essence(receipt) == essence(told.receipts[tx_hash])
    checked.update(new)


def _check_state(client):
    """Each transfer moved one wei, so that the recipient's balance counts what the senders' nonces count."""
    nonces = client.calls("eth_getTransactionCount", [(account.address, "latest") for account in ACCOUNTS])
    balance = client.call("eth_getBalance", "0x" + RECIPIENT.hex(), "latest")
    assert int(balance, 16) == sum(int(nonce, 16) for nonce in nonces)


def _check_links(client):
    """All blocks since genesis, across all deaths, form one chain, and their mini-blocks have no gap."""
    height = int(client.call("eth_blockNumber"), 16)
    blocks = client.calls("eth_getBlockByNumber", [(hex(number), False) for number in range(height + 1)])
    minis = 0
    for parent, block in pairwise(blocks):
        assert block["parentHash"] == parent["hash"]
        assert int(block["miniBlockOffset"], 16) == minis
        minis += int(block["miniBlockCount"], 16)
