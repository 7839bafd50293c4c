"""Which functions the console has."""

from itertools import product

import pytest

from devnet._engine import keccak256
from devnet.console.signatures import SHORT, types_of

USUAL = ("uint256", "string", "bool", "address")
"""What the libraries have functions of two and more arguments for."""


def selector(signature):
    return keccak256(signature.encode())[:4]


@pytest.mark.parametrize(
    ("known", "types"),
    [
        # As forge-std and hardhat have them in their sources.
        ("51973ec9", ()),
        ("f82c50f1", ("uint256",)),
        ("f5b1bba9", ("uint256",)),
        ("2d5b6cb9", ("int256",)),
        ("4e0c1d1d", ("int256",)),
        ("41304fac", ("string",)),
        ("0be77f56", ("bytes",)),
        ("27b7cf85", ("bytes32",)),
        ("b60e72cc", ("string", "uint256")),
        ("3ca6268e", ("string", "int256")),
        ("d1ed7a3c", ("uint256", "uint256", "uint256")),
    ],
)
def test_selectors_of_the_libraries_are_known(known, types):
    assert types_of(bytes.fromhex(known)) == types


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_shape_is_known_by_its_canonical_name_and_by_the_older_one(count):
    for types in product((*USUAL, "int256", "bytes", "bytes32"), repeat=count):
        canonical = f"log({','.join(types)})"
        assert types_of(selector(canonical)) == types
        assert types_of(selector(canonical.replace("int256", "int"))) == types


def test_short_bytes_stand_alone_and_beside_another():
    for short in SHORT:
        for types in [(short,), (short, "string"), ("string", short), (short, "bytes7"), ("bytes7", short)]:
            assert types_of(selector(f"log({','.join(types)})")) == types


def test_others_are_not_known():
    for signature in ("log(uint8)", "log(string,string,string,string,string)", "print(string)"):
        assert types_of(selector(signature)) is None
    assert types_of(b"") is None
