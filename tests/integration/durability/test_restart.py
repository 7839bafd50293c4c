"""Stopping and starting a sequencer: what stays, what may change, what is refused."""

import json
import signal

import pytest

from devnet._engine import keccak256
from devnet.role_config import USER_ERROR_EXIT
from devnet.storage.mark import read_mark
from tests.support.node import make_config
from tests.support.waiting import eventually
from tests.support.wallet import ACCOUNTS, signed
from tests.support.witnesses import Told, waiting_sender
from tests.support.ws_client import WsClient

FAST = {"blocks__mini_block_time_ms": 5, "blocks__block_time_s": 0.1}
RECIPIENT = b"\xbb" * 20


class Enough(Exception):
    pass


def send_some(client, account, count):
    """Sends transactions and waits for their receipts."""
    told = Told()
    plain = told.receipt

    def receipt(one):
        plain(one)
        if len(told.receipts) == count:
            raise Enough

    told.receipt = receipt
    with pytest.raises(Enough):
        waiting_sender(told, account, RECIPIENT)(client)
    return told.receipts


@pytest.fixture
def node(new_node):
    return new_node(**FAST).start()


def with_settings(node, **settings):
    """The same node, to be started with other settings."""
    node.config = make_config({**FAST, **settings})
    return node


def refused(node):
    """The reason, as the supervisor reads it from the last line."""
    node.spawn()
    assert node.wait() == USER_ERROR_EXIT
    error = json.loads(node.log().splitlines()[-1])["error"]
    assert "Traceback" not in node.log()
    return error


def test_a_clean_stop_keeps_everything(node):
    with WsClient(node.ws_url) as client:
        receipts = send_some(client, ACCOUNTS[0], 20)
    genesis = node.rpc("eth_getBlockByNumber", "0x0", False)
    assert node.stop() == 0
    node.start()
    assert node.rpc("eth_getBlockByNumber", "0x0", False) == genesis
    for tx_hash in receipts:
        assert node.rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"
    assert int(node.rpc("eth_getBalance", "0x" + RECIPIENT.hex(), "latest"), 16) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_with_exit_code_0(node, number):
    node.process.send_signal(number)
    assert node.wait() == 0


def test_a_request_that_waits_for_its_receipt_is_answered_before_the_stop(new_node):
    node = new_node(blocks__mini_block_time_ms=200).start()
    with WsClient(node.ws_url) as client:
        nonce = int(client.call("eth_getTransactionCount", ACCOUNTS[0].address, "latest"), 16)
        raw = signed(0, nonce, to=ACCOUNTS[1].address)
        waiting = client.send("realtime_sendRawTransaction", raw)
        eventually(lambda: node.rpc("eth_getTransactionByHash", tx_hash(raw)), "the transaction to arrive")
        node.process.terminate()
        [receipt] = client.results([waiting])
        assert receipt["status"] == "0x1"
    assert node.wait() == 0
    node.start()
    assert node.rpc("eth_getTransactionReceipt", tx_hash(raw))["status"] == "0x1"


def test_other_settings_of_the_chain_are_refused_and_change_nothing(node):
    assert node.stop() == 0
    error = refused(with_settings(node, chain__chain_id=1))
    assert "--chain-id is 6343, not 1" in error["why"]
    assert "--reset" in error["hint"]
    with_settings(node).start()


def test_working_settings_may_change(node):
    assert node.stop() == 0
    assert with_settings(node, blocks__mini_block_time_ms=20).start().stop() == 0


def test_second_sequencer_on_the_same_data_is_refused_with_the_pid(node, new_node):
    second = new_node("second")
    second.directory.mkdir()
    (second.directory / "data").symlink_to(node.directory / "data")
    assert f"pid {node.process.pid}" in refused(second)["why"]
    assert node.height() >= 0


def test_port_in_use_is_named(node, new_node):
    second = new_node("second", rpc__port=node.port)
    assert f"127.0.0.1:{node.port}" in refused(second)["what"]


def test_damaged_database_is_refused_by_name(node):
    assert node.stop() == 0
    (node.directory / "data" / "chain" / "CURRENT").unlink()
    assert "CURRENT file is missing" in refused(node)["why"]


def test_blocks_that_vanished_with_a_file_are_missed(node):
    """LevelDB itself takes a log that was cut for one that ends there."""
    assert node.stop() == 0
    before = read_mark(node.directory / "data").mini
    node.start()
    eventually(lambda: read_mark(node.directory / "data").mini > before, "the log to go on")
    node.kill()
    for log in (node.directory / "data" / "chain").glob("*.log"):
        log.write_bytes(b"")
    error = refused(node)
    assert "is damaged" in error["what"]
    assert "had come to" in error["why"]
    assert "--reset" in error["hint"]


def test_genesis_file_gives_its_accounts(new_node, tmp_path):
    account = "0x" + "cd" * 20
    slot, value = "0x" + "00" * 31 + "01", "0x" + "00" * 31 + "2a"
    path = tmp_path / "genesis.json"
    path.write_text(
        json.dumps({"alloc": {account: {"balance": "0x7", "code": "0x00", "storage": {slot: value}}}})
    )
    node = new_node(chain__genesis=str(path)).start()
    assert node.rpc("eth_getBalance", account, "latest") == "0x7"
    assert node.rpc("eth_getStorageAt", account, slot, "latest") == value
    assert node.rpc("eth_getCode", account, "latest") == "0x00"


def tx_hash(raw):
    return "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
