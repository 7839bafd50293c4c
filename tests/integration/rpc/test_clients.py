"""The clients that people use, unchanged: web3.py, cast and viem."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import npm, wallet

ETHER = 10**18
CLIENT_S = 120


# --- web3.py ---


@pytest.fixture(scope="module")
def web3(node):
    from web3 import Web3

    return Web3(Web3.HTTPProvider(node.url))


def test_web3_py_knows_the_node(web3, node):
    assert web3.is_connected()
    assert web3.client_version.startswith("megaeth-devnet/v")
    assert web3.eth.chain_id == wallet.CHAIN_ID
    assert web3.eth.gas_price == 1_000_000
    assert web3.eth.syncing is False
    assert [account.lower() for account in web3.eth.accounts] == [
        wallet.address(index) for index in range(len(wallet.ACCOUNTS))
    ]
    assert web3.net.version == str(wallet.CHAIN_ID)


def test_web3_py_sends_from_an_account_of_the_node(web3):
    sender, recipient = web3.eth.accounts[5], web3.eth.accounts[6]
    before = web3.eth.get_balance(recipient)
    digest = web3.eth.send_transaction({"from": sender, "to": recipient, "value": ETHER})
    receipt = web3.eth.wait_for_transaction_receipt(digest, timeout=CLIENT_S, poll_latency=0.02)
    assert receipt["status"] == 1
    assert receipt["gasUsed"] == 60_000
    assert web3.eth.get_balance(recipient) == before + ETHER


def test_web3_py_signs_itself_deploys_and_reads_logs(web3):
    account = web3.eth.account.from_key(wallet.ACCOUNTS[5].key)
    contract = web3.eth.contract(abi=[], bytecode=wallet.EMITTER_CODE)
    transaction = contract.constructor().build_transaction(
        {"from": account.address, "nonce": web3.eth.get_transaction_count(account.address, "pending")}
    )
    digest = web3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
    created = web3.eth.wait_for_transaction_receipt(digest, timeout=CLIENT_S, poll_latency=0.02)
    address = created["contractAddress"]
    assert len(web3.eth.get_code(address)) == 18
    digest = web3.eth.send_transaction({"from": account.address, "to": address})
    receipt = web3.eth.wait_for_transaction_receipt(digest, timeout=CLIENT_S, poll_latency=0.02)
    assert int(web3.eth.get_storage_at(address, 0).hex(), 16) == 42
    [log] = web3.eth.get_logs({"address": address, "fromBlock": receipt["blockNumber"]})
    assert log["topics"][0].hex().removeprefix("0x") == wallet.EMITTER_TOPIC.removeprefix("0x")
    assert web3.eth.get_transaction(digest)["from"] == account.address


def test_web3_py_subscribes_over_a_websocket(node):
    from web3 import AsyncWeb3, WebSocketProvider

    async def hear():
        async with AsyncWeb3(WebSocketProvider(node.ws_url)) as web3:
            await web3.eth.subscribe("newHeads")
            numbers = []
            async for message in web3.socket.process_subscriptions():
                numbers.append(message["result"]["number"])
                if len(numbers) == 3:
                    return numbers

    first, second, third = asyncio.run(asyncio.wait_for(hear(), CLIENT_S))
    assert (second, third) == (first + 1, first + 2)


# --- cast ---


@pytest.fixture(scope="session")
def clients():
    return npm.directory()


@pytest.fixture
def run_cast(clients, node):
    binary = clients / "node_modules" / npm.CAST / "bin" / "cast"
    environment = {**os.environ, "ETH_RPC_URL": node.url}

    def run(*arguments):
        command = [str(binary), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=CLIENT_S, env=environment, check=False
        )

    return run


@pytest.fixture
def cast(run_cast):
    def run(*arguments):
        done = run_cast(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_cast_reads(cast, history):
    assert cast("chain-id") == str(wallet.CHAIN_ID)
    assert cast("client").startswith("megaeth-devnet/v")
    assert int(cast("block-number")) >= int(history.number, 16)
    assert json.loads(cast("block", history.number, "--json"))["hash"] == history.block
    assert json.loads(cast("tx", history.tx, "--json"))["hash"] == history.tx
    assert json.loads(cast("receipt", history.tx, "--json"))["status"] == "0x1"
    assert cast("storage", history.emitter, "0") == "0x" + f"{42:064x}"
    assert cast("call", history.emitter, "anything()") == "0x"
    logs = json.loads(cast("logs", "--address", history.emitter, "--from-block", history.number, "--json"))
    assert logs[0]["topics"] == [wallet.EMITTER_TOPIC]


def test_cast_sends_with_a_key_of_its_own(cast, emitter):
    key = "0x" + wallet.ACCOUNTS[7].key.hex()
    to = wallet.address(8)
    before = int(cast("balance", to))
    sent = json.loads(cast("send", to, "--value", "1ether", "--private-key", key, "--json"))
    assert sent["status"] == "0x1"
    assert int(cast("balance", to)) == before + ETHER
    sent = json.loads(cast("send", emitter, "run()", "--private-key", key, "--json"))
    assert len(sent["logs"]) == 1


def test_cast_sends_from_an_unlocked_account_and_many_at_once(cast, node):
    sender, to = wallet.address(7), wallet.address(8)
    hashes = [cast("send", to, "--value", "1", "--from", sender, "--unlocked", "--async") for _ in range(5)]
    receipts = [json.loads(cast("receipt", digest, "--json")) for digest in hashes]
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * 5


def test_cast_deploys(cast):
    key = "0x" + wallet.ACCOUNTS[7].key.hex()
    sent = json.loads(cast("send", "--private-key", key, "--json", "--create", wallet.EMITTER_CODE))
    assert len(cast("code", sent["contractAddress"])) == 2 + 2 * 18


def test_cast_shows_why_a_call_fails(run_cast):
    done = run_cast("call", "--create", "0x5f5ffd")
    assert done.returncode != 0
    assert "revert" in done.stderr


# --- viem ---


def test_viem_reads_sends_and_watches(clients, node, emitter):
    command = [
        shutil.which("node"),
        str(Path(__file__).with_name("viem_client.mjs")),
        node.url,
        node.ws_url,
        "0x" + wallet.ACCOUNTS[9].key.hex(),
        emitter,
        "0x00000000000000000000000000000000000000aa",
    ]
    environment = {**os.environ, "CLIENTS": str(clients)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=CLIENT_S, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["id"], seen["status"], seen["type"]) == (wallet.CHAIN_ID, "success", "eip1559")
    assert int(seen["gained"]) == 15 * ETHER // 10
    assert (seen["emitted"], seen["sync"]) == (1, "success")
    assert int(seen["gas"]) >= 60_000
    assert seen["heads"] >= 2
    assert seen["logs"] >= 1


def test_viems_test_client_takes_snapshots_in_either_mode(clients, new_node):
    node = new_node().start()
    command = [
        shutil.which("node"),
        str(Path(__file__).with_name("viem_snapshots.mjs")),
        node.url,
        "0x" + wallet.ACCOUNTS[9].key.hex(),
        "0x00000000000000000000000000000000000000aa",
    ]
    environment = {**os.environ, "CLIENTS": str(clients)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=CLIENT_S, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["balances"] == ["11", "1", "101", "0"] * 2
