"""`debug_getRaw*` give the bytes that hashes are made of; a transaction is found by its sender's nonce."""

import pytest
import rlp

from devnet._engine import keccak256
from tests.support import wallet
from tests.support.node import RpcFailure


def data(text):
    return bytes.fromhex(text[2:])


def test_a_raw_header_hashes_to_the_blocks_name(node, history):
    for block in (history.block, history.number, "0x0"):
        raw = data(node.rpc("debug_getRawHeader", block))
        shown = node.rpc("eth_getHeaderByNumber", "0x0" if block == "0x0" else history.number)
        assert keccak256(raw) == data(shown["hash"])
    with pytest.raises(RpcFailure) as unknown:
        node.rpc("debug_getRawHeader", "0xffffffff")
    assert unknown.value.code == -32001


def test_a_raw_block_holds_its_header_and_its_transactions(node, history):
    raw = data(node.rpc("debug_getRawBlock", history.block))
    shown = node.rpc("eth_getBlockByHash", history.block, False)
    assert len(raw) == int(shown["size"], 16)
    header, transactions, ommers, withdrawals = rlp.decode(raw)
    assert keccak256(rlp.encode(header)) == data(history.block)
    assert [keccak256(raw) for raw in transactions] == [data(digest) for digest in shown["transactions"]]
    assert list(ommers) == list(withdrawals) == []


def test_raw_receipts_say_what_receipts_do(node, history):
    shown = node.rpc("eth_getBlockReceipts", history.block)
    raw = [data(text) for text in node.rpc("debug_getRawReceipts", history.block)]
    assert len(raw) == len(shown)
    for bytes_, receipt in zip(raw, shown, strict=True):
        assert bytes_[0] == int(receipt["type"], 16) == 2
        status, gas, bloom, logs = rlp.decode(bytes_[1:])
        assert int.from_bytes(status) == int(receipt["status"], 16)
        assert int.from_bytes(gas) == int(receipt["cumulativeGasUsed"], 16)
        assert bloom == data(receipt["logsBloom"])
        assert [log[0] for log in logs] == [data(log["address"]) for log in receipt["logs"]]


def test_a_raw_transaction_is_what_was_sent(node, history):
    raw = node.rpc("debug_getRawTransaction", history.tx)
    assert keccak256(data(raw)) == data(history.tx)
    assert node.rpc("debug_getRawTransaction", "0x" + "00" * 32) == "0x"


def test_a_transaction_is_found_by_its_senders_nonce_from_the_pool_on(node, history):
    def found(nonce, sender=history.sender):
        return node.rpc("eth_getTransactionBySenderAndNonce", sender, hex(nonce))

    first = node.rpc("eth_getTransactionByHash", history.tx)
    assert found(int(first["nonce"], 16)) == first
    count = wallet.nonce(node, 0)
    mined = [found(nonce) for nonce in range(count)]
    assert [int(one["nonce"], 16) for one in mined] == list(range(count))
    assert {one["from"] for one in mined} == {history.sender}
    assert found(count) is None
    # So far ahead that no other test comes to it.
    digest = node.rpc("eth_sendRawTransaction", wallet.signed(4, 400, to=wallet.address(1)))
    waiting = found(400, wallet.address(4))
    assert (waiting["hash"], waiting["blockHash"]) == (digest, None)
    node.rpc("anvil_dropTransaction", digest)
