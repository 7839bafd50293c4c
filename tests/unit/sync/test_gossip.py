"""Gossip beyond its node's end: a worker that has just found something out tells nobody, and goes on to its own end."""

import asyncio

from devnet.sync.gossip import Gossip, Kind


def test_who_tells_something_after_the_end_is_not_disturbed():
    async def made():
        return Gossip(lambda *_: None)

    gossip = asyncio.run(made())
    gossip.publish(Kind.ATTESTATION, b"too late")
    assert gossip.counts.sent == 0
