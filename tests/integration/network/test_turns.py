"""A node leads, and then it follows, and the other way round: one chain, whoever builds it. Real processes, no restarts
but one.
"""

from pathlib import Path

import pytest

from devnet.session import Role
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

TOKEN = "test"


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, network__verify="roots", blocks__block_time_s=0.25) as cluster:
        yield cluster


def lead(node):
    assert node.rpc("devnet_lead", TOKEN) is True


def follow(node, leader):
    assert node.rpc("devnet_follow", TOKEN, leader.url) is True


def hand_over(before, after, *others):
    """One leads no more, and when the other has all of its log, that one does."""
    follow(before, after)
    level(before, after, *others)
    lead(after)
    for node in others:
        follow(node, after)


def level(*nodes):
    """Wait until all show the same mini-block, and nobody goes on."""
    eventually(lambda: len({node.health()[1]["mini_block"] for node in nodes}) == 1, "all to be level")


def send(node, sender=0, **fields):
    receipt = wallet.send(node, sender, to=wallet.address(9), value="0x1", **fields)
    assert receipt["status"] == "0x1"
    return receipt


def until_everywhere(receipt, *nodes):
    """The transaction, and the block that holds it, are the same on all nodes."""
    digest, number = receipt["transactionHash"], int(receipt["blockNumber"], 16)
    blocks = [node.sealed(number) for node in nodes]
    assert digest in blocks[0]["transactions"]
    assert all(block == blocks[0] for block in blocks)
    found = [node.rpc("eth_getTransactionReceipt", digest) for node in nodes]
    assert all(one == found[0] for one in found)


def nothing_wrong(*nodes):
    for node in nodes:
        assert node.rpc("devnet_incidents", TOKEN, "")["incidents"] == []


def test_a_follower_leads_on_when_its_leader_is_gone_and_follows_it_when_it_is_back(cluster):
    first = cluster.sequencer()
    second = cluster.full_node("second", [first])
    checking = cluster.full_node("checking", [first, second], network__verify="reexecute")
    nodes = (first, second, checking)
    until_everywhere(send(second), *nodes)
    assert first.stop() == 0
    level(second, checking)
    raw = wallet.signed(1, 0, to=wallet.address(9))
    with pytest.raises(RpcFailure, match="the sequencer cannot be reached"):
        second.rpc("eth_sendRawTransaction", raw)

    lead(second)
    follow(checking, second)
    until_everywhere(send(second, 1), second, checking)
    until_everywhere(send(checking, 2), second, checking)
    health = second.health()[1]
    assert not {"verify", "upstream"} & health.keys()
    assert checking.health()[1]["upstream"] == "second"

    # The former leader comes back as a follower of what was built meanwhile; then it leads again.
    first.role = Role.FULL_NODE
    Path(first.network.certificate).unlink()  # it says what the node is
    first.network = cluster.place("sequencer", Role.FULL_NODE, [second], second.url)
    first.start()
    until_everywhere(send(first, 3), *nodes)
    hand_over(second, first, checking)
    for node, sender in zip(nodes, (0, 1, 2), strict=True):
        until_everywhere(send(node, sender), *nodes)
    assert second.health()[1]["upstream"] == "sequencer"
    assert int(first.rpc("eth_getBalance", wallet.address(9), "latest"), 16) == int(
        second.rpc("eth_getBalance", wallet.address(9), "latest"), 16
    )
    nothing_wrong(*nodes)


def test_two_nodes_hand_the_lead_to_and_fro(cluster):
    first = cluster.sequencer()
    second = cluster.full_node("second", [first])
    checking = cluster.full_node("checking", [first, second], network__verify="reexecute")
    nodes = (first, second, checking)
    emitter = wallet.deploy_emitter(second)
    receipts = []
    for turn in range(4):
        leader, other = (first, second) if turn % 2 == 0 else (second, first)
        receipts += [send(leader), send(other, 1)]
        receipts.append(wallet.send(checking, 2, to=emitter))
        until_everywhere(receipts[-1], *nodes)
        hand_over(leader, other, checking)
    for receipt in receipts:
        until_everywhere(receipt, *nodes)
    nothing_wrong(*nodes)
    # What was built in turns is on every disk as one log, from which a node starts again.
    for node in (first, second):
        assert node.stop() == 0
    until_everywhere(receipts[-1], first.start(), checking)


def test_the_mode_is_for_who_has_the_token_to_change(cluster):
    first = cluster.sequencer()
    second = cluster.full_node("second", [first])
    for method, params in [("devnet_lead", ()), ("devnet_follow", (first.url,))]:
        with pytest.raises(RpcFailure, match="the token is not this devnet's"):
            second.rpc(method, "guess", *params)
    with pytest.raises(RpcFailure, match="must be the address of its JSON-RPC"):
        second.rpc("devnet_follow", TOKEN, "second")
    eventually(lambda: second.health()[1]["upstream"] == "sequencer", "the node to follow")


def test_who_computes_no_state_roots_does_not_lead(cluster):
    first = cluster.sequencer()
    second = cluster.full_node("second", [first], network__verify="proofs")
    with pytest.raises(RpcFailure, match="cannot lead: it leaves state roots to provers"):
        lead(second)
    until_everywhere(send(second), first, second)
