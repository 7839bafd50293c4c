"""The contracts of block 0 do what contracts elsewhere expect of them."""

import json

import pytest
from eth_abi import decode, encode
from eth_utils import keccak

from devnet._engine import sign_transaction
from devnet.genesis import derive
from tests.support.node import RpcFailure
from tests.support.ws_client import WsClient

ALICE, BOB = derive(count=2)
WETH = "0x4200000000000000000000000000000000000006"
GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000f"
SEQUENCER_FEE_VAULT = "0x4200000000000000000000000000000000000011"
L1_BLOCK = "0x4200000000000000000000000000000000000015"
MESSAGE_PASSER = "0x4200000000000000000000000000000000000016"
MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
CREATE2_DEPLOYER = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"
DEPOSITOR = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001"


def selector(signature):
    return keccak(text=signature)[:4]


def calldata(signature, *values):
    inner = signature[signature.index("(") + 1 : -1]
    return selector(signature) + encode(types(inner), values)


def types(inner):
    """Splits `uint256,(address,bytes)[]` at its outer commas."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(inner):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(inner[start:index])
            start = index + 1
    return [*parts, inner[start:]] if inner else []


class User:
    """Calls and sends with ABI signatures."""

    def __init__(self, client):
        self.client = client
        self.chain_id = int(client.call("eth_chainId"), 16)

    def call(self, to, signature, *values, returns=(), sender=ALICE.address):
        request = {"from": sender, "to": to, "data": "0x" + calldata(signature, *values).hex()}
        data = bytes.fromhex(self.client.call("eth_call", request, "latest")[2:])
        found = decode(returns, data)
        return found[0] if len(found) == 1 else found

    def send(self, to, data=b"", value=0, sender=ALICE):
        nonce = self.client.call("eth_getTransactionCount", sender.address, "pending")
        request = {
            "chainId": hex(self.chain_id),
            "nonce": nonce,
            "to": to,
            "value": hex(value),
            "data": "0x" + data.hex(),
            "gas": hex(5_000_000),
            "maxFeePerGas": hex(2_000_000_000),
            "maxPriorityFeePerGas": "0x0",
        }
        raw, _ = sign_transaction(sender.key, json.dumps(request).encode())
        return self.client.call("eth_sendRawTransactionSync", "0x" + raw.hex())


@pytest.fixture(scope="module")
def user(node):
    with WsClient(node.ws_url) as client:
        yield User(client)


def topics(receipt):
    return [log["topics"][0] for log in receipt["logs"]]


def event(signature):
    return "0x" + keccak(text=signature).hex()


def test_weth_wraps_moves_and_unwraps(user):
    def held():
        balances = [
            user.call(WETH, "balanceOf(address)", one.address, returns=["uint256"]) for one in (ALICE, BOB)
        ]
        return [*balances, user.call(WETH, "totalSupply()", returns=["uint256"])]

    before = held()  # other tests of this chain wrap ether, too
    deposit = user.send(WETH, value=100)  # plain ether, no calldata
    assert topics(deposit) == [event("Deposit(address,uint256)")]
    moved = user.send(WETH, calldata("transfer(address,uint256)", BOB.address, 60))
    assert topics(moved) == [event("Transfer(address,address,uint256)")]
    user.send(WETH, calldata("withdraw(uint256)", 40))
    assert [now - then for now, then in zip(held(), before, strict=True)] == [0, 60, 60]
    assert user.call(WETH, "symbol()", returns=["string"]) == "WETH"


def test_weth_spends_allowances_and_refuses_more(user):
    user.send(WETH, calldata("deposit()"), value=10)
    user.send(WETH, calldata("approve(address,uint256)", BOB.address, 7))
    transfer = calldata("transferFrom(address,address,uint256)", ALICE.address, BOB.address, 7)
    assert user.send(WETH, transfer, sender=BOB)["status"] == "0x1"
    assert user.send(WETH, transfer, sender=BOB)["status"] == "0x0"
    allowance = user.call(WETH, "allowance(address,address)", ALICE.address, BOB.address, returns=["uint256"])
    assert allowance == 0


def test_multicall_gathers_results_and_may_tolerate_failure(user):
    chain_id = calldata("getChainId()")
    fails = calldata("withdraw(uint256)", 10**30)
    calls = [(MULTICALL3, False, chain_id), (WETH, True, fails)]
    signature = "aggregate3((address,bool,bytes)[])"
    (good, answer), (bad, _) = user.call(MULTICALL3, signature, calls, returns=["(bool,bytes)[]"])
    assert (good, bad) == (True, False)
    assert int.from_bytes(answer, "big") == user.chain_id
    with pytest.raises(RpcFailure, match="Multicall3: call failed"):
        user.call(MULTICALL3, signature, [(WETH, False, fails)], returns=["(bool,bytes)[]"])


def test_multicall_knows_block_and_balances(user):
    number, results = user.call(
        MULTICALL3,
        "aggregate((address,bytes)[])",
        [(MULTICALL3, calldata("getEthBalance(address)", BOB.address))],
        returns=["uint256", "bytes[]"],
    )
    assert number >= 1
    assert int.from_bytes(results[0], "big") > 10**21


def test_multicall_passes_value_on(user):
    calls = [(WETH, False, 5, calldata("deposit()"))]
    data = calldata("aggregate3Value((address,bool,uint256,bytes)[])", calls)
    assert user.send(MULTICALL3, data, value=5)["status"] == "0x1"
    assert user.send(MULTICALL3, data, value=6)["status"] == "0x0"
    assert user.call(WETH, "balanceOf(address)", MULTICALL3, returns=["uint256"]) == 5


def test_create2_deployer_deploys_where_everybody_expects(user):
    init_code = bytes.fromhex("6001600c60003960016000f3") + b"\x00"
    salt = b"\x07" * 32
    assert user.send(CREATE2_DEPLOYER, salt + init_code)["status"] == "0x1"
    digest = keccak(b"\xff" + bytes.fromhex(CREATE2_DEPLOYER[2:]) + salt + keccak(init_code))
    assert user.client.call("eth_getCode", "0x" + digest[-20:].hex(), "latest") == "0x00"


def test_l1_block_stands_at_zero_and_takes_attributes_from_the_depositor_only(user):
    assert user.call(L1_BLOCK, "number()", returns=["uint64"]) == 0
    assert user.call(L1_BLOCK, "baseFeeScalar()", returns=["uint32"]) == 0
    packed = bytes(range(1, 173))
    data = "0x" + (selector("setL1BlockValuesIsthmus()") + packed).hex()
    request = {"from": ALICE.address, "to": L1_BLOCK, "data": data}
    with pytest.raises(RpcFailure):
        user.client.call("eth_call", request, "latest")
    assert user.client.call("eth_call", {**request, "from": DEPOSITOR}, "latest") == "0x"


def test_l1_fee_is_zero(user):
    fee = user.call(GAS_PRICE_ORACLE, "getL1Fee(bytes)", b"x" * 500, returns=["uint256"])
    assert fee == 0
    assert user.call(GAS_PRICE_ORACLE, "decimals()", returns=["uint256"]) == 6


def test_fee_vault_takes_ether(user):
    assert user.send(SEQUENCER_FEE_VAULT, value=3)["status"] == "0x1"


def test_withdrawal_is_recorded_and_burnt(user):
    receipt = user.send(
        MESSAGE_PASSER,
        calldata("initiateWithdrawal(address,uint256,bytes)", BOB.address, 100_000, b"hello"),
        value=9,
    )
    [log] = receipt["logs"]
    assert log["topics"][0] == event("MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")
    nonce = int(log["topics"][1], 16)
    assert nonce >> 240 == 1  # the message format's version
    value, gas_limit, data, withdrawal = decode(
        ["uint256", "uint256", "bytes", "bytes32"], bytes.fromhex(log["data"][2:])
    )
    assert (value, gas_limit, data) == (9, 100_000, b"hello")
    content = encode(
        ["uint256", "address", "address", "uint256", "uint256", "bytes"],
        [nonce, ALICE.address, BOB.address, 9, 100_000, b"hello"],
    )
    assert withdrawal == keccak(content)
    # The OP Stack proves withdrawals against slot keccak(hash, 0).
    slot = "0x" + keccak(withdrawal + bytes(32)).hex()
    assert int(user.client.call("eth_getStorageAt", MESSAGE_PASSER, slot, "latest"), 16) == 1
    assert user.call(MESSAGE_PASSER, "messageNonce()", returns=["uint256"]) == nonce + 1
    assert user.send(MESSAGE_PASSER, calldata("burn()"))["status"] == "0x1"
    assert int(user.client.call("eth_getBalance", MESSAGE_PASSER, "latest"), 16) == 0
