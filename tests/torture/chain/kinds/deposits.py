"""Transactions that are forced in as if they came from L1. Whatever halts one, its receipt names it FailedDeposit."""

from tests.support.bytecode import assemble
from tests.torture.chain.contracts import (
    CLOCK,
    CONTRACTS,
    FOREVER,
    KEYLESS,
    ORACLE,
    REGISTRY,
    SEQUENCER_VAULT,
    calldata,
    deploying,
    words,
)
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import REVERT, World

FAILED = "FailedDeposit"
LITTLE_GAS = 10_000_000


@kind("deposit of ether", cards=3)
def ether(world: World) -> Steps:
    yield [world.deposit(world.address(), value=world.chance.randrange(1, 10**18))]


@kind("deposit that only mints")
def minting(world: World) -> Steps:
    somebody = world.address()
    yield [world.deposit(somebody, sender=somebody, mint=10**18)]
    yield [world.deposit(world.address(), sender=somebody, value=10**17, mint=0)]


@kind("deposit of nothing")
def nothing(world: World) -> Steps:
    yield [world.deposit(world.address()), world.deposit(world.sender().address)]


@kind("deposit that calls a contract")
def calling(world: World) -> Steps:
    yield [world.deposit("store", words(world.slots(3), 3, 1))]


@kind("deposit that creates")
def creating(world: World) -> Steps:
    yield [world.deposit(None, deploying(CONTRACTS["store"]), value=world.chance.randrange(2))]


@kind("deposit that fails to create")
def failing_to_create(world: World) -> Steps:
    yield [
        world.deposit(None, assemble("0 0 REVERT"), value=3, expected=REVERT),
        world.deposit(None, assemble("INVALID"), gas=LITTLE_GAS, expected=FAILED),
    ]


@kind("deposit that reverts and keeps what it mints")
def reverting(world: World) -> Steps:
    somebody = world.address()
    yield [world.deposit("revert", sender=somebody, mint=10**16, expected=REVERT, sees=(words(42),))]
    yield [world.deposit(world.address(), sender=somebody, value=10**16, mint=0)]


@kind("deposit that cannot pay what it sends")
def poor(world: World) -> Steps:
    yield [world.deposit(world.address(), value=2, mint=1, expected=FAILED)]


@kind("deposit that runs out of gas")
def out_of_gas(world: World) -> Steps:
    yield [world.deposit("spin", words(FOREVER), gas=LITTLE_GAS, expected=FAILED)]


@kind("deposit with less than intrinsic gas")
def intrinsic(world: World) -> Steps:
    yield [world.deposit(world.address(), gas=30_000, mint=5, expected=FAILED)]


@kind("deposit that meets a limit", cards=1)
def limited(world: World) -> Steps:
    yield [
        world.deposit("spin", words(FOREVER), gas=10**9, expected=REVERT),
        world.deposit("store", words(world.slots(1_100), 1_100, 1), gas=4 * 10**9, expected=REVERT),
        world.deposit("detained by NUMBER", words(FOREVER), expected=FAILED),
    ]


@kind("deposit that reads the high-precision timestamp")
def clock(world: World) -> Steps:
    yield [world.deposit(CLOCK, calldata("timestamp()")), world.deposit("detained by oracle", words(1))]


@kind("deposit to system contracts")
def to_system(world: World) -> Steps:
    slot = calldata("setSlot(uint256,bytes32)", 9, bytes(32))
    yield [
        world.deposit(ORACLE, slot, expected=REVERT),
        world.deposit(REGISTRY, calldata("currentSequencer()")),
        world.deposit(KEYLESS, calldata("keylessDeploy(bytes,uint256)", b"", 0), expected=REVERT),
    ]


@kind("deposit by an account that also sends")
def by_a_sender(world: World) -> Steps:
    account = world.account()
    yield [world.deposit(account.address, sender=account.address, mint=10**18)]
    account.nonce += 1
    yield [world.send(account, world.address(), value=1)]
    yield [world.deposit(world.address(), sender=account.address, value=1)]
    account.nonce += 1
    yield [world.send(account, world.address(), value=1)]


@kind("deposit by a contract and by a precompile")
def by_contracts(world: World) -> Steps:
    yield [
        world.deposit("store", words(world.slots(1), 1, 2), sender="store"),
        world.deposit(world.address(), sender=f"0x{1:040x}", value=1),
    ]


@kind("deposit to the coinbase")
def to_the_coinbase(world: World) -> Steps:
    yield [world.deposit(SEQUENCER_VAULT, value=1)]


@kind("run of deposits", cards=1)
def run(world: World) -> Steps:
    for _ in range(3):
        yield [world.deposit(world.address(), value=1) for _ in range(8)]
