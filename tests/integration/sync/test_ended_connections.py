"""A connection that has ended leaves nothing behind, however it ended."""

import asyncio
import gc
import ssl
import weakref
from dataclasses import replace

import pytest

from devnet.sync import Endpoint, peer
from devnet.sync.compress import Compressor, Decompressor
from devnet.sync.peer import Session
from tests.support.rogue import Rogue
from tests.support.sync_net import eventually

TIMES = 5


@pytest.fixture
def sessions(monkeypatch):
    """All connections' objects that are still in memory."""
    alive = weakref.WeakSet()
    make = Session.__init__

    def noted(self, *args, **named):
        make(self, *args, **named)
        alive.add(self)

    monkeypatch.setattr(Session, "__init__", noted)
    return alive


@pytest.fixture
def streams(monkeypatch):
    """Of the nodes' compressors and decompressors, a megabyte each, those that are still in memory."""
    alive = weakref.WeakSet()

    def noted(kind):
        def make():
            alive.add(made := kind())
            return made

        return make

    for kind in (Compressor, Decompressor):
        monkeypatch.setattr(peer, kind.__name__, noted(kind))
    return alive


async def gone(sessions):
    def look():
        gc.collect()
        return not sessions

    await eventually(look, f"{len(sessions)} connections' objects to be freed")


def test_a_peer_that_left_leaves_nothing_in_memory(run, sessions):
    async def test(net):
        await net.sequencer(20)
        credentials = net.authority.issue("probe", "full-node")
        for _ in range(TIMES):
            async with Rogue(credentials, net.endpoint("seq")) as rogue:
                rogue.greet("probe")
                await eventually(lambda: net.nodes["seq"].status().peers, "the peer to be taken in")
            await eventually(lambda: not net.nodes["seq"].status().peers, "the peer to be gone")
        await gone(sessions)

    run(test)


def test_the_streams_of_a_peer_that_left_do_not_wait_for_the_garbage_collector(run, streams):
    async def test(net):
        await net.sequencer(20)
        credentials = net.authority.issue("probe", "full-node")
        gc.disable()
        try:
            async with Rogue(credentials, net.endpoint("seq")) as rogue:
                rogue.greet("probe")
                await eventually(lambda: net.nodes["seq"].status().peers, "the peer to be taken in")
                assert streams
            await eventually(lambda: not streams, "the streams' objects to be freed")
        finally:
            gc.enable()

    run(test)


@pytest.mark.parametrize("kind", ["no TLS", "no certificate", "nothing said"])
def test_a_stranger_leaves_nothing_in_memory(run, sessions, kind):
    async def test(net):
        await net.sequencer(20)
        endpoint = net.endpoint("seq")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if kind == "no certificate" else None
        if context is not None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for _ in range(TIMES):
            try:
                reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context)
                if kind == "no TLS":
                    writer.write(b"GET / HTTP/1.1\r\n\r\n")
                if kind != "nothing said":
                    await asyncio.wait_for(reader.read(), 30)
                writer.transport.abort()
            except OSError:
                pass
        await gone(sessions)

    run(test)


def test_a_node_that_is_dialed_and_never_answers_leaves_nothing_in_memory(run, sessions):
    """As one that is stopped: its kernel accepts, nobody speaks."""

    async def test(net):
        node = await net.sequencer(20)
        mesh = node._mesh
        mesh._settings = replace(mesh._settings, handshake_s=0.02)
        held = []
        silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
        async with silent:
            for _ in range(TIMES):
                mesh.dial(Endpoint("ghost", *silent.sockets[0].getsockname()))
                await mesh._dials["ghost"]
            for writer in held:
                writer.transport.abort()
        await gone(sessions)

    run(test)
