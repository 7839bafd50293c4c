"""What strangers and bad peers get, and what they cost."""

import asyncio
import ssl
import struct

import pytest
import zstandard

from devnet.sync import Authority, EntryKind, LogEntry, LogOffset
from devnet.sync.compress import WINDOW_LOG
from devnet.sync.frames import (
    HEADER,
    PREAMBLE,
    Accepted,
    Bye,
    Credit,
    EntryFrame,
    Hello,
    Pong,
    Status,
    Subscribe,
)
from devnet.sync.gossip import Kind
from tests.support.chain_log import next_entry
from tests.support.rogue import Rogue
from tests.support.shaping import ShapedLink
from tests.support.sync_net import eventually, moved

SEQ = Status(position=LogOffset(1000, 200), path=("seq",))


async def refused(peer):
    await asyncio.wait_for(peer.ended.wait(), 30)
    return [frame.reason for frame in peer.of(Bye)]


def test_a_stranger_gets_nothing(run, tmp_path):
    async def test(net):
        await net.sequencer(20)
        endpoint = net.endpoint("seq")
        theirs = Authority.open(tmp_path / "theirs").issue("full-1", "full-node").client_context()
        theirs.verify_mode = ssl.CERT_NONE
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
        for context in (theirs, nobody, None):
            got = b""
            try:
                reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context)
                writer.write(PREAMBLE)
                if context is None:
                    writer.write(bytes(100))
                got = await asyncio.wait_for(reader.read(), 30)
            except OSError:
                pass
            else:
                writer.transport.abort()
            assert PREAMBLE not in got
            assert len(got) <= 7, "a TLS alert at most"
        assert net.nodes["seq"].status().peers == ()

    run(test)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"chain_id": 1}, "chain 6343"),
        ({"genesis_hash": b"\xff" * 32}, "genesis"),
        ({"node": "seq"}, "unlike its certificate"),
        ({"role": "sequencer"}, "unlike its certificate"),
    ],
)
def test_a_peer_that_does_not_fit_is_told_why(run, changed, reason):
    async def test(net):
        await net.sequencer(20)
        credentials = net.authority.issue("odd", "full-node")
        async with Rogue(credentials, net.endpoint("seq")) as peer:
            peer.greet(**({"node": "odd"} | changed))
            assert reason in (await refused(peer))[0]

    run(test)


def test_a_peer_of_another_version_is_told_so(run):
    async def test(net):
        await net.sequencer(20)
        credentials = net.authority.issue("odd", "full-node")
        preamble = PREAMBLE[:-2] + struct.pack(">H", 99)
        async with Rogue(credentials, net.endpoint("seq"), preamble) as peer:
            assert "version" in (await refused(peer))[0]

    run(test)


BAD_STREAMS = {
    "no greeting": lambda peer: peer.say(Pong(1)),
    "greets twice": lambda peer: (peer.greet("odd"), peer.greet("odd")),
    "unknown type": lambda peer: (peer.greet("odd"), peer.raw(HEADER.pack(99, 0))),
    "too long": lambda peer: (peer.greet("odd"), peer.raw(HEADER.pack(Hello.TYPE, 1 << 30))),
    "cut short": lambda peer: (peer.greet("odd"), peer.raw(HEADER.pack(Subscribe.TYPE, 2) + b"xx")),
    "not compressed": lambda peer: peer.wire(b"rubbish" * 100),
    "flood of pongs": lambda peer: (peer.greet("odd"), peer.say(*[Pong(1)] * 100_000)),
    "too much credit": lambda peer: (peer.greet("odd"), peer.say(Credit(1, 1))),
    "unknown credit": lambda peer: (peer.greet("odd"), peer.say(Credit(7, 1))),
    "data for a sequencer": lambda peer: (
        peer.greet("odd"),
        peer.say(EntryFrame(LogEntry(EntryKind.MINI, LogOffset(1, 0), b""))),
    ),
}


@pytest.mark.parametrize("name", BAD_STREAMS)
def test_a_peer_that_breaks_the_protocol_is_disconnected_and_nobody_else(run, name):
    async def test(net):
        await net.sequencer(20)
        net.nodes["seq"].gossip.on(Kind.ATTESTATION, lambda payload, node: False)
        await net.node("full-1", peers=["seq"])
        await net.all_level()
        async with Rogue(net.authority.issue("odd", "full-node"), net.endpoint("seq")) as peer:
            BAD_STREAMS[name](peer)
            await refused(peer)
        net.seal(20)
        await net.all_level()

    run(test)


def test_a_bomb_is_not_unpacked(run):
    async def test(net):
        await net.sequencer(20)
        async with Rogue(net.authority.issue("odd", "full-node"), net.endpoint("seq")) as peer:
            parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=WINDOW_LOG)
            bomb = (
                zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(bytes(1 << 28))
            )
            peer.wire(bomb)
            await refused(peer)
        assert net.nodes["seq"].status().content_in < 1 << 20

    run(test)


def test_bytes_that_change_on_the_way_end_the_connection_and_nothing_else(run):
    async def test(net):
        await net.sequencer(20)
        async with ShapedLink(net.endpoint("seq").port) as link:
            await net.node("full-1", peers=[moved(net.endpoint("seq"), link.port)])
            await net.all_level()
            for _ in range(3):
                link.corrupt_next = True
                net.seal(20)
                await net.all_level()
        assert net.logs["full-1"].times_applied == 80
        assert not net.refused

    run(test)


class LyingUpstream:
    """Dials a full node with the sequencer's certificate, and feeds it what a test wants."""

    def __init__(self, net, name):
        self.peer = Rogue(net.authority.issue("seq", "sequencer"), net.endpoint(name))
        self.place = net.logs[name].end

    async def __aenter__(self):
        await self.peer.__aenter__()
        self.peer.greet("seq", "sequencer", SEQ)
        asked = await eventually(lambda: self.peer.of(Subscribe), "the node to ask")
        assert asked[0].position == self.place
        self.peer.say(Accepted(asked[0].serial))
        return self

    async def __aexit__(self, *_):
        await self.peer.__aexit__()

    def send(self, *entries):
        self.peer.say(*(EntryFrame(entry) for entry in entries))

    def true_items(self, count, size=40):
        entries, place = [], self.place
        for _ in range(count):
            entries.append(next_entry(place, size))
            place = entries[-1].after
        return entries


def test_what_comes_twice_is_applied_once(run):
    async def test(net):
        await net.node("full-1")
        async with LyingUpstream(net, "full-1") as liar:
            entries = liar.true_items(12)
            liar.send(*entries[:8], *entries[:8], entries[3], *entries[8:], entries[11])
            await eventually(lambda: net.logs["full-1"].end == entries[-1].after, "all of it")
            await eventually(lambda: net.nodes["full-1"].status().duplicates == 10, "the duplicates")
            assert net.logs["full-1"].times_applied == 12
            assert not net.refused

    run(test)


def test_who_sends_more_than_he_was_given_credit_for_is_disconnected(run):
    async def test(net):
        await net.node("full-1")
        net.logs["full-1"].hold.clear()
        async with LyingUpstream(net, "full-1") as liar:
            liar.send(*liar.true_items(30, size=200_000))
            assert "beyond its credit" in (await refused(liar.peer))[0]
        net.logs["full-1"].hold.set()

    run(test)


def test_a_gap_ends_the_connection(run):
    async def test(net):
        await net.node("full-1")
        async with LyingUpstream(net, "full-1") as liar:
            entries = liar.true_items(12)
            liar.send(*entries[:4], *entries[5:])
            assert "but the log is at" in (await refused(liar.peer))[0]
        await eventually(lambda: net.logs["full-1"].end == entries[3].after, "what came before the gap")

    run(test)


def test_a_wrong_item_is_refused_and_the_truth_is_taken_from_another(run):
    async def test(net):
        await net.node("full-1")
        async with LyingUpstream(net, "full-1") as liar:
            entries = liar.true_items(12)
            wrong = LogEntry(entries[4].kind, entries[4].after, b"wrong")
            liar.send(*entries[:4], wrong, *entries[5:])
            await refused(liar.peer)
        await eventually(lambda: net.refused, "the refusal to be told")
        name, source, refusal = net.refused[0]
        assert (name, source, refusal.entry, refusal.kind) == ("full-1", "seq", wrong, "diff")
        assert net.logs["full-1"].end == entries[3].after
        async with LyingUpstream(net, "full-1") as truthful:
            truthful.send(*truthful.true_items(8))
            await eventually(lambda: net.logs["full-1"].end == entries[11].after, "the truth")

    run(test)


def test_two_items_of_the_same_number_are_kept_as_evidence(run):
    async def test(net):
        await net.node("full-1")
        async with LyingUpstream(net, "full-1") as liar:
            entries = liar.true_items(5)
            other = LogEntry(entries[2].kind, entries[2].after, b"mini 2 otherwise")
            liar.send(*entries)
            await eventually(lambda: net.logs["full-1"].end == entries[-1].after, "the first ones")
            liar.send(other)
            await refused(liar.peer)
        refusal = net.refused[0][2]
        assert (refusal.kind, refusal.entry, refusal.other) == ("equivocation", other, entries[2].record)

    run(test)
