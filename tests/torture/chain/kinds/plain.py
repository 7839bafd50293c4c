"""Transfers, every type of transaction, crowds, and what is refused at the door."""

from tests.torture.chain.contracts import (
    FOREVER,
    MULTICALL,
    PLACES,
    SEQUENCER_VAULT,
    VAULTS,
    WETH,
    calldata,
    words,
)
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import OUT_OF_GAS, REFUSED, World

TRANSFER_GAS = 5_000_000
"""Enough for a new account in a crowded bucket."""
MAX_INITCODE = 548_864


@kind("transfer to somebody known", cards=4)
def known(world: World) -> Steps:
    yield [world.send(world.sender(), world.sender().address, value=1, gas=TRANSFER_GAS)]


@kind("transfer to somebody new", cards=4)
def new(world: World) -> Steps:
    value = world.chance.randrange(1, 10**15)
    yield [world.send(world.sender(), world.address(), value=value, gas=TRANSFER_GAS)]


@kind("transfer of nothing")
def nothing(world: World) -> Steps:
    yield [world.send(world.sender(), world.chance.choice((world.sender().address, world.address())))]


@kind("transfer to oneself")
def oneself(world: World) -> Steps:
    sender = world.sender()
    yield [world.send(sender, sender.address, value=world.chance.randrange(2), data=b"\x01\x00" * 40)]


@kind("transfer that leaves no gas over")
def exact(world: World) -> Steps:
    yield [world.send(world.sender(), world.sender().address, value=1, gas=60_000, type=2)]


@kind("everything an account has, and nothing of it left")
def emptied(world: World) -> Steps:
    account, have, gas = world.account(), 10**15, 60_000
    price = 1_000_000
    yield [world.send(world.sender(), account.address, value=have, gas=TRANSFER_GAS)]
    to = world.sender().address
    yield [world.send(account, to, value=have - gas * price, gas=gas, type=0, gasPrice=hex(price))]


def _of_type(type: int) -> None:
    @kind(f"type {type:#x}")
    def one(world: World) -> Steps:
        first = world.slots(4)
        access = [
            {
                "address": PLACES["store"],
                "storageKeys": [f"{slot:#066x}" for slot in range(first, first + 6)],
            },
            {"address": world.address(), "storageKeys": []},
        ]
        authorizations = [world.authorize(world.account(), "store")] if type == 4 else None
        yield [
            world.send(
                world.sender(),
                "store",
                words(first, 4, 9),
                type=type,
                access=access,
                authorizations=authorizations,
            )
        ]


for number in (0, 1, 2, 4):
    _of_type(number)


@kind("nonces in the wrong order")
def out_of_order(world: World) -> Steps:
    sender = world.account()
    yield [world.send(world.sender(), sender.address, value=10**17, gas=TRANSFER_GAS)]
    sent = [world.send(sender, world.address(), value=1, gas=TRANSFER_GAS) for _ in range(4)]
    world.chance.shuffle(sent)
    yield sent


@kind("crowd of transfers", cards=1)
def crowd(world: World) -> Steps:
    known = [world.address() for _ in range(10)]
    yield [
        world.send(
            world.sender(), world.chance.choice([*known, world.sender().address]), value=1, gas=TRANSFER_GAS
        )
        for _ in range(world.chance.randrange(40, 150))
    ]


@kind("crowd that writes the same slots", cards=1)
def conflict(world: World) -> Steps:
    first = world.slots(3)
    yield [
        world.send(world.sender(), "store", words(first, 3, world.chance.randrange(3)))
        for _ in range(world.chance.randrange(20, 60))
    ]


@kind("WETH and Multicall3")
def tokens(world: World) -> Steps:
    sender = world.sender()
    yield [world.send(sender, WETH, calldata("deposit()"), value=1000)]
    transfer = calldata("transfer(address,uint256)", world.address(), 10)
    several = calldata("withdraw(uint256)", 5)
    yield [
        world.send(sender, WETH, transfer),
        world.send(sender, WETH, several),
        world.send(sender, MULTICALL, calldata("getBlockNumber()")),
    ]


@kind("value to the coinbase")
def coinbase(world: World) -> Steps:
    yield [world.send(world.sender(), SEQUENCER_VAULT, value=world.chance.randrange(2))]


@kind("value to a fee vault")
def vault(world: World) -> Steps:
    yield [world.send(world.sender(), world.chance.choice(VAULTS), value=world.chance.randrange(2))]


@kind("out of gas")
def out_of_gas(world: World) -> Steps:
    yield [
        world.send(
            world.sender(),
            "spin",
            words(FOREVER),
            gas=world.chance.randrange(70_000, 900_000),
            expected=OUT_OF_GAS,
        )
    ]


@kind("refused: nonce is used")
def stale(world: World) -> Steps:
    sender = world.sender()
    yield [world.send(sender, sender.address, gas=TRANSFER_GAS)]
    nonce = world.chance.randrange(sender.nonce)
    yield [world.send(sender, world.address(), gas=TRANSFER_GAS, nonce=nonce, expected=REFUSED)]


@kind("refused: less than intrinsic gas")
def intrinsic(world: World) -> Steps:
    yield [world.send(world.sender(), world.address(), gas=59_999, expected=REFUSED)]


@kind("refused: cannot pay")
def poor(world: World) -> Steps:
    yield [world.send(world.sender(), world.address(), value=10**30, expected=REFUSED)]


@kind("refused: another chain's")
def foreign(world: World) -> Steps:
    yield [world.send(world.sender(), world.address(), expected=REFUSED, chainId="0x1")]


@kind("refused: pays less than the base fee")
def stingy(world: World) -> Steps:
    yield [world.send(world.sender(), world.address(), type=0, expected=REFUSED, gasPrice="0xf423f")]


@kind("refused: init code too large", cards=1)
def large_init_code(world: World) -> Steps:
    data = bytes(MAX_INITCODE + 1)
    yield [world.send(world.sender(), None, data, gas=2_000_000_000, expected=REFUSED)]


@kind("refused: no authorizations")
def no_authorizations(world: World) -> Steps:
    yield [world.send(world.sender(), world.address(), authorizations=[], expected=REFUSED)]
