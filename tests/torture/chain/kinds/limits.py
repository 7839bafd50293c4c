"""Each of MegaETH's limits, met by a transaction and by a frame inside one; and detention.

From Rex4 on the outermost frame has a budget like every other: a transaction that exceeds it reverts and says which.
Only what is counted outside of frames, and detention, halts a transaction.

There is no transaction that meets the limit of 500,000 KV updates: the cheapest update costs 2,900 compute gas, and the
limit of those, 200,000,000, ends a transaction at 69,000 updates. `KV updates by the thousand` goes where state growth
lets one go.
"""

from tests.support.bytecode import assemble
from tests.torture.chain.contracts import FOREVER, PLACES, VOLATILE, selector, words
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import DATA, DETAINED, REVERT, Sending, World

MUCH = 4 * 10**9
"""Gas that does not end it first."""
KIND_DATA, KIND_COMPUTE, KIND_GROWTH = 0, 2, 3
"""As `MegaLimitExceeded` numbers them."""
LOG_BYTES = 100_000
GROWTH_LIMIT = 1_000


def _exceeded(kind: int) -> bytes:
    return selector("MegaLimitExceeded(uint8,uint64)") + words(kind)


def _exceeding(world: World, to: str | None, data: bytes, kind: int) -> Sending:
    return world.send(world.sender(), to, data, gas=MUCH, expected=REVERT, sees=(_exceeded(kind),))


@kind("limit of compute gas", cards=1)
def compute(world: World) -> Steps:
    yield [_exceeding(world, "spin", words(FOREVER), KIND_COMPUTE)]


@kind("limit of compute gas, in init code", cards=1)
def compute_in_init_code(world: World) -> Steps:
    init_code = assemble("loop: @loop JUMP")
    yield [_exceeding(world, None, init_code, KIND_COMPUTE)]


@kind("limit of compute gas, of a frame", cards=1)
def compute_of_a_frame(world: World) -> Steps:
    data = words(PLACES["spin"], 0, FOREVER) + words(FOREVER)
    yield [world.send(world.sender(), "relay", data, gas=MUCH, sees=(_exceeded(KIND_COMPUTE),))]


@kind("limit of compute gas, of a frame that takes its caller with it", cards=1)
def compute_strict(world: World) -> Steps:
    data = words(PLACES["spin"], 0, FOREVER) + words(FOREVER)
    yield [_exceeding(world, "strict relay", data, KIND_COMPUTE)]


@kind("limit of data size", cards=1)
def data_size(world: World) -> Steps:
    yield [_exceeding(world, "log1", words(140, LOG_BYTES), KIND_DATA)]


@kind("limit of data size, by hints to the oracle", cards=1)
def data_size_of_hints(world: World) -> Steps:
    # Hints count for the transaction, in no frame.
    yield [world.send(world.sender(), "hints", words(15, 1_000_000), gas=MUCH, expected=DATA)]


@kind("limit of data size, of a frame", cards=1)
def data_size_of_a_frame(world: World) -> Steps:
    data = words(PLACES["log0"], 0, FOREVER) + words(140, LOG_BYTES)
    yield [world.send(world.sender(), "relay", data, gas=MUCH, sees=(_exceeded(KIND_DATA),))]


@kind("limit of state growth", cards=1)
def growth(world: World) -> Steps:
    count = GROWTH_LIMIT + 100
    yield [_exceeding(world, "store", words(world.slots(count), count, 1), KIND_GROWTH)]


@kind("limit of state growth, of a frame", cards=1)
def growth_of_a_frame(world: World) -> Steps:
    data = words(PLACES["store"], 0, FOREVER) + words(world.slots(GROWTH_LIMIT), GROWTH_LIMIT - 5, 1)
    yield [world.send(world.sender(), "relay", data, gas=MUCH, sees=(_exceeded(KIND_GROWTH),))]


@kind("limit of state growth, nearly", cards=1)
def growth_nearly(world: World) -> Steps:
    count = world.chance.randrange(900, GROWTH_LIMIT)
    first = world.slots(count)
    world.written.append((first, count))
    yield [world.send(world.sender(), "store", words(first, count, 1), gas=MUCH)]


@kind("limit of state growth, of a block", cards=1)
def growth_of_a_block(world: World) -> Steps:
    """Several that have room one by one: the last ones wait for the next block."""
    sent = []
    for _ in range(4):
        first = world.slots(400)
        world.written.append((first, 400))
        sent.append(world.send(world.sender(), "store", words(first, 400, 1), gas=10**9))
    yield sent


@kind("KV updates by the thousand", cards=1)
def kv_updates(world: World) -> Steps:
    first = world.slots(900)
    world.written.append((first, 900))
    sender = world.sender()
    yield [world.send(sender, "store", words(first, 900, 1), gas=MUCH)]
    yield [world.send(sender, "store", words(first, 900, value)) for value in (2, 3)]


@kind("gas of a whole block", cards=1)
def whole_block(world: World) -> Steps:
    yield [world.send(world.sender(), "spin", words(10), gas=10**10, type=2)]


def _detained(name: str) -> None:
    @kind(f"detention by {name}", cards=1)
    def one(world: World) -> Steps:
        place = PLACES[f"detained by {name}"]
        inner = words(place, 0, FOREVER) + words(FOREVER)
        yield [
            world.send(world.sender(), place, words(FOREVER), gas=MUCH, expected=DETAINED),
            world.send(world.sender(), place, words(10)),
            world.send(world.sender(), "relay", inner, gas=MUCH, expected=DETAINED),
        ]


for name in VOLATILE:
    _detained(name)
