"""EIP-7702: accounts that borrow code."""

from tests.torture.chain.contracts import ORACLE, PLACES, SEQUENCER_VAULT, words
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import CHAIN_ID, DETAINED, Account, Sending, World

NOBODY = "0x" + "00" * 20
LITTLE_GAS = 10_000_000
"""Enough to authorize in a crowded bucket."""
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def _delegated(world: World, delegate: str = "store") -> tuple[Account, Sending]:
    authority = world.account()
    return authority, world.send(
        world.sender(), world.address(), authorizations=[world.authorize(authority, delegate)]
    )


@kind("delegation that is used at once")
def at_once(world: World) -> Steps:
    authority = world.account()
    first = world.chance.randrange(100)
    yield [
        world.send(
            world.sender(),
            authority.address,
            words(first, 3, 1),
            authorizations=[world.authorize(authority, "store")],
        )
    ]


@kind("delegation, and calls to the account afterwards", cards=3)
def afterwards(world: World) -> Steps:
    authority, sent = _delegated(world)
    yield [sent]
    yield [
        world.send(world.sender(), authority.address, words(1, 5, 7), value=world.chance.randrange(2)),
        world.send(world.sender(), "relay", words(authority.address, 0, 10**8) + words(2, 2, 0)),
        world.send(world.sender(), "delegating relay", words(authority.address, 0, 10**8) + words(2, 2, 3)),
    ]


@kind("delegation that is cleared")
def cleared(world: World) -> Steps:
    authority, sent = _delegated(world)
    yield [sent]
    clearing = [world.authorize(authority, NOBODY)]
    yield [world.send(world.sender(), authority.address, words(1, 1, 1), authorizations=clearing)]
    yield [world.send(world.sender(), authority.address, words(1, 1, 1))]


@kind("delegation by the sender itself")
def self_sponsored(world: World) -> Steps:
    sender = world.account()
    yield [world.send(world.sender(), sender.address, value=10**18)]
    # Its own transaction takes the nonce before the authorization's.
    own = sender.nonce
    sender.nonce += 1
    authorizations = [world.authorize(sender, "store")]
    yield [
        world.send(sender, sender.address, words(1, 2, 3), nonce=own, authorizations=authorizations),
    ]
    yield [world.send(sender, sender.address, words(1, 2, 0)), world.send(sender, world.address(), value=1)]


@kind("delegation to itself")
def to_itself(world: World) -> Steps:
    authority = world.account()
    authorizations = [world.authorize(authority, authority.address)]
    # A designator is no code that can run: 0xef is no instruction.
    yield [
        world.send(
            world.sender(),
            authority.address,
            gas=LITTLE_GAS,
            authorizations=authorizations,
            expected="OpcodeNotFound",
        )
    ]


@kind("delegation to a delegated account")
def chain_of_two(world: World) -> Steps:
    first, sent = _delegated(world)
    yield [sent]
    second = world.account()
    authorizations = [world.authorize(second, first.address)]
    yield [
        world.send(
            world.sender(),
            second.address,
            gas=LITTLE_GAS,
            authorizations=authorizations,
            expected="OpcodeNotFound",
        )
    ]


@kind("delegation to a precompile, to nobody's code, to the oracle")
def odd_delegates(world: World) -> Steps:
    delegates = (f"0x{4:040x}", world.address(), ORACLE)
    yield [
        world.send(
            world.sender(),
            world.address(),
            authorizations=[world.authorize(world.account(), delegate) for delegate in delegates],
        )
    ]


@kind("delegation to the coinbase")
def to_the_coinbase(world: World) -> Steps:
    authority = world.account()
    authorizations = [world.authorize(authority, SEQUENCER_VAULT)]
    yield [world.send(world.sender(), authority.address, value=1, authorizations=authorizations)]


@kind("several authorizations of one account")
def several(world: World) -> Steps:
    authority = world.account()
    authorizations = [world.authorize(authority, delegate) for delegate in ("spin", "bomb", "store")]
    yield [world.send(world.sender(), authority.address, words(1, 1, 1), authorizations=authorizations)]


@kind("many authorizations", cards=1)
def many(world: World) -> Steps:
    authorizations = [world.authorize(world.account(), "store") for _ in range(60)]
    yield [world.send(world.sender(), world.address(), gas=10**9, authorizations=authorizations)]


@kind("authorization with a wrong nonce")
def wrong_nonce(world: World) -> Steps:
    authority = world.account()
    authorizations = [world.authorize(authority, "store", nonce=world.chance.randrange(1, 9))]
    yield [world.send(world.sender(), authority.address, value=1, authorizations=authorizations)]


@kind("authorization for any chain, and for another one")
def chains(world: World) -> Steps:
    authorizations = [
        world.authorize(world.account(), "store", chain_id=chain_id) for chain_id in (0, 1, CHAIN_ID + 1)
    ]
    yield [world.send(world.sender(), world.address(), authorizations=authorizations)]


@kind("authorization with a bad signature")
def bad_signature(world: World) -> Steps:
    good = [world.authorize(world.account(), "store", nonce=0) for _ in range(3)]
    bad = [
        {**good[0], "r": "0x0"},
        {**good[1], "s": hex(HALF_ORDER + 1)},
        {**good[2], "r": hex(world.chance.getrandbits(250))},
    ]
    yield [world.send(world.sender(), world.address(), authorizations=bad)]


@kind("authorization of an account with code")
def of_a_contract(world: World) -> Steps:
    # Nobody has the key of a contract: the recovered authority is an account that has been delegated already.
    authority, sent = _delegated(world)
    yield [sent]
    yield [
        world.send(
            world.sender(),
            PLACES["transient"],
            words(5),
            authorizations=[world.authorize(authority, "revert")],
        )
    ]


@kind("delegation to what is detained")
def detained(world: World) -> Steps:
    authority = world.account()
    yield [
        world.send(
            world.sender(),
            authority.address,
            words(2**64),
            authorizations=[world.authorize(authority, "detained by TIMESTAMP")],
            expected=DETAINED,
        )
    ]
