"""Listeners that poll: a script in ethers or viem, and web3.py, hear each event once over plain HTTP."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support import wallet


@pytest.fixture
def script(tool, clients, node, token, tmp_path):
    """Run one against the node; return what it saw."""

    def run(name, sender):
        # Imports of a script are looked for beside it.
        (tmp_path / "node_modules").symlink_to(clients / "node_modules")
        shutil.copy(Path(__file__).parent / name, tmp_path)
        arguments = {
            "url": node.url,
            "key": "0x" + wallet.ACCOUNTS[sender].key.hex(),
            "chainId": wallet.CHAIN_ID,
            "abi": token.abi,
            "bytecode": f"0x{token.bytecode}",
            "to": wallet.address(1),
        }
        return json.loads(tool(shutil.which("node"), tmp_path / name, json.dumps(arguments)))

    return run


def test_ethers_hears_each_event_once(script):
    seen = script("filters.ethers.mjs", 8)
    assert seen["heard"] == ["1", "2", "3"]
    assert {"eth_newFilter", "eth_getFilterChanges"} <= set(seen["methods"])


def test_viem_hears_each_event_once_and_polls_filters_of_every_kind(script):
    assert script("filters.viem.mjs", 9) == {
        "heard": ["1", "2", "3"],
        "first": ["1", "2", "3"],
        "logs": 3,
        "again": 4,
        "blocks": True,
        "pending": True,
        "uninstalled": True,
    }


def test_web3_py_polls_filters_of_every_kind(node, token):
    from web3 import Web3

    web3 = Web3(Web3.HTTPProvider(node.url))
    sender, recipient = web3.eth.accounts[7], web3.eth.accounts[6]

    def receipt(digest):
        return web3.eth.wait_for_transaction_receipt(digest, timeout=60, poll_latency=0.01)

    factory = web3.eth.contract(abi=token.abi, bytecode=token.bytecode)
    deployed = receipt(factory.constructor("MegaCoin", "MEGA", 1000).transact({"from": sender}))
    contract = web3.eth.contract(address=deployed["contractAddress"], abi=token.abi)
    early = contract.events.Transfer.create_filter(from_block="latest", argument_filters={"to": recipient})
    whole = contract.events.Transfer.create_filter(from_block=0)
    blocks, pending = web3.eth.filter("latest"), web3.eth.filter("pending")
    digests = [contract.functions.transfer(recipient, value).transact({"from": sender}) for value in (1, 2)]
    last = [receipt(digest) for digest in digests][-1]
    assert [event["args"]["value"] for event in early.get_new_entries()] == [1, 2]
    assert early.get_new_entries() == []
    node.sealed(last["blockNumber"])
    # The block of the deployment may have been open when the filter was made.
    assert [event["args"]["value"] for event in whole.get_new_entries()][-2:] == [1, 2]
    assert [event["args"]["value"] for event in whole.get_all_entries()] == [1000 * 10**18, 1, 2]
    assert node.sealed(last["blockNumber"])["hash"] in [
        Web3.to_hex(block) for block in blocks.get_new_entries()
    ]
    assert set(digests) <= set(pending.get_new_entries())
    assert web3.eth.uninstall_filter(blocks.filter_id)
