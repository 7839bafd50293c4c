"""What test suites do to a local node, by the tools that they do it with."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support import npm, wallet

HERE = Path(__file__).parent
ACCOUNT = "0x00000000000000000000000000000000cafecafe"


@pytest.fixture
def node(new_node):
    """One that closes a block with each transaction, as these tools expect it."""
    with new_node(blocks__automine=True) as running:
        yield running


def test_hardhats_network_helpers_take_the_node_as_theirs(tool, cache, node, tmp_path, monkeypatch):
    installed = npm.installed("test-hardhat", npm.HARDHAT)
    shutil.copy(HERE / "projects" / "helpers.js", tmp_path)
    # The node's accounts are used, and those that it impersonates.
    settings = {"networks": {"devnet": {"url": node.url}}}
    (tmp_path / "hardhat.config.js").write_text(f"module.exports = {json.dumps(settings)};")
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "node_modules").symlink_to(installed / "node_modules")
    monkeypatch.setenv("HARDHAT_DISABLE_TELEMETRY_PROMPT", "true")
    hardhat = installed / "node_modules" / ".bin" / "hardhat"
    seen = json.loads(tool(hardhat, "run", "--no-compile", "--network", "devnet", "helpers.js"))
    assert seen == {
        "mined": 20,
        "increased": 3600,
        "increasedTo": 10_000,
        "status": "0x1",
        "stamped": 20_000,
        "stopped": "refused",
        "nonce": "0x4d",
        "storage": f"0x{42:064x}",
        "code": "0x60016002",
        "dropped": True,
    }


def test_viems_test_client_finds_an_anvil(tool, clients, node, tmp_path):
    (tmp_path / "node_modules").symlink_to(clients / "node_modules")
    shutil.copy(HERE / "interventions.viem.mjs", tmp_path)
    arguments = {"url": node.url, "chainId": wallet.CHAIN_ID}
    seen = json.loads(tool(shutil.which("node"), tmp_path / "interventions.viem.mjs", json.dumps(arguments)))
    assert seen == {
        "balance": str(3 * 10**18),
        "nonce": 9,
        "together": True,
        "code": "0x60016002",
        "storage": f"0x{7:064x}",
        "mined": 1,
        "moved": True,
        "stamped": 1000,
        "apart": 7,
        "automine": True,
        "waits": 1,
        "dropped": 0,
        "coinbase": "the account that re",
    }


def test_cast_sets_balances_and_sends_in_anothers_name(tool, foundry, node):
    cast = foundry("cast")
    rpc = (cast, "rpc", "--rpc-url", node.url)
    account = "0x00000000000000000000000000000000beefbeef"
    assert tool(*rpc, "anvil_setBalance", account, "1000000000000000000") == "null"
    assert tool(cast, "balance", account, "--rpc-url", node.url) == str(10**18)
    tool(*rpc, "anvil_impersonateAccount", account)
    # It knows no receipts of deposits, so that it is not to wait for one.
    digest = tool(
        *(cast, "send", wallet.address(3), "--value", "5", "--from", account, "--unlocked", "--async"),
        *("--rpc-url", node.url),
    )
    assert json.loads(tool(*rpc, "eth_getTransactionReceipt", digest))["status"] == "0x1"
    before = int(tool(cast, "block-number", "--rpc-url", node.url))
    tool(*rpc, "anvil_mine", "3")
    assert int(tool(cast, "block-number", "--rpc-url", node.url)) == before + 3
    assert int(tool(*rpc, "evm_increaseTime", "100")) >= 100


def test_web3_py_makes_requests_that_it_has_no_names_for(node):
    from web3 import Web3

    web3 = Web3(Web3.HTTPProvider(node.url))
    account = web3.to_checksum_address(ACCOUNT)
    assert web3.provider.make_request("anvil_setBalance", [account, hex(10**18)])["result"] is None
    assert web3.eth.get_balance(account) == 10**18
    web3.provider.make_request("anvil_impersonateAccount", [account])
    digest = web3.eth.send_transaction({"from": account, "to": account, "value": 1})
    receipt = web3.eth.get_transaction_receipt(digest)
    assert web3.eth.get_block(receipt["blockNumber"])["hash"] == receipt["blockHash"]
    before = web3.eth.get_block("latest")["timestamp"]
    assert web3.provider.make_request("evm_increaseTime", [1000])["result"] >= 1000
    assert web3.provider.make_request("evm_mine", [])["result"] == "0x0"
    assert web3.eth.get_block("latest")["timestamp"] >= before + 1000
