"""A link with much delay, some loss and little room: 200 ms, 5 %, 2 Mbit/s. Nothing here measures time."""

import asyncio
import random

from devnet.sync import LogEntry
from tests.support.chain_log import MemoryLog, next_entry, sealed
from tests.support.shaping import Shape, ShapedLink
from tests.support.sync_net import eventually

POOR = Shape(delay_s=0.2, loss=0.05, bits_per_s=2e6)
TRANSACTIONS_PER_MINI = 5
"""At 100 mini-blocks a second: 500 a second."""
HOT_ACCOUNTS = 1000


class Traffic:
    """Transfers among a hot set, about as long as real ones."""

    def __init__(self, net):
        self._net = net
        self._random = random.Random(7)
        self._accounts = [self._random.randbytes(20) for _ in range(HOT_ACCOUNTS)]

    def _transfer(self):
        sender, recipient = self._random.sample(self._accounts, 2)
        transaction = self._random.randbytes(80) + recipient + sender
        changes = b"".join(key + bytes(28) + self._random.randbytes(12) for key in (sender, recipient))
        return transaction + bytes(40) + changes

    async def run(self, minis):
        log = self._net.logs["seq"]
        for _ in range(minis):
            true = next_entry(log.end, 0)
            body = self._random.randbytes(130) + b"".join(
                self._transfer() for _ in range(TRANSACTIONS_PER_MINI)
            )
            entry = LogEntry(true.kind, true.after, true.record + b"\0" + body)
            log.entries.append(entry)
            log.end = entry.after
            self._net.nodes["seq"].publish([sealed(entry)])
            await asyncio.sleep(0.01)


def test_a_node_behind_a_poor_link_keeps_its_upstream_and_comes_level(run):
    async def test(net):
        async with ShapedLink(shape=POOR) as link:
            await net.behind(link, "seq", "sequencer", MemoryLog(), sessions=0)
            await net.node("full-1", peers=["seq"])
            await eventually(lambda: net.nodes["full-1"].status().upstream, "the upstream")
            await Traffic(net).run(400)
            await net.all_level()
            status = net.nodes["full-1"].status()
            assert status.content_in > 1.5 * status.bytes_in, "the stream is compressed"

    run(test)


def test_after_a_partition_of_a_poor_link_it_comes_level_without_help(run):
    async def test(net):
        async with ShapedLink(shape=POOR) as link:
            await net.behind(link, "seq", "sequencer", MemoryLog(), sessions=0)
            await net.node("full-1", peers=["seq"])
            await eventually(lambda: net.nodes["full-1"].status().upstream, "the upstream")
            traffic = Traffic(net)
            await traffic.run(50)
            link.cut()
            await traffic.run(100)
            await eventually(lambda: not net.nodes["full-1"].status().path, "the partition to be felt")
            link.heal()
            await traffic.run(50)
            await net.all_level()
            assert not net.refused

    run(test)
