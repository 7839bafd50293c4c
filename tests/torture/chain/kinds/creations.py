"""Contracts that come to be, and those that don't."""

from tests.support.bytecode import assemble
from tests.torture.chain.contracts import CONTRACTS, PROXY, create_address, deploying, words
from tests.torture.chain.kinds.registry import Steps, kind, setup
from tests.torture.chain.world import GAS, OUT_OF_GAS, REVERT, World

ETHEREUM_MAX_CODE, MAX_CODE = 24_576, 524_288
MAX_INITCODE = 548_864
LITTLE_GAS = 10_000_000
"""Enough to create in a crowded bucket, and for no more than 900 bytes of code."""
CODE_GAS = 10_300
"""Of each byte."""


@setup("deployment through the CREATE2 proxy")
def contracts(world: World) -> Steps:
    sender = world.senders[0]
    yield [world.send(sender, PROXY, bytes(32) + deploying(code), type=2) for code in CONTRACTS.values()]


def _zeros(size: int) -> bytes:
    """Init code that leaves so many zeros."""
    return assemble(f"{size} 0 RETURN")


@kind("creation", cards=3)
def creation(world: World) -> Steps:
    runtime = world.chance.randbytes(world.chance.randrange(1, 300)).lstrip(b"\xef") or b"\x00"
    yield [world.send(world.sender(), None, deploying(runtime), value=world.chance.randrange(2))]


@kind("creation of a contract that is used afterwards", cards=3)
def used(world: World) -> Steps:
    sender = world.sender()
    place = create_address(sender.address, sender.nonce)
    yield [world.send(sender, None, deploying(CONTRACTS["store"]))]
    yield [world.send(world.sender(), place, words(world.chance.randrange(5), 3, 1))]


@kind("creation with empty init code")
def empty_init_code(world: World) -> Steps:
    yield [world.send(world.sender(), None, value=world.chance.randrange(2))]


@kind("creation of empty code")
def empty_code(world: World) -> Steps:
    yield [world.send(world.sender(), None, assemble("1 0 SSTORE 0 0 RETURN"))]


@kind("creation at an address that has ether")
def prefunded(world: World) -> Steps:
    sender = world.account()
    yield [world.send(world.sender(), sender.address, value=10**18)]
    place = create_address(sender.address, sender.nonce + 1)
    yield [
        world.send(sender, place, value=5),
        world.send(sender, None, deploying(CONTRACTS["bomb"]), value=3),
    ]


@kind("creation that reverts")
def reverting(world: World) -> Steps:
    init_code = assemble("1 1 SSTORE 42 0 MSTORE 32 0 REVERT")
    yield [world.send(world.sender(), None, init_code, expected=REVERT, sees=(words(42),))]


@kind("creation that runs out of gas")
def out_of_gas(world: World) -> Steps:
    init_code = assemble("loop: @loop JUMP")
    yield [world.send(world.sender(), None, init_code, gas=LITTLE_GAS, expected=OUT_OF_GAS)]


@kind("creation that can't pay for its code")
def code_unpaid(world: World) -> Steps:
    yield [world.send(world.sender(), None, _zeros(2_000), gas=LITTLE_GAS, expected=OUT_OF_GAS)]


@kind("creation with an invalid instruction")
def invalid(world: World) -> Steps:
    yield [
        world.send(world.sender(), None, assemble("INVALID"), gas=LITTLE_GAS, expected="InvalidFEOpcode"),
        world.send(world.sender(), None, assemble("POP"), gas=LITTLE_GAS, expected="StackUnderflow"),
    ]


@kind("creation of code that begins with 0xEF")
def reserved(world: World) -> Steps:
    # revm gives it the name of another failure.
    init_code = assemble("0xef 0 MSTORE8 1 0 RETURN")
    yield [world.send(world.sender(), None, init_code, expected="CreateContractSizeLimit")]


@kind("creation of code larger than Ethereum allows", cards=1)
def beyond_ethereum(world: World) -> Steps:
    size = ETHEREUM_MAX_CODE + world.chance.randrange(1, 1000)
    yield [world.send(world.sender(), None, _zeros(size), gas=CODE_GAS * size + GAS)]


@kind("creation of the largest code", cards=1)
def largest(world: World) -> Steps:
    yield [world.send(world.sender(), None, _zeros(MAX_CODE), gas=CODE_GAS * MAX_CODE + GAS)]


@kind("creation of code that is too large", cards=1)
def too_large(world: World) -> Steps:
    gas = CODE_GAS * MAX_CODE + GAS
    yield [
        world.send(world.sender(), None, _zeros(MAX_CODE + 1), gas=gas, expected="CreateContractSizeLimit")
    ]


@kind("creation with the largest init code", cards=1)
def largest_init_code(world: World) -> Steps:
    init_code = assemble("0 0 RETURN").ljust(MAX_INITCODE, b"\0")
    yield [world.send(world.sender(), None, init_code, gas=1_000_000_000)]


@kind("creation inside with init code that is too large", cards=1)
def too_large_inside(world: World) -> Steps:
    sender = world.sender()
    yield [
        world.send(sender, "large init", words(MAX_INITCODE)),
        world.send(sender, "large init", words(MAX_INITCODE + 1), expected="CreateInitCodeSizeLimit"),
    ]


@kind("collision of two CREATE2")
def collision(world: World) -> Steps:
    salt = world.chance.randbytes(32)
    sender = world.sender()
    yield [world.send(sender, PROXY, salt + deploying(b"\x00"))]
    yield [world.send(sender, PROXY, salt + deploying(b"\x00"), expected=REVERT)]
