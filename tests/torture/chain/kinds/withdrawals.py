"""Ether that leaves through the message passer, in runs of blocks, with blocks between that don't touch it."""

from tests.torture.chain.contracts import FOREVER, MESSAGE_PASSER, calldata, words
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import OUT_OF_GAS, REVERT, Sending, World

GROUP = "withdrawals"
LITTLE_GAS = 95_000
"""What calldata costs, and not much more."""
INITIATE = "initiateWithdrawal(address,uint256,bytes)"


def _withdrawal(world: World) -> bytes:
    data = world.chance.randbytes(world.chance.choice((0, 4, 32, 300)))
    return calldata(INITIATE, world.address(), 100_000, data)


def _one(world: World) -> Sending:
    return world.send(
        world.sender(), MESSAGE_PASSER, _withdrawal(world), value=world.chance.choice((0, 1, 10**15))
    )


def _gap(world: World) -> Steps:
    for _ in range(world.chance.randrange(4, 9)):
        yield []


@kind("withdrawal", cards=2, alone=GROUP)
def single(world: World) -> Steps:
    yield [_one(world)]
    yield from _gap(world)


@kind("run of withdrawals", cards=2, alone=GROUP)
def run(world: World) -> Steps:
    for _ in range(world.chance.randrange(2, 6)):
        yield [_one(world) for _ in range(world.chance.randrange(1, 5))]
    yield from _gap(world)


@kind("withdrawal by plain transfer", cards=1, alone=GROUP)
def plain(world: World) -> Steps:
    yield [world.send(world.sender(), MESSAGE_PASSER, value=world.chance.randrange(1, 10**12))]
    yield from _gap(world)


@kind("withdrawal from a contract", cards=1, alone=GROUP)
def from_a_contract(world: World) -> Steps:
    data = words(MESSAGE_PASSER, 5, 10**8) + _withdrawal(world)
    yield [world.send(world.sender(), "relay", data, value=5)]
    yield from _gap(world)


@kind("withdrawal by deposit", cards=1, alone=GROUP)
def by_deposit(world: World) -> Steps:
    yield [world.deposit(MESSAGE_PASSER, _withdrawal(world), value=10**12)]
    yield from _gap(world)


@kind("withdrawal that fails", cards=1, alone=GROUP)
def failing(world: World) -> Steps:
    # Reads the passer's storage and leaves it as it is.
    data = calldata(INITIATE, world.address(), 0, b"")
    yield [
        world.send(world.sender(), MESSAGE_PASSER, data, gas=LITTLE_GAS, expected=OUT_OF_GAS),
        world.send(world.sender(), MESSAGE_PASSER, words(FOREVER), expected=REVERT),
    ]
    yield from _gap(world)


@kind("withdrawal inside a call that reverts", cards=1, alone=GROUP)
def reverted(world: World) -> Steps:
    inner = words(MESSAGE_PASSER, 0, 10**8) + _withdrawal(world)
    yield [world.send(world.sender(), "static relay", inner)]
    yield from _gap(world)


@kind("burning of what was withdrawn", cards=1, alone=GROUP)
def burning(world: World) -> Steps:
    yield [_one(world)]
    yield [world.send(world.sender(), MESSAGE_PASSER, calldata("burn()"))]
    yield from _gap(world)


@kind("reading the message passer", cards=1, alone=GROUP)
def reading(world: World) -> Steps:
    yield [world.send(world.sender(), MESSAGE_PASSER, calldata("messageNonce()"))]
    yield [world.send(world.sender(), MESSAGE_PASSER, calldata("sentMessages(bytes32)", bytes(32)))]
    yield from _gap(world)
