"""What testing tools do to a node's state, under each of the names that they know: transactions of the chain."""

import json
from http import HTTPStatus

import pytest

from devnet._engine import keccak256
from devnet.storage import tables
from devnet.storage.database import open_leveldb
from tests.support import wallet
from tests.support.bytecode import assemble
from tests.support.node import RpcFailure
from tests.support.raw_http import RawHttp, request
from tests.support.waiting import eventually

PLACE = "0x6465766e65742d696e74657276656e74696f6e73"
CHAIN = "0xfffffffffffffffffffffffffffffffffffffffe"
SEQUENCER_REGISTRY = "0x6342000000000000000000000000000000000006"
COUNTER = "0x5f54600101805f555f52600160205fa100"
"""Adds one to slot 0 and logs it."""
ZERO_WORD = "0x" + "00" * 32


def somebody(name):
    """An address of a test's own."""
    return "0x" + keccak256(name.encode())[12:].hex()


def word(number):
    return f"0x{number:064x}"


@pytest.mark.parametrize("name", ["anvil_setBalance", "hardhat_setBalance", "tenderly_setBalance"])
@pytest.mark.parametrize(
    ("given", "balance"),
    [("0x0", 0), ("0x00ff", 255), (10**20, 10**20), ("12", 12), ("0x" + "f" * 64, 2**256 - 1)],
)
def test_a_balance_is_what_it_was_set_to_when_the_call_returns(node, name, given, balance):
    account = somebody(name)
    assert node.rpc(name, account, given) is None
    assert int(node.rpc("eth_getBalance", account, "latest"), 16) == balance


@pytest.mark.parametrize("name", ["anvil_addBalance", "hardhat_addBalance", "tenderly_addBalance"])
def test_a_balance_is_raised_at_most_to_the_largest(node, name):
    account = somebody(name)
    for amount, balance in ((5, 5), (7, 12), (2**256 - 1, 2**256 - 1)):
        assert node.rpc(name, account, hex(amount)) is None
        assert int(node.rpc("eth_getBalance", account, "latest"), 16) == balance


@pytest.mark.parametrize("name", ["anvil_setNonce", "hardhat_setNonce", "evm_setAccountNonce"])
def test_a_nonce_is_set_up_and_down(node, name):
    account = somebody(name)
    node.rpc("anvil_setBalance", account, "0x1")
    # Who was in use, and has no code, keeps a nonce.
    for nonce, then in ((2**63, 2**63), (3, 3), (0, 1)):
        assert node.rpc(name, account, hex(nonce)) is None
        assert int(node.rpc("eth_getTransactionCount", account, "latest"), 16) == then


@pytest.mark.parametrize("prefix", ["anvil", "hardhat"])
def test_code_and_storage_are_set_and_run(node, prefix):
    account = somebody(f"{prefix} code")
    assert node.rpc(f"{prefix}_setStorageAt", account, "0x0", word(41)) is True
    assert node.rpc("eth_getStorageAt", account, "0x0", "latest") == word(41)
    assert node.rpc(f"{prefix}_setCode", account, COUNTER) is None
    assert node.rpc("eth_getCode", account, "latest") == COUNTER
    receipt = wallet.send(node, 0, to=account)
    assert receipt["status"] == "0x1"
    assert node.rpc("eth_getStorageAt", account, "0x0", "latest") == word(42)
    # A slot may be written with all its zeroes, as anvil's users do.
    node.rpc(f"{prefix}_setStorageAt", account, ZERO_WORD, word(7))
    node.rpc(f"{prefix}_setCode", account, "0x")
    assert node.rpc("eth_getCode", account, "latest") == "0x"


def test_an_intervention_is_a_transaction_of_the_chain(node):
    account = somebody("a transaction")
    node.rpc("anvil_setBalance", account, "0x5")
    ending = f"{int(account, 16):064x}{5:064x}"

    def found():
        blocks = range(int(node.rpc("eth_blockNumber"), 16) + 1)
        transactions = [
            one
            for block in blocks
            for one in node.rpc("eth_getBlockByNumber", hex(block), True)["transactions"]
        ]
        return [one["hash"] for one in transactions if one["input"].endswith(ending)]

    [digest] = eventually(found, "the block to be sealed")
    transaction = node.rpc("eth_getTransactionByHash", digest)
    assert (transaction["from"].lower(), transaction["to"].lower()) == (CHAIN, PLACE)
    receipt = node.rpc("eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert "miniBlock" in receipt["mega"]


def test_tokens_are_dealt_by_finding_where_they_keep_them(node):
    # balanceOf(a) is in slot keccak(a, 3), allowance(a, b) in slot keccak(b, keccak(a, 4)).
    token = somebody("token")
    node.rpc("anvil_setCode", token, "0x" + assemble(TOKEN).hex())
    owner, spender = somebody("owner"), somebody("spender")
    for name in ("anvil_dealERC20", "hardhat_dealERC20", "anvil_setERC20Balance"):
        amount = len(name) * 10**18
        assert node.rpc(name, owner, token, hex(amount)) is None
        data = f"0x70a08231{int(owner, 16):064x}"
        assert node.rpc("eth_call", {"to": token, "data": data}, "latest") == word(amount)
    assert node.rpc("anvil_setERC20Allowance", owner, spender, token, hex(77)) is None
    data = f"0xdd62ed3e{int(owner, 16):064x}{int(spender, 16):064x}"
    assert node.rpc("eth_call", {"to": token, "data": data}, "latest") == word(77)
    with pytest.raises(RpcFailure, match="no storage slot"):
        node.rpc("anvil_dealERC20", owner, somebody("no token"), "0x1")


TOKEN = """
4 CALLDATALOAD 0 MSTORE 0 CALLDATALOAD 224 SHR 0x70a08231 EQ @balance JUMPI
4 32 MSTORE 64 0 KECCAK256 36 CALLDATALOAD 0 MSTORE 32 MSTORE 64 0 KECCAK256 @answer JUMP
balance: 3 32 MSTORE 64 0 KECCAK256
answer: SLOAD 0 MSTORE 32 0 RETURN
"""
"""`balanceOf` and `allowance` of a token, and nothing else."""


# --- in somebody's name ---


def impersonate(node, account):
    node.rpc("anvil_setBalance", account, hex(10**18))
    assert node.rpc("anvil_impersonateAccount", account) is None


def test_an_account_is_impersonated_until_it_is_not(node):
    account, friend = somebody("whale"), somebody("friend")
    transfer = {"from": account, "to": friend, "value": hex(10**17)}
    with pytest.raises(RpcFailure, match="unknown account"):
        node.rpc("eth_sendTransaction", transfer)
    impersonate(node, account)
    digest = node.rpc("eth_sendTransaction", transfer)
    receipt = node.rpc("eth_getTransactionReceipt", digest)
    assert (receipt["status"], receipt["from"].lower()) == ("0x1", account)
    assert int(node.rpc("eth_getBalance", friend, "latest"), 16) == 10**17
    # It pays no fees, and its nonce counts.
    assert int(node.rpc("eth_getBalance", account, "latest"), 16) == 9 * 10**17
    assert node.rpc("eth_getTransactionCount", account, "latest") == "0x1"
    node.rpc("hardhat_stopImpersonatingAccount", account)
    with pytest.raises(RpcFailure, match="unknown account"):
        node.rpc("eth_sendTransaction", transfer)


def test_an_impersonated_account_creates_contracts_and_sees_why_it_fails(node):
    account = somebody("creator")
    node.rpc("hardhat_impersonateAccount", account)
    digest = node.rpc("eth_sendTransaction", {"from": account, "data": wallet.EMITTER_CODE})
    receipt = node.rpc("eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert node.rpc("eth_getCode", receipt["contractAddress"], "latest") != "0x"
    with pytest.raises(RpcFailure, match="execution reverted"):
        node.rpc("eth_sendTransaction", {"from": account, "data": "0x5f5ffd"})
    with pytest.raises(RpcFailure, match="insufficient funds"):
        node.rpc("eth_sendTransaction", {"from": account, "to": account, "value": "0x1", "gas": "0x186a0"})
    with pytest.raises(RpcFailure, match="nonce too high"):
        node.rpc("eth_sendTransaction", {"from": account, "to": account, "nonce": "0x99"})


def test_everyone_is_impersonated_at_once(new_node):
    with new_node() as node:
        transfer = {"from": somebody("anyone"), "to": somebody("friend"), "gas": "0x186a0"}
        assert node.rpc("anvil_autoImpersonateAccount", True) is None
        assert node.rpc("eth_getTransactionReceipt", node.rpc("eth_sendTransaction", transfer))
        node.rpc("hardhat_autoImpersonateAccount", False)
        with pytest.raises(RpcFailure, match="unknown account"):
            node.rpc("eth_sendTransaction", transfer)
        # This one asks nobody.
        digest = node.rpc("eth_sendUnsignedTransaction", transfer)
        assert node.rpc("eth_getTransactionReceipt", digest)["from"].lower() == transfer["from"]


# --- what is refused ---


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("anvil_setBalance", ["0x12", "0x1"]),
        ("anvil_setBalance", [CHAIN]),
        ("anvil_setBalance", [CHAIN, hex(2**256)]),
        ("anvil_setBalance", [CHAIN, -1]),
        ("anvil_setBalance", [CHAIN, True]),
        ("anvil_setNonce", [CHAIN, hex(2**64)]),
        ("anvil_setCode", [CHAIN, "0x1"]),
        ("anvil_setStorageAt", [CHAIN, "zero", "0x1"]),
        ("anvil_impersonateAccount", ["me"]),
        ("anvil_autoImpersonateAccount", ["yes"]),
        ("eth_sendUnsignedTransaction", [{"to": CHAIN}]),
    ],
)
def test_bad_parameters_are_refused_as_such(node, method, params):
    with pytest.raises(RpcFailure) as refused:
        node.rpc(method, *params)
    assert refused.value.code == -32602


@pytest.mark.parametrize("account", [PLACE, CHAIN, SEQUENCER_REGISTRY])
def test_what_the_chain_itself_needs_stays(node, account):
    with pytest.raises(RpcFailure, match="the chain itself needs"):
        node.rpc("anvil_setNonce", account, "0x7")


def test_a_chain_without_interventions_stays_without(new_node):
    account = somebody("nobody")
    with new_node(chain__interventions=False) as node:
        for method, *params in (
            ("anvil_setBalance", account, "0x1"),
            ("anvil_setCode", account, "0x00"),
            ("anvil_impersonateAccount", account),
            ("anvil_autoImpersonateAccount", True),
            ("eth_sendUnsignedTransaction", {"from": account, "to": account}),
        ):
            with pytest.raises(RpcFailure, match="knows no interventions"):
                node.rpc(method, *params)
        assert "interventions" not in node.rpc("mega_getChainRules")
        assert node.stop() == 0
    with pytest.raises(AssertionError, match="interventions"):
        new_node(chain__interventions=True).start()


def test_a_chain_of_before_opens_and_has_none(new_node):
    with new_node() as node:
        assert node.rpc("mega_getChainRules")["interventions"] is True
        assert node.stop() == 0
        card = node.directory / "data" / "chain.json"
        identity = json.loads(card.read_text())
        assert identity["settings"].pop("interventions") is True
        database = open_leveldb(card.parent, is_new=False, max_open_files=100)
        database.put(tables.META_IDENTITY, json.dumps(identity).encode())
        database.close()
        card.write_text(json.dumps(identity))
        node.start()
        with pytest.raises(RpcFailure, match="knows no interventions"):
            node.rpc("anvil_setBalance", somebody("nobody"), "0x1")


def test_interventions_survive_a_kill(new_node):
    account = somebody("durable")
    with new_node() as node:
        node.rpc("anvil_setBalance", account, "0x123456")
        node.kill()
        node.start()
        assert node.rpc("eth_getBalance", account, "latest") == "0x123456"


def test_a_batch_sees_its_own_interventions(node):
    account = somebody("batch")
    with RawHttp(node.port) as http:
        status, _, body = http.post(
            [
                request("anvil_setBalance", account, "0x9", id=1),
                request("eth_getBalance", account, "latest", id=2),
            ]
        )
    assert status == HTTPStatus.OK
    assert [answer["result"] for answer in json.loads(body)] == [None, "0x9"]
