"""Which block a fork goes on from."""

from contextlib import contextmanager

import pytest

from devnet.errors import ConfigError
from devnet.fork import ForkPoint, Remote, RemoteSilentError, find_point, require_same_chain
from tests.support.scripted_node import Refusal, scripted_node

HASH = "0x" + "ab" * 32
BLOCK = {"number": "0x10", "hash": HASH, "timestamp": "0x64"}
POINT = ForkPoint(7, 16, HASH, 100)


@contextmanager
def remote_of(**answers):
    """Run a node that answers so; give it, and how it is asked."""
    with scripted_node(**answers) as node, Remote(node.url, sleep=lambda _: None) as remote:
        yield node, remote


def test_the_newest_block_or_the_one_that_is_wanted():
    with remote_of(eth_chainId="0x7", eth_getBlockByNumber=BLOCK) as (node, remote):
        assert find_point(remote, None) == POINT
        assert find_point(remote, 16) == POINT
        wanted = [params[0] for method, params in node.asked if method == "eth_getBlockByNumber"]
        assert wanted == ["latest", "0x10"]


def test_a_block_that_is_not_there_is_named():
    with (
        remote_of(eth_chainId="0x7", eth_getBlockByNumber=None) as (_, remote),
        pytest.raises(ConfigError, match="has no block 16"),
    ):
        find_point(remote, 16)


@pytest.mark.parametrize(
    "answers",
    [
        {"eth_chainId": "seven", "eth_getBlockByNumber": BLOCK},
        {"eth_chainId": None, "eth_getBlockByNumber": BLOCK},
        {"eth_chainId": "0x7", "eth_getBlockByNumber": []},
        {"eth_chainId": "0x7", "eth_getBlockByNumber": {**BLOCK, "hash": "0x12"}},
        {"eth_chainId": "0x7", "eth_getBlockByNumber": {**BLOCK, "hash": None}},
        {"eth_chainId": "0x7", "eth_getBlockByNumber": {**BLOCK, "number": "0x11"}},
        {"eth_chainId": "0x7", "eth_getBlockByNumber": {"number": "0x10"}},
    ],
)
def test_garbage_is_no_point(answers):
    with remote_of(**answers) as (_, remote), pytest.raises(RemoteSilentError, match="garbage"):
        find_point(remote, 16)


def test_a_refusal_is_told_as_it_is():
    with (
        remote_of(eth_chainId=Refusal(-32001, "pay first")) as (_, remote),
        pytest.raises(RemoteSilentError, match="pay first"),
    ):
        find_point(remote, None)


def test_the_same_chain_has_the_same_id_and_block():
    with remote_of(eth_chainId="0x7", eth_getBlockByNumber=BLOCK) as (node, remote):
        require_same_chain(remote, POINT)
        node.answers["eth_chainId"] = "0x8"
        with pytest.raises(ConfigError, match="chain id is 8, this devnet was forked from 7"):
            require_same_chain(remote, POINT)
        node.answers["eth_chainId"] = "0x7"
        for block in (None, {**BLOCK, "hash": "0x" + "cd" * 32}):
            node.answers["eth_getBlockByNumber"] = block
            with pytest.raises(ConfigError, match="another chain"):
                require_same_chain(remote, POINT)
