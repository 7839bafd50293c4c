"""docs/differences.md: what of it can be seen from outside is so."""

from devnet._engine import keccak256
from devnet.genesis import predeploys
from tests.support import wallet

L1_BLOCK = "0x4200000000000000000000000000000000000015"
REGISTRY = "0x6342000000000000000000000000000000000006"
MEGA_SYSTEM_ADDRESS = "a887dcb9d5f39ef79272801d05abdf707cfbbd1d"
SYSTEM_KEY = keccak256(b"megaeth devnet system")


def test_there_is_no_l1_fee(node):
    sender = wallet.address(8)
    before = int(node.rpc("eth_getBalance", sender, "latest"), 16)
    receipt = wallet.send(node, 8, to=wallet.address(1))
    assert {receipt[name] for name in ("l1Fee", "l1GasPrice", "l1GasUsed")} == {"0x0"}
    spent = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert int(node.rpc("eth_getBalance", sender, "latest"), 16) == before - spent
    assert {int(node.rpc("eth_getStorageAt", L1_BLOCK, hex(slot), "latest"), 16) for slot in range(9)} == {0}


def test_blocks_begin_with_what_users_send(node):
    node.sealed(1)
    transactions = node.rpc("eth_getBlockByNumber", "0x1", True)["transactions"]
    assert not [transaction for transaction in transactions if transaction["type"] == "0x7e"]
    receipt = wallet.send(node, 8, to=wallet.address(1))
    block = node.sealed(int(receipt["blockNumber"], 16))
    first = node.rpc("eth_getTransactionByBlockNumberAndIndex", block["number"], "0x0")
    assert first["type"] == "0x2"


def test_what_would_come_from_the_l1s_beacon_is_made_up(node):
    parent, block = node.rpc("eth_getBlockByNumber", "0x0", False), node.sealed(1)
    made = keccak256(bytes.fromhex(parent["hash"][2:]) + (1).to_bytes(8, "big"))
    assert block["mixHash"] == "0x" + made.hex()
    assert int(block["parentBeaconBlockRoot"], 16) == 0


def test_the_system_address_is_that_of_a_public_key(node):
    from eth_account import Account

    ours = Account.from_key(SYSTEM_KEY).address[2:].lower()
    slots = [node.rpc("eth_getStorageAt", REGISTRY, hex(slot), "latest") for slot in range(13)]
    assert any(slot.endswith(ours) for slot in slots)
    assert not any(slot.endswith(MEGA_SYSTEM_ADDRESS) for slot in slots)


def test_predeploys_stand_at_their_addresses_themselves(node):
    for address, account in predeploys().items():
        assert node.rpc("eth_getCode", address, "0x0") == account["code"], address


def test_sealed_is_final_and_every_state_can_be_read(node):
    latest, final = (
        node.rpc("eth_getBlockByNumber", tag, False)["number"] for tag in ("latest", "finalized")
    )
    assert int(final, 16) >= int(latest, 16)
    assert int(node.rpc("eth_getBalance", wallet.address(1), "0x0"), 16) == 10_000 * 10**18


def test_there_are_no_peers_and_the_program_says_what_it_is(node):
    assert node.rpc("net_peerCount") == "0x0"
    assert node.rpc("web3_clientVersion").startswith("megaeth-devnet/v")
    assert node.rpc("txpool_status").keys() == {"pending", "queued"}
