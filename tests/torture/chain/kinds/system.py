"""MegaETH's own contracts: oracle, high-precision timestamp, keyless deployment, access and limit control, registry."""

import rlp

from devnet._engine import keccak256, recover
from tests.support.bytecode import assemble
from tests.torture.chain.contracts import (
    ACCESS_CONTROL,
    CLOCK,
    CONTRACTS,
    KEYLESS,
    LIMIT_CONTROL,
    ORACLE,
    PLACES,
    REGISTRY,
    calldata,
    deploying,
    selector,
    words,
)
from tests.torture.chain.kinds.registry import Steps, kind
from tests.torture.chain.world import REVERT, Sending, World

INNER_GAS = 10**8
ADMIN = "0x4b97a97c66e83e6408e5967ef32464bdc778e1c4"
"""A devnet's sequencer."""
FAR_BLOCK = 10**9
KEYLESS_GAS = 10_000_000


@kind("oracle: reading")
def oracle(world: World) -> Steps:
    slot = world.chance.randrange(20)
    one = calldata("getSlot(uint256)", slot)
    yield [
        world.send(world.sender(), ORACLE, one),
        world.send(world.sender(), ORACLE, calldata("getSlots(uint256[])", [0, 1, slot])),
        world.send(world.sender(), "relay", words(ORACLE, 0, INNER_GAS) + one),
    ]


@kind("oracle: hint")
def hint(world: World) -> Steps:
    data = calldata("sendHint(bytes32,bytes)", world.chance.randbytes(32), world.chance.randbytes(50))
    yield [
        world.send(world.sender(), ORACLE, data),
        world.send(world.sender(), "relay", words(ORACLE, 0, INNER_GAS) + data),
    ]


@kind("oracle: writing without the right")
def oracle_write(world: World) -> Steps:
    data = calldata("setSlot(uint256,bytes32)", 0, bytes(32))
    refusal = (selector("NotSystemAddress()"),)
    yield [world.send(world.sender(), ORACLE, data, expected=REVERT, sees=refusal)]


@kind("high-precision timestamp", cards=4)
def clock(world: World) -> Steps:
    data = calldata("timestamp()")
    yield [
        world.send(world.sender(), CLOCK, data),
        world.send(world.sender(), "relay", words(CLOCK, 0, INNER_GAS) + data),
        world.send(world.sender(), "static relay", words(CLOCK, 0, INNER_GAS) + data),
    ]


@kind("high-precision timestamp, read by many")
def crowd_of_clocks(world: World) -> Steps:
    data = words(CLOCK, 0, INNER_GAS) + calldata("timestamp()")
    yield [world.send(world.sender(), "relay", data) for _ in range(15)]


@kind("high-precision timestamp, read and reverted")
def clock_reverted(world: World) -> Steps:
    inner = words(CLOCK, 0, INNER_GAS) + calldata("timestamp()")
    nested = words(PLACES["strict relay"], 0, INNER_GAS) + inner
    yield [
        world.send(world.sender(), CLOCK, calldata("timestamp()"), value=1, expected=REVERT),
        world.send(world.sender(), "strict relay", nested),
    ]


@kind("registry: reading")
def registry(world: World) -> Steps:
    questions = (
        calldata("currentSequencer()"),
        calldata("currentSystemAddress()"),
        calldata("sequencerAt(uint256)", 1),
        calldata("systemAddressAt(uint256)", 1),
        calldata("admin()"),
        calldata("minRotationDelay()"),
        calldata("applyPendingChanges()"),
    )
    yield [world.send(world.sender(), REGISTRY, question) for question in questions]


@kind("registry: refusals")
def registry_refusals(world: World) -> Steps:
    somebody = world.address()
    attempts = {
        "NotAdmin()": calldata("transferAdmin(address)", somebody),
        "NotPendingAdmin()": calldata("acceptAdmin()"),
        "FutureBlock()": calldata("sequencerAt(uint256)", 2**40),
    }
    yield [
        world.send(world.sender(), REGISTRY, data, expected=REVERT, sees=(selector(error),))
        for error, data in attempts.items()
    ]
    change = calldata("scheduleNextSystemAddressChange(address,uint256)", somebody, FAR_BLOCK)
    yield [world.send(world.sender(), REGISTRY, change, expected=REVERT)]


@kind("registry: what the admin may", alone="registry")
def registry_admin(world: World) -> Steps:
    """By deposits: the admin is the sequencer, and has no ether."""

    def does(who: str, signature: str, *values: object) -> Sending:
        return world.deposit(REGISTRY, calldata(signature, *values), sender=who)

    other = world.address()
    yield [does(ADMIN, "scheduleNextSystemAddressChange(address,uint256)", world.address(), FAR_BLOCK)]
    yield [does(ADMIN, "transferAdmin(address)", other)]
    yield [does(other, "acceptAdmin()")]
    yield [does(other, "transferAdmin(address)", ADMIN)]
    yield [does(ADMIN, "acceptAdmin()")]


# --- keyless deployment ---


def _keyless(world: World, init_code: bytes, *, gas: int = KEYLESS_GAS, nonce: int = 0) -> bytes:
    """Somebody's signed deployment; nobody knows whose (Nick's method)."""
    body = [nonce, 10**9, gas, b"", 0, init_code]
    digest = keccak256(rlp.encode(body))
    while True:
        r, s = world.chance.getrandbits(250), world.chance.getrandbits(250)
        try:
            recover(digest, words(r, s) + b"\x00")
        except ValueError:
            continue
        return rlp.encode([*body, 27, r, s])


def _deploy(raw: bytes, gas: int = KEYLESS_GAS) -> bytes:
    return calldata("keylessDeploy(bytes,uint256)", raw, gas)


@kind("keyless deployment")
def keyless(world: World) -> Steps:
    raw = _keyless(world, deploying(CONTRACTS["transient"]))
    yield [world.send(world.sender(), KEYLESS, _deploy(raw))]
    # A second time it is there already.
    yield [world.send(world.sender(), KEYLESS, _deploy(raw), expected=REVERT)]


@kind("keyless deployment that fails inside")
def keyless_failing(world: World) -> Steps:
    yield [
        world.send(world.sender(), KEYLESS, _deploy(_keyless(world, init_code)))
        for init_code in (assemble("0 0 REVERT"), assemble("INVALID"), assemble("0 0 RETURN"), b"")
    ]


@kind("keyless deployment that is none")
def keyless_none(world: World) -> Steps:
    init_code = deploying(b"\x00")
    attempts = {
        "MalformedEncoding()": _deploy(b"\x01\x02"),
        "NonZeroTxNonce(uint64)": _deploy(_keyless(world, init_code, nonce=1)),
        "GasLimitTooLow(uint64,uint64)": _deploy(_keyless(world, init_code), KEYLESS_GAS - 1),
    }
    yield [
        world.send(world.sender(), KEYLESS, data, expected=REVERT, sees=(selector(error),))
        for error, data in attempts.items()
    ]


@kind("keyless deployment from within a contract")
def keyless_inside(world: World) -> Steps:
    data = words(KEYLESS, 0, INNER_GAS) + _deploy(_keyless(world, deploying(b"\x00")))
    yield [world.send(world.sender(), "relay", data, sees=(selector("NotIntercepted()"),))]


# --- access and limit control ---


@kind("access control: what is volatile is refused")
def guarded(world: World) -> Steps:
    refusal = (selector("VolatileDataAccessDisabled(uint8)"),)
    names = world.chance.sample([name for name in PLACES if name.startswith("detained by ")], 3)
    for name in names:
        # The call to the beneficiary fails alone, and whoever made it goes on.
        sees = () if "call to" in name or "oracle" in name or "timestamp" in name else refusal
        yield [world.send(world.sender(), "guard", words(PLACES[name]), sees=sees)]


@kind("access control: a guard that cannot be lifted from below")
def guard_stays(world: World) -> Steps:
    sees = (selector("DisabledByParent()"),)
    yield [world.send(world.sender(), "guard", words(PLACES["lift the guard"]), sees=sees)]


@kind("access control: direct calls")
def access_control(world: World) -> Steps:
    yield [
        world.send(world.sender(), ACCESS_CONTROL, calldata("disableVolatileDataAccess()")),
        world.send(world.sender(), ACCESS_CONTROL, calldata("isVolatileDataAccessDisabled()")),
        world.send(world.sender(), ACCESS_CONTROL, calldata("enableVolatileDataAccess()")),
        world.send(
            world.sender(),
            ACCESS_CONTROL,
            calldata("enableVolatileDataAccess()"),
            value=1,
            expected=REVERT,
            sees=(selector("NonZeroTransfer()"),),
        ),
        world.send(world.sender(), ACCESS_CONTROL, b"\x01\x02\x03\x04", expected=REVERT),
    ]


@kind("limit control: what is left")
def limit_control(world: World) -> Steps:
    yield [
        world.send(world.sender(), LIMIT_CONTROL, calldata("remainingComputeGas()")),
        world.send(world.sender(), "budget"),
        world.send(world.sender(), "relay", words(PLACES["budget"], 0, INNER_GAS)),
        world.send(world.sender(), LIMIT_CONTROL, b"\x01\x02\x03\x04", expected=REVERT),
    ]
