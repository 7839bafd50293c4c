"""What a remote tells of how crowded its state is."""

import base64
import struct

import pytest

from devnet._engine import pack_witness
from devnet.config import FIRST_DATA_BUCKET, SALT_DATA_BUCKETS
from devnet.fork import ForkPoint, Remote, crowded_buckets, data_buckets
from devnet.fork.buckets import WITNESSES
from tests.support.scripted_node import Refusal, scripted_node

POINT = ForkPoint(chain_id=1, number=40, hash="0x" + "ab" * 32, timestamp=7)
FIRST = FIRST_DATA_BUCKET
NO_TRIE = bytes(32) + bytes(8)


def witness_of(capacities):
    """A witness that shows the metadata of these buckets, and a slot, and proves nothing."""
    places = {(bucket >> 8 << 40) + (bucket & 0xFF): slots for bucket, slots in capacities.items()}
    metas = [
        struct.pack("<QBBBIQ", place, 1, 12, 0, 0, slots).ljust(9 + 94, b"\0")
        for place, slots in places.items()
    ]
    absent = struct.pack("<QB", FIRST << 40, 0)
    salt = struct.pack("<Q", len(metas) + 1) + b"".join([*metas, absent]) + bytes(8 + 8 + 8)
    return "v0:" + base64.b64encode(pack_witness(salt, NO_TRIE)).decode()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"dataBuckets": 256}, 256),
        ({"dataBuckets": 7}, SALT_DATA_BUCKETS),
        ({"dataBuckets": 0}, SALT_DATA_BUCKETS),
        ({"dataBuckets": "0x10"}, SALT_DATA_BUCKETS),
        ([], SALT_DATA_BUCKETS),
        (Refusal(-32601, "unknown"), SALT_DATA_BUCKETS),
    ],
)
def test_keys_are_spread_as_on_megaeth_unless_the_remote_says_otherwise(rules, expected):
    with scripted_node(mega_getChainRules=rules) as node, Remote(node.url) as remote:
        assert data_buckets(remote) == expected


def test_the_newest_witness_that_shows_a_bucket_tells_its_size():
    witnesses = {
        41: Refusal(-32000, "unknown block"),
        40: witness_of({FIRST: 512, FIRST + 1: 256}),
        39: witness_of({FIRST: 256, FIRST + 1: 1024, FIRST + 70_000: 4096}),
        38: witness_of({FIRST + 9: 768}),
    }
    asked = []

    def answer(params):
        asked.append(int(params["blockNumber"], 16))
        return witnesses.get(asked[-1], Refusal(-32000, "unknown block"))

    with scripted_node(mega_getBlockWitness=answer) as node, Remote(node.url) as remote:
        # One that is small by now is not among those that have grown; and no chain begins with 768 slots.
        assert crowded_buckets(remote, POINT) == {FIRST: 512, FIRST + 70_000: 4096}
    assert asked[0] == 41
    assert sorted(asked) == list(range(42 - WITNESSES, 42))


@pytest.mark.parametrize(
    "answer",
    [Refusal(-32601, "the method does not exist"), None, "v1:", "v0:%", "v0:AAAA", {"salt": 1}],
)
def test_a_remote_without_witnesses_is_asked_once(answer):
    with scripted_node(mega_getBlockWitness=answer) as node, Remote(node.url) as remote:
        assert crowded_buckets(remote, POINT) == {}
        assert node.methods() == ["mega_getBlockWitness"]


def test_a_remote_that_falls_silent_leaves_what_newer_witnesses_told():
    def answer(params):
        block = int(params["blockNumber"], 16)
        if block == 37:
            return Refusal(-32601, "no more of them")
        return witness_of({FIRST + block: 512})

    with scripted_node(mega_getBlockWitness=answer) as node, Remote(node.url) as remote:
        assert crowded_buckets(remote, POINT) == {FIRST + block: 512 for block in (38, 39, 40, 41)}


def test_a_remote_that_is_gone_leaves_what_is_known():
    assert crowded_buckets(Remote("http://127.0.0.1:1", attempts=1), POINT) == {}
