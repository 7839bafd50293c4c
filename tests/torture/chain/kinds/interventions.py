"""What the user of a devnet does to its state: forced transactions to a precompile, and others that try the same."""

import json

from devnet._engine import StateContents
from tests.torture.chain.contracts import CONTRACTS, PLACES, calldata, words
from tests.torture.chain.kinds.deposits import FAILED
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import Sending, World

PLACE = "0x6465766e65742d696e74657276656e74696f6e73"
CHAIN = "0xfffffffffffffffffffffffffffffffffffffffe"


def intervention(world: World, signature: str, *arguments: str | int | bytes) -> Sending:
    return world.deposit(PLACE, calldata(signature, *arguments), sender=CHAIN)


@kind("intervention on a balance", cards=1)
def balance(world: World) -> Steps:
    somebody = world.address()
    yield [
        intervention(world, "setBalance(address,uint256)", somebody, 10**18),
        world.deposit(world.address(), sender=somebody, value=10**18, mint=0),
        intervention(world, "addBalance(address,uint256)", somebody, 2**256 - 1),
    ]
    yield [intervention(world, "setBalance(address,uint256)", somebody, 0)]


@kind("intervention on a nonce", cards=1)
def nonce(world: World) -> Steps:
    account = world.account()
    account.nonce = world.chance.randrange(2, 2**32)
    yield [
        intervention(world, "setBalance(address,uint256)", account.address, 10**18),
        intervention(world, "setNonce(address,uint64)", account.address, account.nonce),
    ]
    yield [world.send(account, world.address(), value=1)]


@kind("intervention on code and storage", cards=1)
def code(world: World) -> Steps:
    place = world.address()
    first = world.chance.randrange(2**64)
    yield [
        intervention(world, "setStorageAt(address,uint256,uint256)", place, first, 5),
        intervention(world, "setCode(address,bytes)", place, CONTRACTS["store"]),
        world.deposit(place, words(first, 3, 1)),
    ]
    yield [intervention(world, "setCode(address,bytes)", place, b"")]
    yield [
        intervention(world, "setNonce(address,uint64)", place, 0),
        intervention(world, "setCode(address,bytes)", place, CONTRACTS["store"]),
        world.deposit(place, words(first, 3, 2)),
    ]


@kind("intervention on a contract that is in use", cards=1)
def contract(world: World) -> Steps:
    slot = world.slots(1)
    yield [intervention(world, "setStorageAt(address,uint256,uint256)", PLACES["store"], slot, 9)]
    yield [world.deposit("store", words(slot, 1, 3))]


@kind("intervention on many accounts", cards=1)
def many(world: World) -> Steps:
    place, slot = world.address(), world.chance.randrange(2**64)
    code = f"0x{CONTRACTS['store'].hex()}"
    accounts = {world.address(): {"nonce": number, "balance": number} for number in range(20)}
    accounts[place] = {"nonce": 1, "balance": 0, "code": code, "storage": {hex(slot): "0x5"}}
    [piece] = StateContents.from_json(json.dumps({"accounts": accounts}).encode()).pieces()
    yield [
        intervention(world, "setAccounts(bytes)", piece),
        world.deposit(place, words(slot, 3, 1)),
    ]
    yield [intervention(world, "setAccounts(bytes)", piece), world.deposit(place, words(slot, 3, 2))]


@kind("intervention that is refused", cards=1)
def refused(world: World) -> Steps:
    wanted = calldata("setBalance(address,uint256)", world.address(), 1)
    yield [
        world.deposit(PLACE, b"\x12\x34\x56\x78", sender=CHAIN, expected=FAILED),
        world.deposit(PLACE, wanted, expected=FAILED),
        world.deposit(PLACE, wanted, sender=CHAIN, value=1, expected=FAILED),
        world.send(world.sender(), PLACE, wanted, expected="PrecompileError"),
    ]
