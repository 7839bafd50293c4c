"""Calls between contracts that fail inside, precompiles, and reads of earlier blocks."""

from devnet._engine import sign_hash
from tests.torture.chain.contracts import BEACON_ROOTS, CONTRACTS, HISTORY, PLACES, VAULTS, deploying, words
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import OUT_OF_GAS, REVERT, World

INNER_GAS = 50_000_000
LITTLE_GAS = 1_000_000
P = 21888242871839275222246405745257275088696311157297823662689037894645226208583


@kind("call that reverts inside", cards=3)
def reverts_inside(world: World) -> Steps:
    yield [
        world.send(world.sender(), "relay", words(PLACES["revert"], 3, INNER_GAS), value=3, sees=(words(42),))
    ]


@kind("call that reverts inside and takes its caller with it")
def reverts_outside(world: World) -> Steps:
    data = words(PLACES["revert"], 0, INNER_GAS)
    yield [world.send(world.sender(), "strict relay", data, expected=REVERT, sees=(words(42),))]


@kind("call that fails three calls deep")
def deep(world: World) -> Steps:
    slot = world.slots(1)
    inner = words(PLACES["strict relay"], 0, LITTLE_GAS) + words(PLACES["invalid"], 0, LITTLE_GAS // 2)
    yield [
        world.send(world.sender(), "relay", words(PLACES["strict relay"], 0, INNER_GAS) + inner),
        world.send(world.sender(), "store", words(slot, 1, 1)),
    ]


@kind("call that runs out of the gas that it was given")
def inner_out_of_gas(world: World) -> Steps:
    data = words(PLACES["spin"], 0, 50_000) + words(10**9)
    yield [world.send(world.sender(), "relay", data)]


@kind("call with value to somebody new, to nobody, and with more than there is")
def values(world: World) -> Steps:
    yield [
        world.send(world.sender(), "relay", words(world.address(), 9, INNER_GAS), value=9),
        world.send(world.sender(), "relay", words(world.address(), 0, INNER_GAS)),
        world.send(world.sender(), "relay", words(world.address(), 10**30, INNER_GAS)),
        world.send(world.sender(), "relay", words(VAULTS[0], 1, INNER_GAS), value=1),
    ]


@kind("write within a static call")
def static_write(world: World) -> Steps:
    for callee, data in (
        ("store", words(1, 1, 1)),
        ("log0", words(1, 0)),
        ("bomb", words(1)),
        ("factory", words(0, 0, 0, 0)),
    ):
        inner = words(PLACES[callee], 0, LITTLE_GAS) + data
        yield [world.send(world.sender(), "static relay", inner)]


@kind("delegated call and CALLCODE")
def borrowed(world: World) -> Steps:
    inner = words(PLACES["store"], 0, INNER_GAS) + words(world.chance.randrange(50), 3, 5)
    yield [
        world.send(world.sender(), "delegating relay", inner),
        world.send(world.sender(), "callcode relay", inner),
        world.send(world.sender(), "delegating relay", words(PLACES["revert"], 0, INNER_GAS)),
    ]


@kind("recursion until the gas is gone", cards=1)
def recursion(world: World) -> Steps:
    yield [world.send(world.sender(), "recurse", gas=world.chance.randrange(200_000_000, 300_000_000))]


@kind("creation inside that fails")
def creation_inside(world: World) -> Steps:
    sees = (words(0),)
    salt = world.chance.getrandbits(256)
    yield [
        world.send(world.sender(), "factory", words(0, salt, 0, 0) + b"\xfe", gas=10**8, sees=sees),
        world.send(world.sender(), "factory", words(0, salt, 0, 0) + b"\x5f\x5f\xfd", sees=sees),
        world.send(world.sender(), "factory", words(10**30, salt, 0, 0) + b"\x00", sees=sees),
        world.send(world.sender(), "factory", words(0, salt, 1, 1) + deploying(CONTRACTS["transient"])),
    ]


# --- precompiles ---


def _recovery(world: World) -> bytes:
    digest = world.chance.randbytes(32)
    signature = sign_hash(world.account().key, digest)
    return digest + words(27 + signature[64]) + signature[:64]


def _working(world: World) -> list[tuple[int, bytes]]:
    return [
        (1, _recovery(world)),
        (1, bytes(128)),  # No signature: an empty answer, no failure.
        (2, world.chance.randbytes(100)),
        (3, world.chance.randbytes(100)),
        (4, world.chance.randbytes(1000)),
        (5, words(1, 32, 32) + b"\x03" + words(P - 2, P)),
        (6, words(1, 2, 1, 2)),
        (7, words(1, 2, world.chance.getrandbits(256))),
        (8, b""),
        (9, (12).to_bytes(4, "big") + world.chance.randbytes(64) + bytes(128) + bytes(16) + b"\x01"),
        (0x0B, bytes(256)),
        (0x100, world.chance.randbytes(160)),
    ]


def _failing(world: World) -> list[tuple[int, bytes]]:
    return [
        (6, words(1, 1, 1, 1)),
        (7, words(P, 2, 1)),
        (8, bytes(191)),
        (9, bytes(212)),
        (0x0A, world.chance.randbytes(192)),
        *((number, world.chance.randbytes(77)) for number in range(0x0B, 0x12)),
    ]


@kind("precompiles, called by a contract")
def precompiles(world: World) -> Steps:
    for number, data in world.chance.sample(_working(world), 6):
        yield [world.send(world.sender(), "strict relay", words(number, 0, INNER_GAS) + data)]


@kind("precompiles, called by a transaction")
def precompiles_directly(world: World) -> Steps:
    yield [
        world.send(world.sender(), f"0x{number:040x}", data)
        for number, data in world.chance.sample(_working(world), 4)
    ]


@kind("precompiles that fail, called by a contract")
def failing_precompiles(world: World) -> Steps:
    for number, data in world.chance.sample(_failing(world), 4):
        yield [
            world.send(world.sender(), "relay", words(number, 0, LITTLE_GAS) + data),
            world.send(world.sender(), "strict relay", words(number, 0, LITTLE_GAS) + data, expected=REVERT),
        ]


@kind("precompiles that fail, called by a transaction")
def failing_precompiles_directly(world: World) -> Steps:
    yield [
        world.send(world.sender(), f"0x{number:040x}", data, gas=LITTLE_GAS, expected="Precompile")
        for number, data in world.chance.sample(_failing(world), 3)
    ]


@kind("precompile that isn't given enough gas")
def poor_precompile(world: World) -> Steps:
    yield [
        world.send(world.sender(), "relay", words(7, 0, 100) + words(1, 2, 3)),
        world.send(world.sender(), f"0x{8:040x}", bytes(192), gas=100_000, expected=OUT_OF_GAS),
    ]


# --- earlier blocks ---


@kind("hashes and roots of earlier blocks", cards=3)
def history(world: World) -> Steps:
    yield [world.send(world.sender(), "history")]


@kind("history contracts, called by a transaction")
def history_directly(world: World) -> Steps:
    yield [
        world.send(world.sender(), HISTORY, words(1)),
        world.send(world.sender(), HISTORY, words(2**40), expected=REVERT),
        world.send(world.sender(), HISTORY, b"\x01", expected=REVERT),
        world.send(world.sender(), BEACON_ROOTS, words(0), expected=REVERT),
    ]
