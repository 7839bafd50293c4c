"""`megaeth devnet up --fork-url`: what a person types, and is told."""

import json

import pytest

from megaeth_cli.chain.rpc_client import RpcClient
from tests.support.home import Home
from tests.support.remote import passage_to
from tests.support.scripted_node import scripted_node


@pytest.fixture
def home(tmp_path):
    with Home(tmp_path) as user:
        yield user


def test_a_fork_has_the_chain_id_of_its_remote_and_goes_on_without_it(home, remote):
    with passage_to(remote.node.url) as other_id:
        answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": hex(777)}).encode()
        other_id.instead = lambda text: (200, answer) if "eth_chainId" in text else None
        url = home.up("--fork-url", other_id.url, "--fork-block-number", str(remote.number))
        with RpcClient(url) as node:
            assert node.call("eth_chainId") == hex(777)
            assert int(node.call("eth_getStorageAt", remote.counter, "0x0", "latest"), 16) == 3
            assert int(node.call("eth_blockNumber"), 16) > remote.number
        refused = home.run("devnet", "add", "prover")
        assert "a forked devnet cannot be given a prover" in refused.stderr
        assert home.run("devnet", "down").returncode == 0
    url = home.up("--fork-url", other_id.url)
    with RpcClient(url) as node:
        assert node.call("eth_chainId") == hex(777)
        assert int(node.call("eth_getStorageAt", remote.counter, "0x0", "latest"), 16) == 3


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--fork-block", "5"), "there is nothing to fork"),
        (("--fork-url", "nowhere"), "--fork-url is not a node's URL"),
        (("--fork-url", "http://127.0.0.1:1", "--provers", "1"), "a forked devnet has no provers"),
        (
            ("--fork-url", "http://127.0.0.1:1", "--full-nodes", "1", "--verify", "stateless"),
            "a forked devnet has no stateless validators",
        ),
        (("--fork-url", "http://127.0.0.1:1", "--fork-header", "x"), "--fork-header is not a header"),
        (("--fork-url", "http://127.0.0.1:1"), "http://127.0.0.1:1 does not answer eth_chainId"),
    ],
)
def test_what_cannot_be_forked_is_told_and_starts_nothing(home, flags, told):
    refused = home.run("devnet", "up", "-d", *flags)

    assert refused.returncode != 0
    assert told in refused.stderr
    assert home.run("devnet", "status").returncode != 0


def test_a_block_that_the_remote_does_not_have_is_named(home):
    with scripted_node(eth_chainId="0x1", eth_getBlockByNumber=None) as node:
        refused = home.run("devnet", "up", "-d", "--fork-url", node.url, "--fork-block", "99")

    assert "has no block 99" in refused.stderr
