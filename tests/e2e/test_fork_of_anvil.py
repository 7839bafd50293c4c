"""A fork of anvil under Ethereum's rules: what anvil has is there, and transactions do here what they do there."""

from types import SimpleNamespace

import pytest
from web3 import Web3

from tests.support import wallet
from tests.support.anvil import running_anvil
from tests.support.node import Node, RpcFailure
from tests.support.remote import COUNTER, creation_of
from tests.support.waiting import eventually

OWNER = Web3.to_checksum_address(wallet.address(0))
CHAIN_ID = 31337
ETHER = 10**18


def sent(web3, **fields):
    return web3.eth.wait_for_transaction_receipt(web3.eth.send_transaction(fields), poll_latency=0.02)


@pytest.fixture(scope="module")
def anvil(tmp_path_factory):
    """anvil with a contract that has been called twice."""
    with running_anvil(tmp_path_factory.mktemp("anvil"), "--hardfork", "prague") as found:
        web3 = Web3(Web3.HTTPProvider(found.url))
        created = sent(web3, **{"from": OWNER, "data": creation_of(COUNTER)})
        calls = [sent(web3, **{"from": OWNER, "to": created.contractAddress}) for _ in range(2)]
        yield SimpleNamespace(
            url=found.url,
            web3=web3,
            counter=created.contractAddress,
            calls=calls,
            number=web3.eth.block_number,
        )


@pytest.fixture(scope="module")
def fork(anvil, tmp_path_factory):
    settings = {
        "chain__chain_id": CHAIN_ID,
        "chain__spec": "equivalence",
        "fork__url": anvil.url,
        "fork__block_number": anvil.number,
        "blocks__automine": True,
    }
    with Node(tmp_path_factory.mktemp("fork"), **settings) as node:
        yield SimpleNamespace(node=node, web3=Web3(Web3.HTTPProvider(node.url)))
        assert "Traceback" not in node.log()


def test_the_chain_id_code_balances_and_history_are_anvils(fork, anvil):
    assert fork.web3.eth.chain_id == CHAIN_ID
    assert fork.web3.eth.get_code(anvil.counter) == anvil.web3.eth.get_code(anvil.counter)
    rich = Web3.to_checksum_address("0x" + "99" * 20)
    assert fork.web3.eth.get_balance(rich) == anvil.web3.eth.get_balance(rich) == 0
    for number in range(anvil.number + 1):
        assert fork.web3.eth.get_block(number).hash == anvil.web3.eth.get_block(number).hash
    for call in anvil.calls:
        assert fork.web3.eth.get_transaction_receipt(call.transactionHash) == call
    logs = fork.web3.eth.get_logs({"fromBlock": 0, "toBlock": anvil.number})
    assert [int.from_bytes(log.data) for log in logs] == [1, 2]


def test_no_contract_of_megaeths_is_there(fork, anvil):
    passer = Web3.to_checksum_address("0x4200000000000000000000000000000000000016")
    oracle = Web3.to_checksum_address("0x6342000000000000000000000000000000000001")
    assert fork.web3.eth.get_code(passer) == fork.web3.eth.get_code(oracle) == b""


def test_a_transaction_does_here_what_it_does_there(fork, anvil):
    here = sent(fork.web3, **{"from": OWNER, "to": anvil.counter})
    assert int.from_bytes(anvil.web3.eth.get_storage_at(anvil.counter, 0)) == 2
    there = sent(anvil.web3, **{"from": OWNER, "to": anvil.counter})

    assert (here.status, here.gasUsed) == (there.status, there.gasUsed)
    assert [log.data for log in here.logs] == [log.data for log in there.logs]
    assert fork.web3.eth.get_transaction_count(OWNER) == anvil.web3.eth.get_transaction_count(OWNER)


def test_accounts_of_anvil_can_be_impersonated(fork):
    stranger = Web3.to_checksum_address("0x" + "31" * 20)
    heir = Web3.to_checksum_address("0x" + "32" * 20)
    fork.node.rpc("anvil_setBalance", stranger, hex(2 * ETHER))
    fork.node.rpc("anvil_impersonateAccount", stranger)

    receipt = sent(fork.web3, **{"from": stranger, "to": heir, "value": ETHER, "gas": 100_000})

    assert receipt.status == 1
    assert fork.web3.eth.get_balance(heir) == ETHER


def test_without_anvil_what_was_read_is_still_there(tmp_path):
    with running_anvil(tmp_path, "--hardfork", "prague") as found:
        web3 = Web3(Web3.HTTPProvider(found.url))
        created = sent(web3, **{"from": OWNER, "data": creation_of(COUNTER)})
        sent(web3, **{"from": OWNER, "to": created.contractAddress})
        settings = {"chain__chain_id": CHAIN_ID, "chain__spec": "equivalence", "fork__url": found.url}
        node = Node(tmp_path / "fork", **settings)
        node.start()
        wallet_call = {"from": OWNER, "to": created.contractAddress, "gas": hex(100_000)}
        digest = node.rpc("eth_sendTransaction", wallet_call)
        eventually(lambda: node.rpc("eth_getTransactionReceipt", digest), "the receipt")
        node.kill()
    try:
        node.start()
        assert int(node.rpc("eth_getStorageAt", created.contractAddress, "0x0", "latest"), 16) == 2
        assert node.rpc("eth_call", wallet_call, "latest") == "0x"
        with pytest.raises(RpcFailure, match="does not answer"):
            node.rpc("eth_getBalance", "0x" + "45" * 20, "latest")
    finally:
        node.reap()
