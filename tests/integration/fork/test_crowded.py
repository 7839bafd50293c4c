"""Storage gas over a remote whose state is crowded."""

import json

import pytest

from devnet.config import FIRST_DATA_BUCKET
from megaeth_cli.chain.rpc_client import RpcClient
from tests.support import wallet
from tests.support.home import Home
from tests.support.node import Node
from tests.support.remote import COUNTER, creation_of, passage_to

CROWDED = {"chain__salt_data_buckets": 1, "chain__bucket_capacity": ((FIRST_DATA_BUCKET, 4096),)}
CALL = {"from": wallet.address(1), "data": creation_of(COUNTER)}
"""Writes a new account, and pays for it by the bucket."""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("crowded"), **CROWDED) as node:
        node.sealed(int(wallet.send(node, 0, to=wallet.address(5))["blockNumber"], 16))
        yield node


def gas(node):
    return int(node.call("eth_estimateGas", CALL), 16)


@pytest.fixture
def home(tmp_path):
    with Home(tmp_path) as user:
        yield user


def test_a_fork_pays_as_its_remote_does(home, crowded, node):
    with passage_to(crowded.url) as passage:
        with RpcClient(home.up("--fork-url", passage.url)) as fork:
            assert fork.call("mega_getChainRules")["dataBuckets"] == 1
            told = gas(fork)
        assert home.run("devnet", "down").returncode == 0
    with RpcClient(crowded.url) as remote, RpcClient(node.url) as small:
        assert told == gas(remote) > gas(small) + 15 * 10_000
    # It is part of the chain from then on, and no longer the remote's.
    with RpcClient(home.up("--fork-url", passage.url)) as fork:
        assert gas(fork) == told


def test_a_remote_that_tells_nothing_is_taken_for_small(home, crowded, node):
    with passage_to(crowded.url) as passage:
        refusal = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "not offered"}}
        answer = (200, json.dumps(refusal).encode())
        passage.instead = lambda text: answer if "mega_" in text else None
        with RpcClient(home.up("--fork-url", passage.url)) as fork, RpcClient(node.url) as small:
            assert gas(fork) == gas(small)
        assert passage.count("mega_getBlockWitness") == 1
