"""Storage that grows, changes and shrinks, and logs."""

from tests.torture.chain.contracts import PLACES, words
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import World

MAX_LOG_BYTES = 60_000


@kind("new slots", cards=8)
def new(world: World) -> Steps:
    count = world.chance.randrange(5, 80)
    first = world.slots(count)
    world.written.append((first, count))
    yield [world.send(world.sender(), "store", words(first, count, world.chance.getrandbits(256)))]


@kind("slots that change", cards=3)
def changed(world: World) -> Steps:
    first, count = world.chance.choice(world.written or [(1, 1)])
    yield [
        world.send(world.sender(), "store", words(first, min(count, 60), world.chance.getrandbits(200) + 1))
    ]


@kind("slots that are deleted", cards=4)
def deleted(world: World) -> Steps:
    if not world.written:
        first = world.slots(10)
        world.written.append((first, 10))
        yield [world.send(world.sender(), "store", words(first, 10, 1))]
    first, count = world.written.pop(world.chance.randrange(len(world.written)))
    yield [world.send(world.sender(), "store", words(first, count, 0))]


@kind("slots that are deleted and written again, in one block")
def replaced(world: World) -> Steps:
    first = world.slots(20)
    sender = world.sender()
    yield [world.send(sender, "store", words(first, 20, 1))]
    yield [world.send(sender, "store", words(first, 20, value)) for value in (0, 2, 0, 3)]
    yield [world.send(sender, "store", words(first, 20, 0))]


@kind("slot that is set and set back")
def toggled(world: World) -> Steps:
    yield [world.send(world.sender(), "toggle", words(world.chance.randrange(1000)))]


@kind("transient storage")
def transient(world: World) -> Steps:
    yield [world.send(world.sender(), "transient", words(world.chance.randrange(3)))]


def _logs(topics: int) -> None:
    @kind(f"logs with {topics} topics", cards=1)
    def one(world: World) -> Steps:
        yield [world.send(world.sender(), f"log{topics}", words(world.chance.randrange(1, 30), 100))]


for number in range(5):
    _logs(number)


@kind("logs with much data", cards=1)
def large_logs(world: World) -> Steps:
    size = world.chance.randrange(10_000, MAX_LOG_BYTES)
    yield [world.send(world.sender(), "log2", words(3, size), gas=10**9)]


@kind("many logs", cards=1)
def many_logs(world: World) -> Steps:
    yield [world.send(world.sender(), "log4", words(1_000, 0), gas=10**9)]


@kind("logs of a call that reverts")
def reverted_logs(world: World) -> Steps:
    inner = words(PLACES["log1"], 0, 10**8) + words(3, 10)
    yield [world.send(world.sender(), "static relay", inner)]
