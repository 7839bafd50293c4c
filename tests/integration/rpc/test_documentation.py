"""docs/json-rpc.md names every method that is served, and no other."""

import re
from pathlib import Path

import pytest

from devnet.roles.served import all_methods

PAGE = Path(__file__).parents[3] / "docs" / "json-rpc.md"
FAMILIES = ("eth_getUncle", "devnet_", "anvil_", "hardhat_", "evm_", "tenderly_")
"""Named there as such; docs/json-rpc-methods.md, which is made from the same table, has each of them."""


@pytest.fixture(scope="module")
def documented():
    return set(
        re.findall(
            r"`((?:debug|erigon|eth|net|ots|web3|rpc|personal|trace|txpool|mega|realtime)_\w+|rpc\.\w+)`",
            PAGE.read_text(),
        )
    )


def test_every_documented_method_is_served(documented):
    assert documented - all_methods().keys() == set()


def test_every_served_method_is_documented(documented):
    undocumented = {
        name for name in all_methods() if name not in documented and not name.startswith(FAMILIES)
    }
    assert undocumented == set()
