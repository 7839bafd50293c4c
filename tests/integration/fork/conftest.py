from types import SimpleNamespace

import pytest

from tests.support import wallet
from tests.support.node import Node
from tests.support.remote import COUNTER, creation_of, passage_to

PAUPER = "0x" + "ab" * 20
WHALE = "0x" + "cd" * 20
ETHER = 10**18


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A devnet with a contract, a rich stranger and some history; what is in it, and the block of the fork."""
    with Node(tmp_path_factory.mktemp("remote")) as node:
        created = wallet.send(node, 0, input=creation_of(COUNTER), gas=hex(50_000_000))
        counter = created["contractAddress"].lower()
        calls = [wallet.send(node, 0, to=counter, gas=hex(1_000_000)) for _ in range(3)]
        funded = wallet.send(node, 1, to=WHALE, value=hex(500 * ETHER))
        block = node.sealed(int(funded["blockNumber"], 16))
        with passage_to(node.url) as passage:
            yield SimpleNamespace(
                node=node,
                passage=passage,
                url=passage.url,
                counter=counter,
                calls=calls,
                number=int(block["number"], 16),
                hash=block["hash"],
                whale=WHALE,
            )


@pytest.fixture(scope="module")
def fork(remote, tmp_path_factory):
    """A fork of it, after which the remote has gone on."""
    settings = {"fork__url": remote.url, "fork__block_number": remote.number}
    with Node(tmp_path_factory.mktemp("fork"), **settings) as node:
        remote.later = wallet.send(remote.node, 2, to=PAUPER, value=hex(ETHER))
        remote.node.sealed(int(remote.later["blockNumber"], 16))
        yield node
        assert node.stop() == 0, node.log()
        assert "Traceback" not in node.log()


@pytest.fixture
def new_fork(remote, new_node):
    """Fork the remote anew, with settings of the test's own."""

    def make(url=None, **settings):
        return new_node("fork", fork__url=url or remote.url, fork__block_number=remote.number, **settings)

    return make
