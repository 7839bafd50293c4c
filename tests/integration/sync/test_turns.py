"""Who leads and who follows changes while everybody runs."""

import asyncio

import pytest

from tests.support.chain_log import MemoryLog, sealed
from tests.support.sync_net import Net, eventually


@pytest.fixture
def run(tmp_path):
    def runner(test):
        async def body():
            async with Net(tmp_path) as net:
                await test(net)

        asyncio.run(asyncio.wait_for(body(), 120))

    return runner


def seal(net, name, count=1):
    """A node that leads goes on."""
    net.nodes[name].publish([sealed(entry) for entry in net.logs[name].extend(count)])


async def all_at(net, end):
    await eventually(lambda: all(log.end == end for log in net.logs.values()), f"all to be at {end}")


def test_a_follower_leads_on_and_its_followers_and_its_leader_go_with_it(run):
    async def test(net):
        first = await net.node("first", "full-node", MemoryLog(20))
        await first.lead()
        second = await net.node("second", peers=["first"])
        await net.node("third", peers=["first", "second"])
        await all_at(net, net.logs["first"].end)
        for name, node, other in [("second", second, first), ("first", first, second)] * 2:
            await other.follow()
            await node.lead()
            seal(net, name, 17)
            await all_at(net, net.logs[name].end)
            assert node.status().path == (name,)
        await eventually(lambda: net.nodes["third"].status().path[:1] == ("first",), "the path")
        assert not net.refused

    run(test)


def test_what_is_being_applied_when_a_follower_turns_leader_is_passed_on_once(run):
    async def test(net):
        first = await net.node("first", "full-node", MemoryLog(20))
        await first.lead()
        second = await net.node("second", peers=["first"])
        third = await net.node("third", peers=["second"])
        await all_at(net, net.logs["first"].end)
        log = net.logs["second"]
        log.hold.clear()
        seal(net, "first", 3)
        await eventually(lambda: second._follower._in_work, "something to be in work")
        await first.halt()
        turning = asyncio.create_task(second.lead())
        await eventually(lambda: second._follower is None, "the turn to begin")
        log.hold.set()
        await turning
        assert second.standing().position == log.end
        seal(net, "second", 5)
        await eventually(lambda: net.logs["third"].end == log.end, "the third to be level")
        assert third.status().duplicates == 0

    run(test)


def test_who_leads_does_not_mind_what_was_on_its_way_to_the_follower_that_it_was(run):
    async def test(net):
        first = await net.node("first", "full-node", MemoryLog(20))
        await first.lead()
        second = await net.node("second", peers=["first"])
        await all_at(net, net.logs["first"].end)
        seal(net, "first", 500)
        await second.lead()
        end = net.logs["second"].end
        for _ in range(10):
            seal(net, "first", 10)
            await asyncio.sleep(0.01)
        assert net.logs["second"].end == end
        assert second.status().peers, "the connection lives"
        # What was thrown away is asked for again.
        await second.follow()
        await all_at(net, net.logs["first"].end)

    run(test)


def test_who_has_nothing_that_takes_a_log_does_not_follow(run):
    async def test(net):
        node = await net.node("first", "sequencer")
        with pytest.raises(ValueError, match="nobody takes a log"):
            await node.follow()

    run(test)
