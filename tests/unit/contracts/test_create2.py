"""Addresses from code and salt: how a salt is typed, and what the chain must have."""

import pytest

from megaeth_cli.contracts.create2 import FACTORY, at_salt, read_salt
from megaeth_cli.errors import CliError
from megaeth_cli.units import keccak


class Chain:
    """A network whose node has these codes, in order: the factory's, the contract's."""

    def __init__(self, *codes):
        self.node = self
        self._codes = codes

    def batch(self, calls):
        self.asked = [params[0] for _, params in calls]
        return list(self._codes)


@pytest.mark.parametrize(
    ("typed", "salt"),
    [
        ("0x1234", bytes(30) + b"\x12\x34"),
        ("0X00", bytes(32)),
        ("7", bytes(31) + b"\x07"),
        ("salt", keccak(b"salt")),
        ("é", keccak("é".encode())),
    ],
)
def test_a_salt_is_hex_a_number_or_any_text(typed, salt):
    assert read_salt(typed) == salt


@pytest.mark.parametrize("typed", ["0x123", "0xzz", "0x" + "00" * 33])
def test_what_is_no_salt_is_refused(typed):
    with pytest.raises(CliError, match="--create2"):
        read_salt(typed)


def test_the_address_is_that_of_eip_1014():
    # EIP-1014: keccak256(0xff ++ deployer ++ salt ++ keccak256(init code))[12:]
    chain = Chain("0x60", "0x")

    address, calldata = at_salt(chain, "Token", b"\x60\x00", "0x01")

    salt = bytes(31) + b"\x01"
    assert address == keccak(b"\xff" + FACTORY + salt + keccak(b"\x60\x00"))[12:]
    assert calldata == salt + b"\x60\x00"
    assert chain.asked == [f"0x{FACTORY.hex()}", f"0x{address.hex()}"]


@pytest.mark.parametrize(("codes", "why"), [(("0x", "0x"), "deployer"), (("0x60", "0x60"), "already at")])
def test_a_chain_without_the_factory_or_with_the_contract_is_told(codes, why):
    with pytest.raises(CliError, match=why):
        at_salt(Chain(*codes), "Token", b"\x60", "1")
