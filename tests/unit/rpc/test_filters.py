"""A subscription's filter is one if and only if `eth_getLogs` takes it."""

import json

import pytest

from devnet.rpc import filters
from devnet.rpc.errors import RpcFault

A, B = ("0x" + digit * 64 for digit in "ab")
HOME = "0x" + "11" * 20


@pytest.mark.parametrize(
    ("topics", "canonical"),
    [
        ([], []),
        ([None], [None]),
        ([[]], [None]),
        ([[None]], [None]),
        ([[A, None]], [None]),
        ([[None, None]], [None]),
        ([None, A], [None, [A]]),
        ([[B, A, B], None, []], [[A, B], None, None]),
        ([A.upper().replace("X", "x")], [[A]]),
    ],
)
def test_null_among_the_topics_means_any(topics, canonical):
    assert json.loads(filters.log_filter({"topics": topics})[0]) == {"topics": canonical}


@pytest.mark.parametrize(
    ("blocks", "pending"),
    [
        ({}, False),
        ({"fromBlock": None, "toBlock": None}, False),
        ({"fromBlock": "latest"}, True),
        ({"fromBlock": "latest", "toBlock": "latest"}, True),
        ({"toBlock": "latest"}, False),
        ({"fromBlock": "0x0", "toBlock": "0xffffffffffffffff"}, False),
        ({"fromBlock": 5, "toBlock": 5}, False),
        ({"fromBlock": "earliest", "toBlock": "pending"}, True),
        ({"fromBlock": "pending"}, True),
        ({"fromBlock": "safe", "toBlock": "finalized"}, False),
    ],
)
def test_blocks_are_tags_or_numbers(blocks, pending):
    assert filters.log_filter(blocks) == (b"{}", pending)


@pytest.mark.parametrize(
    "wrong",
    [
        5, [], "x", True,
        {"fromBlock": "banana"}, {"toBlock": "newest"}, {"fromBlock": ""}, {"fromBlock": "0x"}, {"fromBlock": "5"},
        {"fromBlock": -1}, {"fromBlock": 1.5}, {"fromBlock": True}, {"fromBlock": []}, {"fromBlock": {}},
        {"fromBlock": "0x1" + "0" * 16}, {"fromBlock": 2**64}, {"fromBlock": A},
        {"fromBlock": "0x2", "toBlock": "0x1"},
        {"blockHash": A}, {"blockHash": "x"},
        {"address": "0x12"}, {"address": [None]}, {"address": [[HOME]]}, {"address": 5},
        {"topics": A}, {"topics": ["0x"]}, {"topics": [[["0x"]]]}, {"topics": [[None, "0x"]]}, {"topics": [None] * 5},
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(wrong):
    with pytest.raises(RpcFault) as fault:
        filters.log_filter(wrong)
    assert fault.value.code == -32602
