"""The remote, asked through the node that leads."""

import pytest

from devnet.fork import LeaderFirst, RemoteFault
from tests.support.scripted_node import Refusal, scripted_node


def test_the_leader_is_asked_first_and_the_remote_where_that_has_no_answer():
    stopping = Refusal(-32000, "stopping")
    with (
        scripted_node(eth_getCode="0x01", eth_getBalance=stopping) as leader,
        scripted_node(eth_getCode="0x02", eth_getBalance="0x5") as remote,
    ):
        asking = LeaderFirst(leader.url, remote.url)
        assert asking.ask("eth_getCode", "[]") == b'"0x01"'
        assert asking.ask("eth_getBalance", "[]") == b'"0x5"'
        assert remote.methods() == ["eth_getBalance"]
        with pytest.raises(RemoteFault, match="does not exist"):
            asking.ask("eth_chainId", "[]")
        asking.close()


def test_a_leader_that_is_gone_is_done_without():
    with scripted_node(eth_getBalance="0x5") as remote:
        asking = LeaderFirst("http://127.0.0.1:1", remote.url)
        assert asking.ask("eth_getBalance", "[]") == b'"0x5"'
        asking.close()
