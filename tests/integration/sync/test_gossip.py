"""What everyone should hear is heard by everyone, once."""

import asyncio

import pytest

from devnet.sync import Kind
from devnet.sync.frames import Gossip as GossipFrame
from devnet.sync.gossip import MAX_INVALID, WAITING_BYTES
from tests.support.rogue import Rogue
from tests.support.sync_net import eventually


def listen(net, name, judge=lambda payload: True):
    """Collect what a node hears."""
    heard = []

    def take(payload, node):
        heard.append(payload)
        return judge(payload)

    net.nodes[name].gossip.on(Kind.ATTESTATION, take)
    return heard


def test_a_message_reaches_every_node_once(run):
    async def test(net):
        await net.sequencer(20, max_children=2, max_sessions=3)
        names = [f"full-{number}" for number in range(5)]
        for name in names:
            await net.node(name, peers=["seq"])
        await net.node("prover-1", "prover", peers=["seq", "full-0"])
        heard = {name: listen(net, name) for name in (*names, "seq")}
        await net.all_level()
        await eventually(lambda: net.nodes["prover-1"].status().peers, "the prover's connections")
        messages = [b"attestation %d" % number for number in range(20)]
        for message in messages:
            net.nodes["prover-1"].gossip.publish(Kind.ATTESTATION, message)
            net.nodes["prover-1"].gossip.publish(Kind.ATTESTATION, message)
        await eventually(lambda: all(len(each) == 20 for each in heard.values()), "all to hear")
        await asyncio.sleep(0.2)
        assert all(sorted(each) == sorted(messages) for each in heard.values())

    run(test)


def test_who_comes_later_hears_the_newest(run):
    async def test(net):
        await net.sequencer(20)
        for number in range(600):
            net.nodes["seq"].gossip.publish(Kind.ATTESTATION, b"%d" % number)
        await net.node("full-1")
        heard = listen(net, "full-1")
        net.nodes["full-1"].learn((net.endpoint("seq"),))
        await eventually(lambda: b"599" in heard, "the newest")
        assert len(heard) == 512

    run(test)


def test_what_is_found_invalid_is_not_passed_on(run):
    async def test(net):
        await net.sequencer(20)
        await net.node("full-1", peers=["seq"])
        await net.all_level()
        listen(net, "seq", lambda payload: payload == b"good")
        heard = listen(net, "full-1")
        async with Rogue(net.authority.issue("odd", "prover"), net.endpoint("seq")) as peer:
            peer.greet("odd", "prover")
            peer.say(GossipFrame(Kind.ATTESTATION, b"bad"), GossipFrame(99, b"of a kind nobody knows"))
            peer.say(GossipFrame(Kind.ATTESTATION, b"good"))
            await eventually(lambda: heard, "the good one")
            assert heard == [b"good"]
            peer.say(*(GossipFrame(Kind.ATTESTATION, b"%d" % number) for number in range(MAX_INVALID)))
            await asyncio.wait_for(peer.ended.wait(), 30)
        assert heard == [b"good"]

    run(test)


def test_what_waits_for_a_peer_that_does_not_listen_is_bounded(run):
    async def test(net):
        await net.sequencer(20)
        async with Rogue(net.authority.issue("odd", "prover"), net.endpoint("seq")) as peer:
            peer.greet("odd", "prover")  # and never gives credit
            await eventually(lambda: net.nodes["seq"].status().peers, "the connection")
            gossip = net.nodes["seq"].gossip
            for number in range(100):
                gossip.publish(Kind.FAULT, number.to_bytes(2, "big") + bytes(100_000))
            await eventually(lambda: gossip.counts.dropped > 0, "the oldest to be dropped")
            assert all(line.size_bytes <= WAITING_BYTES for line in gossip._lines.values())

    run(test)


def test_a_message_has_a_longest_length(run):
    async def test(net):
        await net.sequencer()
        with pytest.raises(ValueError, match="cap"):
            net.nodes["seq"].gossip.publish(Kind.FAULT, bytes(1 << 20))

    run(test)
