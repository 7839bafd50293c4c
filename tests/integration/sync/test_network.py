"""What a network of nodes does as a whole."""

import asyncio

import pytest

from devnet.sync import SyncSettings
from devnet.sync.frames import Peers
from tests.support.chain_log import MemoryLog
from tests.support.rogue import Rogue
from tests.support.shaping import Shape, ShapedLink
from tests.support.sync_net import eventually, moved


def test_a_full_node_follows_the_sequencer_live(run):
    async def test(net):
        await net.sequencer()
        await net.node("full-1", peers=["seq"])
        for _ in range(50):
            net.seal()
            await asyncio.sleep(0.001)
        await net.all_level()
        await net.until_path("full-1", "seq", "full-1")
        assert net.nodes["full-1"].status().behind == 0
        assert await net.child("seq") == "full-1"

    run(test)


@pytest.mark.parametrize("height", [0, 1, 5, 6, 999])
def test_a_node_catches_up_from_any_height(run, height):
    async def test(net):
        # A backlog of almost nothing: the log must come from the disk.
        await net.sequencer(3000, backlog_entries=4, range_bytes=4096)
        await net.node("full-1", log=MemoryLog(height), peers=["seq"])
        for _ in range(10):
            net.seal()
            await asyncio.sleep(0.001)
        await net.all_level()
        assert net.logs["full-1"].times_applied == 3010 - height

    run(test)


def test_further_nodes_are_fed_by_others_than_the_sequencer(run):
    async def test(net):
        await net.sequencer(20, max_children=2)
        for number in range(8):
            await net.node(f"full-{number}", peers=["seq"], max_children=2)
        net.seal(20)
        await net.all_level()
        assert len(net.nodes["seq"].status().children) <= 2
        assert all(len(node.status().children) <= 2 for node in net.nodes.values())

    run(test)


def test_a_node_with_all_its_connections_in_use_sends_newcomers_on(run):
    async def test(net):
        await net.sequencer(20, max_children=2, max_sessions=3)
        for number in range(7):
            await net.node(f"full-{number}", peers=["seq"])
        net.seal(20)
        await net.all_level()
        assert len(net.nodes["seq"].status().peers) <= 3

    run(test)


def test_when_an_upstream_dies_another_is_found(run):
    async def test(net):
        await net.sequencer(20, max_children=1)
        for number in range(4):
            await net.node(f"full-{number}", peers=["seq"], max_children=2)
        await net.all_level()
        first = await net.child("seq")
        await net.kill(first)
        net.seal(20)
        await net.all_level()
        await eventually(
            lambda: all(path and first not in path for path in net.paths()), "all to know another path"
        )

    run(test)


def test_when_an_upstream_falls_silent_another_is_found(run):
    async def test(net):
        await net.sequencer(20)
        async with ShapedLink(net.endpoint("seq").port) as link:
            await net.node("full-1", peers=["seq"])
            await net.node("full-2", peers=[moved(net.endpoint("seq"), link.port), "full-1"])
            await net.all_level()
            link.cut()
            net.seal(20)
            await net.all_level()
            await net.until_path("full-2", "seq", "full-1", "full-2")

    run(test)


def test_an_upstream_that_lives_but_brings_nothing_is_left(run):
    async def test(net):
        await net.sequencer(20, max_children=2)
        await net.node("full-1", peers=["seq"])
        await net.node("full-2", peers=["seq"])
        await net.node("full-3", peers=["full-1", "full-2"], sessions=2)
        await net.all_level()
        upstream = await eventually(lambda: net.nodes["full-3"].status().upstream, "the upstream")
        net.logs[upstream].hold.clear()
        net.seal(20)
        await net.all_level("full-3")
        await eventually(lambda: upstream not in net.nodes["full-3"].status().path, "another path")
        net.logs[upstream].hold.set()
        await net.all_level()

    run(test)


def test_a_partition_heals_without_help(run):
    async def test(net):
        async with ShapedLink() as link:
            await net.behind(link, "seq", "sequencer", MemoryLog(20), sessions=0)
            await net.node("full-1", peers=["seq"])
            await net.node("full-2", peers=["full-1"])
            await net.all_level()
            link.cut()
            await eventually(lambda: not net.nodes["full-2"].status().path, "the news that no data comes")
            net.seal(2000)
            link.heal()
            await net.all_level()
            net.seal(20)
            await net.all_level()

    run(test)


def test_nodes_come_level_with_each_other_while_the_sequencer_is_away(run):
    async def test(net):
        await net.node("full-1", log=MemoryLog(100))
        await net.node("full-2", log=MemoryLog(70), peers=["full-1"])
        await net.node("full-3", log=MemoryLog(30), peers=["full-2"])
        await eventually(
            lambda: all(log.end == net.logs["full-1"].end for log in net.logs.values()), "all to be level"
        )
        assert all(node.status().path == () for node in net.nodes.values())

    run(test)


def test_a_ring_of_nodes_never_feeds_itself(run):
    async def test(net):
        await net.sequencer(20, max_children=1)
        names = [f"full-{number}" for number in range(5)]
        for name in names:
            await net.node(name, peers=["seq"], max_children=1)
        for name in names:
            net.nodes[name].learn(tuple(net.endpoint(other) for other in names if other != name))
        net.seal(20)
        await net.all_level()
        # Again and again the head of the chain dies; the others must not follow each other round.
        for _ in range(3):
            head = await net.child("seq")
            await net.kill(head)
            net.logs.pop(head)
            net.seal(20)
            await net.all_level()
        # Level they are by now; a busy machine may have one of them look for another upstream just then.
        await eventually(lambda: all(net.paths()), "all to have a path")
        assert all(len(set(path)) == len(path) and path[0] == "seq" for path in net.paths())

    run(test)


def test_who_is_to_wait_follows_nobody_until_it_is_over(run):
    async def test(net):
        await net.sequencer(20)
        node = await net.node("full-1")
        await node.follow(3600.0)
        node.learn((net.endpoint("seq"),))
        await eventually(lambda: node.status().peers, "the connection")
        for _ in range(20):
            net.seal()
            await asyncio.sleep(0.01)
        assert node.status().upstream is None
        await node.follow()
        await net.all_level()

    run(test)


def test_a_sequencer_that_starts_again_is_followed_again(run):
    async def test(net):
        await net.sequencer(20)
        port = net.endpoint("seq").port
        await net.node("full-1", peers=["seq"])
        await net.node("full-2", peers=["full-1"])
        await net.all_level()
        await net.kill("seq")
        await net.node("seq", "sequencer", net.logs["seq"], port=port)
        net.seal(20)
        await net.all_level()

    run(test)


def test_a_full_node_that_starts_again_goes_on_where_it_stood(run):
    async def test(net):
        await net.sequencer(20)
        await net.node("full-1", peers=["seq"])
        await net.all_level()
        await net.kill("full-1")
        net.seal(100)
        await net.node("full-1", log=net.logs["full-1"], peers=["seq"])
        await net.all_level()
        assert net.logs["full-1"].times_applied == 120

    run(test)


def test_a_stuck_peer_costs_nobody_anything(run):
    async def test(net):
        small = {"backlog_bytes": 200_000, "stuck_s": 60.0}
        await net.sequencer(20, **small)
        await net.node("full-1", peers=["seq"])
        await net.node("stuck", peers=["seq"])
        await net.all_level()
        net.logs["stuck"].hold.clear()
        for _ in range(100):
            net.seal(10, size=10_000)
            await asyncio.sleep(0)
        await net.all_level("full-1")
        publisher = net.nodes["seq"]._publisher
        assert publisher._backlog.size_bytes <= small["backlog_bytes"]
        # What it holds of us is one window; the rest waits on disk, and comes when it goes on.
        assert net.nodes["stuck"]._follower._received.sequence < net.logs["seq"].end.sequence
        net.logs["stuck"].hold.set()
        await net.all_level()

    run(test)


def test_a_peer_that_never_takes_anything_is_disconnected(run):
    async def test(net):
        await net.sequencer(20, stuck_s=0.5)
        await net.node("stuck", peers=["seq"])
        await net.all_level()
        net.logs["stuck"].hold.clear()
        net.seal(1000, size=10_000)
        await eventually(lambda: not net.nodes["seq"].status().children, "the stuck one to be sent away")
        net.logs["stuck"].hold.set()
        await net.all_level()

    run(test)


def test_what_a_node_sends_does_not_grow_with_the_number_of_nodes(run):
    async def test(net):
        await net.sequencer(0, max_children=2, max_sessions=4)
        for number in range(9):
            await net.node(f"full-{number}", peers=["seq"])
        await net.all_level()
        net.seal(500, size=1000)
        await net.all_level()
        assert net.nodes["seq"].status().content_out < 3 * sum(
            len(entry.record) for entry in net.logs["seq"].entries
        )

    run(test)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ValueError, match="max_children"):
        SyncSettings(max_children=0)
    with pytest.raises(ValueError, match="ping_s"):
        SyncSettings(ping_s=2.0)


def test_a_node_that_has_stopped_greets_nobody_whose_handshake_was_under_way(run):
    async def test(net):
        async with ShapedLink(shape=Shape(delay_s=0.2)) as link:
            await net.behind(link, "full-1")
            peer = Rogue(net.authority.issue("odd", "full-node"), net.endpoint("full-1"))
            coming = asyncio.create_task(peer.__aenter__())
            await asyncio.sleep(0.3)  # the first half of the handshake
            await net.kill("full-1")
            net.logs.clear()
            try:
                await coming
            except OSError:
                return
            peer.greet("odd")
            await asyncio.wait_for(peer.ended.wait(), 30)
            assert not peer.of(Peers), "it was not taken in"
            await peer.__aexit__()

    run(test)
