"""SELFDESTRUCT in all its forms (EIP-6780: only in the creating transaction does it destroy)."""

from tests.support.bytecode import assemble
from tests.torture.chain.contracts import (
    CONTRACTS,
    PLACES,
    SEQUENCER_VAULT,
    create2_address,
    create_address,
    deploying,
    words,
)
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import Account, Sending, World

BOMB = deploying(CONTRACTS["bomb"])


def _made_and_destroyed(
    world: World, beneficiary: str, *, times: int = 1, factory: str = "factory", salt: int | None = None
) -> Sending:
    salt = world.chance.getrandbits(256) if salt is None else salt
    data = words(7, salt, times, beneficiary) + BOMB
    return world.send(world.sender(), factory, data, value=7)


def _bomb(world: World, sender: Account, value: int = 5) -> tuple[str, Sending]:
    """One that is there afterwards."""
    place = create_address(sender.address, sender.nonce)
    return place, world.send(sender, None, BOMB, value=value)


@kind("SELFDESTRUCT in init code")
def in_init_code(world: World) -> Steps:
    yield [
        world.send(world.sender(), None, assemble(f"{who} SELFDESTRUCT"), value=3)
        for who in ("ADDRESS", "CALLER", "ORIGIN", world.address(), world.sender().address)
    ]


@kind("SELFDESTRUCT in the creating transaction, to somebody known")
def made_and_destroyed(world: World) -> Steps:
    yield [_made_and_destroyed(world, world.sender().address)]


@kind("SELFDESTRUCT in the creating transaction, to somebody new")
def to_somebody_new(world: World) -> Steps:
    yield [_made_and_destroyed(world, world.address())]


@kind("SELFDESTRUCT in the creating transaction, to itself")
def to_itself(world: World) -> Steps:
    salt = world.chance.getrandbits(256)
    place = create2_address(PLACES["factory"], salt, BOMB)
    yield [_made_and_destroyed(world, place, salt=salt)]


@kind("SELFDESTRUCT twice in the creating transaction")
def twice(world: World) -> Steps:
    yield [_made_and_destroyed(world, world.address(), times=2)]


@kind("CREATE2 again after SELFDESTRUCT, in the same transaction")
def again_at_once(world: World) -> Steps:
    # It is still there until the transaction ends: the second creation collides and gives zero.
    salt = world.chance.getrandbits(256)
    data = words(7, salt, 1, world.address()) + BOMB
    yield [world.send(world.sender(), "factory again", data, value=7, sees=(words(0),))]


@kind("CREATE2 again after SELFDESTRUCT, in a later block")
def again_later(world: World) -> Steps:
    salt = world.chance.getrandbits(256)
    place = create2_address(PLACES["factory"], salt, BOMB)
    yield [_made_and_destroyed(world, world.address(), salt=salt)]
    yield [_made_and_destroyed(world, place, salt=salt)]
    # The third stays.
    yield [_made_and_destroyed(world, world.address(), salt=salt, times=0)]
    yield [world.send(world.sender(), place, words(world.address()))]


@kind("SELFDESTRUCT of a contract with storage, in the creating transaction")
def with_storage(world: World) -> Steps:
    salt = world.chance.getrandbits(256)
    writes = assemble("1 1 SSTORE 2 2 SSTORE")
    init_code = writes + _shifted(BOMB, len(writes))
    data = words(7, salt, 1, world.address()) + init_code
    yield [world.send(world.sender(), "factory", data, value=7)]
    yield [world.send(world.sender(), "factory", data, value=7)]


def _shifted(init_code: bytes, by: int) -> bytes:
    """Of `deploying`, when so many bytes stand before it."""
    at = init_code.index(b"\x80\x61") + 2
    begin = int.from_bytes(init_code[at : at + 2], "big") + by
    return init_code[:at] + begin.to_bytes(2, "big") + init_code[at + 2 :]


@kind("SELFDESTRUCT later, to somebody known")
def later(world: World) -> Steps:
    place, made = _bomb(world, world.sender())
    yield [made]
    yield [world.send(world.sender(), place, words(world.sender().address), value=1)]


@kind("SELFDESTRUCT later, to somebody new")
def later_to_somebody_new(world: World) -> Steps:
    place, made = _bomb(world, world.sender())
    yield [made]
    yield [world.send(world.sender(), place, words(world.address()))]


@kind("SELFDESTRUCT later, to itself")
def later_to_itself(world: World) -> Steps:
    place, made = _bomb(world, world.sender())
    yield [made]
    yield [world.send(world.sender(), place, words(place))]


@kind("SELFDESTRUCT later, twice, in two blocks and in one")
def later_twice(world: World) -> Steps:
    place, made = _bomb(world, world.sender())
    yield [made]
    yield [world.send(world.sender(), place, words(world.address()))]
    sender = world.sender()
    yield [world.send(sender, place, words(world.address()), value=2) for _ in range(2)]


@kind("SELFDESTRUCT to the coinbase")
def to_the_coinbase(world: World) -> Steps:
    place, made = _bomb(world, world.sender())
    yield [made, _made_and_destroyed(world, SEQUENCER_VAULT)]
    yield [world.send(world.sender(), place, words(SEQUENCER_VAULT))]


@kind("SELFDESTRUCT of an account's delegate")
def of_a_delegate(world: World) -> Steps:
    authority = world.account()
    yield [
        world.send(
            world.sender(),
            authority.address,
            words(world.address()),
            value=9,
            authorizations=[world.authorize(authority, "bomb")],
        )
    ]
