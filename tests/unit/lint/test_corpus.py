"""OpenZeppelin's library is clean but for what holds: a part of what `tests.conformance.lint` compares whole."""

import json

import pytest

from tests.conformance.lint import CORPUS, found_in
from tests.conformance.projects import OPENZEPPELIN
from tests.support import npm

CLEAN = (
    "token/ERC20/ERC20.sol",
    "token/ERC721/ERC721.sol",
    "utils/structs/EnumerableSet.sol",
    "utils/structs/MerkleTree.sol",
)
PART = (
    *CLEAN,
    "metatx/ERC2771Forwarder.sol",
    "finance/VestingWallet.sol",
    "access/manager/AccessManager.sol",
)
TRUE = {
    ("metatx/ERC2771Forwarder.sol", "warning forwarded-gas"),
    ("metatx/ERC2771Forwarder.sol", "warning volatile-before-compute"),
    ("access/manager/AccessManager.sol", "warning volatile-before-compute"),
    ("access/manager/AccessManager.sol", "note slots-in-loop"),
}


@pytest.fixture(scope="module")
def wanted():
    return json.loads(CORPUS.read_text())[OPENZEPPELIN]


def test_openzeppelin_is_clean_but_for_what_the_list_says(wanted):
    root = npm.unpacked(OPENZEPPELIN).resolve()

    found = found_in([root / name for name in PART], root)

    assert found == {path: counts for path, counts in wanted.items() if path in PART}


def test_the_list_has_what_is_true_and_not_what_is_clean(wanted):
    assert {(path, what) for path, counts in wanted.items() for what in counts} >= TRUE
    assert not wanted.keys() & set(CLEAN)
    assert not any(what.startswith("error") for counts in wanted.values() for what in counts)
