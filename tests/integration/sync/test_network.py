"""What a network of nodes does as a whole."""

import asyncio

import pytest

from tests.support.chain_log import MemoryLog
from tests.support.sync_net import Net


@pytest.fixture
def run(tmp_path):
    """Run a test's coroutine in a fresh network."""

    def runner(test):
        async def body():
            async with Net(tmp_path) as net:
                await test(net)

        asyncio.run(body())

    return runner


def test_a_full_node_follows_the_sequencer_live(run):
    async def test(net):
        await net.sequencer()
        await net.node("full-1", peers=["seq"])
        for _ in range(50):
            net.seal()
            await asyncio.sleep(0.001)
        await net.all_level()
        assert net.nodes["full-1"].status().path == ("seq", "full-1")

    run(test)


@pytest.mark.parametrize("height", [0, 1, 5, 6, 999])
def test_a_node_catches_up_from_any_height(run, height):
    async def test(net):
        # A backlog of almost nothing: the log must come from the disk.
        await net.sequencer(3000, backlog_items=4, range_bytes=4096)
        await net.node("full-1", log=MemoryLog(height), peers=["seq"])
        await net.all_level()
        net.seal(10)
        await net.all_level()
        assert net.logs["full-1"].times_applied == 3010 - height

    run(test)


def test_further_nodes_are_fed_by_others_than_the_sequencer(run):
    async def test(net):
        await net.sequencer(20, fanout=2)
        for number in range(8):
            await net.node(f"full-{number}", peers=["seq"], fanout=2)
        net.seal(20)
        await net.all_level()
        assert len(net.nodes["seq"].status().children) <= 2
        assert all(len(node.status().children) <= 2 for node in net.nodes.values())

    run(test)


def test_when_an_upstream_dies_another_is_found(run):
    async def test(net):
        await net.sequencer(20, fanout=1)
        for number in range(4):
            await net.node(f"full-{number}", peers=["seq"], fanout=2)
        await net.all_level()
        first = net.nodes["seq"].status().children[0].node
        await net.kill(first)
        net.seal(20)
        await net.all_level()
        assert all(first not in node.status().path for node in net.nodes.values())

    run(test)
