"""Stopping and starting a sequencer: what stays, what may change, what is refused."""

import json
import signal
import time
from dataclasses import replace

import pytest

from devnet.config import ChainSettings, Config
from devnet.genesis import derive
from devnet.role_config import USER_ERROR_EXIT
from tests.integration.durability.witnesses import Told, waiting_sender
from tests.integration.sequencer import FAST, Sequencer

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
def sequencer(tmp_path):
    with Sequencer(tmp_path) as sequencer:
        yield sequencer


def test_a_clean_stop_keeps_everything_and_leaves_nothing_to_replay(sequencer):
    sequencer.start()
    with sequencer.client() as client:
        receipts = send_some(client, derive()[0], 20)
        genesis = client.call("eth_getBlockByNumber", "0x0", False)
    assert sequencer.stop() == 0
    sequencer.start()
    with sequencer.client() as client:
        assert client.call("eth_getBlockByNumber", "0x0", False) == genesis
        for tx_hash in receipts:
            assert client.call("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"
        assert int(client.call("eth_getBalance", "0x" + RECIPIENT.hex(), "latest"), 16) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_with_exit_code_0(sequencer, number):
    sequencer.start()
    sequencer.process.send_signal(number)
    assert sequencer.process.wait(10) == 0


def test_a_request_that_waits_for_its_receipt_is_answered_before_the_stop(sequencer):
    sequencer.configure(Config(blocks=replace(FAST, mini_block_time_ms=100)))
    sequencer.start()
    with sequencer.client() as client:
        told = Told()
        plain = told.receipt

        def receipt(one):
            plain(one)
            raise Enough

        told.receipt = receipt
        send = client.call

        def call(method, *params):
            if method != "realtime_sendRawTransaction":
                return send(method, *params)
            identifier = client.send(method, *params)
            time.sleep(0.01)
            sequencer.process.terminate()
            return client.results([identifier])[0]

        client.call = call
        with pytest.raises(Enough):
            waiting_sender(told, derive()[0], RECIPIENT)(client)
        assert [receipt["status"] for receipt in told.receipts.values()] == ["0x1"]
    assert sequencer.process.wait(10) == 0


def refused(sequencer):
    """The reason, as the supervisor reads it from the last line."""
    with pytest.raises(AssertionError, match="did not start"):
        sequencer.start()
    assert sequencer.process.returncode == USER_ERROR_EXIT
    error = json.loads(sequencer.log().splitlines()[-1])["error"]
    assert "Traceback" not in sequencer.log()
    return error


def test_other_settings_of_the_chain_are_refused_and_change_nothing(sequencer):
    sequencer.start()
    assert sequencer.stop() == 0
    config = sequencer.role.config
    sequencer.configure(replace(config, chain=ChainSettings(chain_id=1)))
    error = refused(sequencer)
    assert "--chain-id is 6343, not 1" in error["why"]
    assert "--reset" in error["hint"]
    sequencer.configure(config)
    sequencer.start()


def test_working_settings_may_change(sequencer):
    sequencer.start()
    assert sequencer.stop() == 0
    sequencer.configure(Config(blocks=replace(FAST, mini_block_time_ms=20)))
    sequencer.start()
    assert sequencer.stop() == 0


def test_second_sequencer_on_the_same_data_is_refused_with_the_pid(sequencer, tmp_path):
    sequencer.start()
    second = Sequencer(tmp_path / "second")
    second.role = replace(second.role, data_dir=sequencer.role.data_dir)
    assert f"pid {sequencer.process.pid}" in refused(second)["why"]
    with sequencer.client() as client:
        client.call("eth_blockNumber")


def test_port_in_use_is_named(sequencer, tmp_path):
    sequencer.start()
    with Sequencer(tmp_path / "second") as second:
        config = second.role.config
        second.role = replace(
            second.role, config=replace(config, rpc=replace(config.rpc, port=sequencer.port))
        )
        assert f"127.0.0.1:{sequencer.port}" in refused(second)["what"]


def test_damaged_database_is_refused_by_name(sequencer, tmp_path):
    sequencer.start()
    assert sequencer.stop() == 0
    (tmp_path / "data" / "chain" / "CURRENT").unlink()
    assert "CURRENT file is missing" in refused(sequencer)["why"]


def test_genesis_file_gives_its_accounts(sequencer, tmp_path):
    account = "0x" + "cd" * 20
    slot, value = "0x" + "00" * 31 + "01", "0x" + "00" * 31 + "2a"
    (tmp_path / "genesis.json").write_text(
        json.dumps({"alloc": {account: {"balance": "0x7", "code": "0x00", "storage": {slot: value}}}})
    )
    sequencer.configure(Config(chain=ChainSettings(genesis=str(tmp_path / "genesis.json"))))
    sequencer.start()
    with sequencer.client() as client:
        assert client.call("eth_getBalance", account, "latest") == "0x7"
        assert client.call("eth_getStorageAt", account, slot, "latest") == value
        assert client.call("eth_getCode", account, "latest") == "0x00"
