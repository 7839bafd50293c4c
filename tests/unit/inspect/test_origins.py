"""Slots without a name say which constant or hash they come from."""

import pytest
from eth_hash.auto import keccak

from megaeth_cli.inspect.origins import Origins

ALICE, BOB = ("0x" + digit * 40 for digit in "12")
SEED = 0x87A211A2
CONSTANTS = {SEED: "_SEED", 0x05345CDF77EB68F44C: "_SUPPLY_SLOT", 2**255 + 7: "POSITION"}


def raw(address):
    return bytes.fromhex(address[2:])


def word(value):
    return value.to_bytes(32) if isinstance(value, int) else raw(value).rjust(32, b"\0")


def hashed(data):
    return int.from_bytes(keccak(data))


OWNED = word(ALICE) + word(3)
PACKED = raw(ALICE) + bytes(8) + SEED.to_bytes(4)


@pytest.mark.parametrize(
    ("slot", "origin"),
    [
        (0x05345CDF77EB68F44C, "_SUPPLY_SLOT"),
        (2**255 + 9, "POSITION + 2"),
        (hashed(OWNED), f"keccak256({ALICE}, 3)"),
        (hashed(OWNED) + 1, f"keccak256({ALICE}, 3) + 1"),
        (hashed(word(BOB) + word(hashed(OWNED))), f"keccak256({BOB}, keccak256({ALICE}, 3))"),
        (hashed(word(BOB) + word(2**255 + 8)), f"keccak256({BOB}, POSITION + 1)"),
        (hashed(PACKED), f"keccak256({ALICE}, _SEED)"),
        (hashed(PACKED + raw(BOB)), f"keccak256({ALICE}, _SEED, {BOB})"),
        (hashed(b"alice" + word(3)), "keccak256('alice', 3)"),
        (hashed(b"\xff" * 32), f"keccak256(0x{'ff' * 32})"),
        (hashed(b"\xff" * 5), "keccak256(0xffffffffff)"),
        (5, ""),
        (SEED, ""),
        (hashed(OWNED) + 5000, ""),
    ],
)
def test_a_slot_is_described_as_far_as_it_is_known(slot, origin):
    known = [OWNED, word(BOB) + word(hashed(OWNED)), word(BOB) + word(2**255 + 8), PACKED, PACKED + raw(BOB)]
    known += [b"alice" + word(3), b"\xff" * 32, b"\xff" * 5]
    assert Origins({hashed(one): one for one in known}, CONSTANTS).of(slot) == origin
