"""What a node tells of its log: ranges that can't be are refused, and said so."""

import asyncio
import json

import pytest

from devnet.roles.node_methods import LogNamespace
from devnet.rpc.errors import RpcFault
from devnet.rpc.methods import bound
from devnet.storage import Store


@pytest.fixture
def methods(tmp_path):
    with Store.open(tmp_path, 1.0, fsync=False) as store:
        yield bound(LogNamespace(store))


def test_a_log_in_which_nothing_stands_ends_before_its_first_mini_block(methods):
    end = json.loads(asyncio.run(methods["mega_getLogEnd"].answer([], None)))
    assert end == {"miniBlock": None, "block": "0x0", "rollbacks": "0x0"}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("mega_getAttestations", 2), ("mega_getMiniBlockRecords", 2), ("mega_getBlockRecords", 1)],
)
def test_numbers_beyond_64_bits_are_refused(methods, method, arguments):
    with pytest.raises(RpcFault, match="hex number > 64 bits") as fault:
        asyncio.run(methods[method].answer([hex(2**64)] * arguments, None))
    assert fault.value.code == -32602


@pytest.mark.parametrize(
    ("method", "params", "answer"),
    [
        ("mega_getAttestations", [hex(2**64 - 1)] * 2, b"[]"),
        ("mega_getBlockRecords", [hex(2**64 - 1)], b"null"),
        ("mega_getBlockRecords", ["0x0"], b"null"),
    ],
)
def test_the_largest_numbers_are_just_not_there(methods, method, params, answer):
    assert asyncio.run(methods[method].answer(params, None)) == answer
