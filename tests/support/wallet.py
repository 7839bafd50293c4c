"""The development accounts, and transactions signed by the engine."""

import json

from devnet._engine import keccak256, sign_transaction
from devnet.genesis import derive

MNEMONIC = "test test test test test test test test test test test junk"
ACCOUNTS = derive(MNEMONIC, 10)
GWEI = 10**9
CHAIN_ID = 6343

EMITTER_CODE = "0x6012600c60003960126000f3602a600055602a600052600760206000a100"
"""A contract that sets slot 0 to 42 and logs 42 under topic 7, whatever it is called with."""
EMITTER_TOPIC = "0x" + f"{7:064x}"


def signed(sender, nonce, /, **fields):
    """Sign a type 2 transaction of a development account; return its raw hex."""
    return signed_with_hash(sender, nonce, **fields)[0]


def signed_with_hash(sender, nonce, /, **fields):
    transaction = {
        "type": "0x2",
        "chainId": hex(CHAIN_ID),
        "nonce": hex(nonce),
        "gas": hex(1_000_000),
        "maxFeePerGas": hex(2_000_000),
        "maxPriorityFeePerGas": "0x0",
        "value": "0x0",
        "input": "0x",
        **fields,
    }
    raw, digest = sign_transaction(ACCOUNTS[sender].key, json.dumps(transaction).encode())
    return "0x" + raw.hex(), "0x" + digest.hex()


def address(index):
    return ACCOUNTS[index].address.lower()


def nonce(node, index):
    return int(node.rpc("eth_getTransactionCount", address(index), "pending"), 16)


def send(node, sender, **fields):
    """Send a transaction and wait for its receipt."""
    raw = signed(sender, nonce(node, sender), **fields)
    return node.rpc("realtime_sendRawTransaction", raw)


def deploy_emitter(node, sender=0):
    """Deploy the emitter; return its address."""
    receipt = send(node, sender, input=EMITTER_CODE, gas=hex(10_000_000))
    assert receipt["status"] == "0x1"
    return receipt["contractAddress"].lower()


def contract_address(creator, count):
    """Return the address of the contract that an account creates with its transaction number `count`."""
    import rlp

    return "0x" + keccak256(rlp.encode([bytes.fromhex(address(creator)[2:]), count]))[12:].hex()
