"""A full node behind 200 ms of delay each way, 5 % of loss and 2 Mbit/s: real processes, real packets."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tests.support.cluster import Cluster, sync_place
from tests.support.own_network import in_its_own_network
from tests.support.packet_wire import PacketWire
from tests.support.shaping import Shape
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import eventually

POOR = Shape(delay_s=0.2, loss=0.05, bits_per_s=2e6)
RATE = 500
NEAR_MS = 2000
STRETCH_S, SAMPLE_S = 10.0, 0.1
DEADLINE_S = 90.0
"""For a machine that has much else to do; what is looked for takes seconds."""
PARTITION_S = 30.0


@contextmanager
def poor_wire():
    """A poor link that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    wire = PacketWire(POOR)
    asyncio.run_coroutine_threadsafe(wire.__aenter__(), loop).result()
    try:
        yield wire
    finally:
        asyncio.run_coroutine_threadsafe(wire.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@in_its_own_network
def test_a_full_node_behind_a_poor_link_stays_near_the_tip_and_returns_from_a_partition(tmp_path):
    if not _has_bbr():
        pytest.skip("this kernel has no BBR (docs/sync.md, poor links)")
    settings = {"rpc__host": PacketWire.host, "rpc__expose_test_keys": True, "accounts__count": 100}
    with poor_wire() as wire, Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        sync_port = sync_place(sequencer)[1]
        wire.near_ports = {sequencer.port, sync_port}
        host, port = wire.place(sequencer.port)
        far = cluster.full_node(
            "full-node-1", [("sequencer", *wire.place(sync_port))], sequencer=f"http://{host}:{port}"
        )
        wire.far_ports = {far.port, sync_place(far)[1]}
        with SteadyLoad(sequencer, RATE) as load:
            _until_it_stays_near(far, load)
            assert {peer["congestion_control"] for peer in far.health()[1]["peer_list"]} == {"bbr"}
            lost, passed = wire.lost, wire.passed
            assert 0.02 < lost / (lost + passed) < 0.08, "the link was as poor as it should be"
            wire.cut()
            time.sleep(PARTITION_S)
            assert _lag_ms(far) > NEAR_MS, "nothing came"
            wire.heal()
            _until_it_stays_near(far, load)
        eventually(lambda: far.height() >= 1 and _same_block(sequencer, far), "the same chain on both")


def _until_it_stays_near(node, load):
    """For a stretch of time without a gap, with the whole load on."""
    end = time.monotonic() + DEADLINE_S
    worst = best = None
    while time.monotonic() < end:
        began, sent, worst = time.monotonic(), load.sent, 0.0
        while worst <= NEAR_MS and time.monotonic() - began < STRETCH_S:
            worst = max(worst, _lag_ms(node))
            time.sleep(SAMPLE_S)
        rate = (load.sent - sent) / (time.monotonic() - began)
        if worst <= NEAR_MS and rate >= 0.9 * RATE:
            print(f"at {rate:.0f} transactions a second never more than {worst:.0f} ms behind")
            return
        best = worst if best is None else min(best, worst)
    raise AssertionError(
        f"it was never near the tip for {STRETCH_S:g} s: {worst:.0f} ms, {best:.0f} ms at best"
    )


def _has_bbr():
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
        except (OSError, AttributeError):
            return False
    return True


def _lag_ms(node):
    lag_ms = node.health()[1]["lag_ms"]
    return lag_ms if lag_ms is not None else float("inf")


def _same_block(one, other):
    number = hex(other.height())
    return one.rpc("eth_getBlockByNumber", number, False) == other.rpc("eth_getBlockByNumber", number, False)
