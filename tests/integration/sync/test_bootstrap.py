"""A node with nothing: genesis and snapshot from a peer, believed only as far as they prove themselves."""

import asyncio
import hashlib

import pytest

from devnet._engine import SealedBlock, SealedMini
from devnet.storage import Identity, Store
from devnet.storage.database import Tip
from devnet.storage.frozen import FrozenState
from devnet.storage.rows import decode_rows, encode_rows
from devnet.sync import (
    NEWCOMER,
    BadSnapshot,
    Endpoint,
    StoreLog,
    SyncNode,
    SyncSettings,
    fetch_genesis,
    fetch_snapshot,
)
from devnet.sync.log_offset import LogOffset
from tests.support.chain_log import MINIS_PER_BLOCK, MemoryLog, sealed
from tests.support.sync_net import CHAIN_ID, GENESIS_HASH

SETTINGS = SyncSettings(snapshot_behind=100)
ROWS = 6000


def state():
    """Values of a world: some chunks' worth."""
    return [(hashlib.sha256(b"%d" % n).digest()[:20], b"value %d" % n + bytes(100)) for n in range(ROWS)]


def root(store):
    """What stands for a state root here."""
    digest = hashlib.sha256()
    for rows in store.state(1000):
        for key, value in rows:
            digest.update(key + value)
    return digest.digest()


class Judge:
    """Trusts the state that the test knows to be right."""

    def __init__(self, right, refuse_chunk=None):
        self.right = right
        self.refuse_chunk = refuse_chunk
        self.chunks = 0

    def verify_chunk(self, manifest, index, rows):
        self.chunks += 1
        if index == self.refuse_chunk:
            raise BadSnapshot("not proven")

    def verify_state(self, manifest, store):
        if root(store) != self.right:
            raise BadSnapshot("another root")


def with_a_transaction(item):
    if isinstance(item, SealedBlock):
        return item
    return SealedMini(item.number, item.block, 0, 0, item.record, [item.number.to_bytes(32)])


def fill(store, length=400):
    """A store with a log, and a snapshot some blocks behind its end."""
    chain = MemoryLog(length)
    store.create(Identity(CHAIN_ID, GENESIS_HASH, {"spec": "rex6"}), b'{"alloc": {}}')
    store.append(with_a_transaction(sealed(entry)) for entry in chain.entries)
    marker = next(entry.after for entry in chain.entries if entry.after.blocks == 50)
    store.fold(state(), [(bytes(32), b"code" * 1000)], marker.tip)
    return chain, marker


@pytest.fixture
def run(run, tmp_path):
    """Run a test with a network in which `source` serves a filled store."""

    def runner(test):
        async def body(net):
            with Store.open(tmp_path / "source") as source, Store.open(tmp_path / "new") as new:
                net.chain, net.marker = fill(source)
                net.source, net.new = source, new
                await serve(net, "seq", source)
                await test(net)
                for node in net.nodes.values():
                    await node.stop()
                net.nodes.clear()

        run(body)

    return runner


async def serve(net, name, store):
    role = "sequencer" if name == "seq" else "full-node"
    node = SyncNode(
        net.local(name, role), net.authority.issue(name, role), SETTINGS, log=StoreLog(store), store=store
    )
    await node.start()
    net.nodes[name] = node


def newcomer(net, *names, genesis=GENESIS_HASH):
    """The first arguments of the fetchers."""
    local = net.local("new", "full-node", genesis_hash=genesis)
    return local, net.authority.issue("new", "full-node"), [net.endpoint(name) for name in names], SETTINGS


def test_a_newcomer_learns_what_the_chain_begins_with(run):
    async def test(net):
        found = await fetch_genesis(*newcomer(net, "seq", genesis=NEWCOMER))
        assert found.genesis_hash == GENESIS_HASH
        assert found.document == net.source.genesis
        assert found.identity == net.source.identity.encode()

    run(test)


def test_a_newcomer_waits_for_a_peer_that_is_not_there_yet(run):
    async def test(net):
        local, credentials, places, settings = newcomer(net, "seq", genesis=NEWCOMER)
        asking = asyncio.create_task(
            fetch_genesis(local, credentials, [Endpoint("nobody", "127.0.0.1", 1), *places], settings)
        )
        assert (await asyncio.wait_for(asking, 60)).genesis_hash == GENESIS_HASH

    run(test)


def test_a_snapshot_is_taken_whole_and_the_log_goes_on_from_it(run):
    async def test(net):
        seen = []
        judge = Judge(root(net.source))
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        assert await fetch_snapshot(*newcomer(net, "seq"), net.new, judge, seen.append)
        assert net.new.tip == net.new.snapshot == net.new.first == net.marker.tip
        assert root(net.new) == root(net.source)
        assert net.new.code(bytes(32)) == b"code" * 1000
        assert net.new.block(50) == net.source.block(50)
        assert [net.new.tx_total(block) for block in (0, 49, 50)] == [
            0,
            49 * MINIS_PER_BLOCK,
            50 * MINIS_PER_BLOCK,
        ]
        assert judge.chunks > 2
        assert [step.stage for step in seen if step.stage != "snapshot"] == ["manifest", "checking"]
        assert seen[-1].done == seen[-1].total == judge.chunks
        target = MemoryLog(first=net.marker)
        await net.node("full-1", log=target, peers=["seq"])
        net.logs["seq"] = net.chain
        await net.all_level("full-1")

    run(test)


def test_the_state_may_change_while_its_snapshot_is_taken(run):
    async def test(net):
        right = root(net.source)

        def disturb(progress):
            if progress.stage == "snapshot":
                end = Tip(net.marker.tip.mini + 5, net.marker.tip.block + 1)
                net.source.fold([(state()[7][0], b"changed")], [], end)

        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        assert await fetch_snapshot(*newcomer(net, "seq"), net.new, Judge(right), disturb)
        assert root(net.source) != right

    run(test)


def test_a_short_log_is_followed_instead(run):
    async def test(net):
        local, credentials, places, _ = newcomer(net, "seq")
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        settings = SyncSettings(snapshot_behind=1_000_000)
        assert not await fetch_snapshot(local, credentials, places, settings, net.new, Judge(b""))
        assert net.new.tip is None

    run(test)


def test_a_state_with_another_root_is_refused_and_leaves_nothing(run):
    async def test(net):
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        assert not await fetch_snapshot(*newcomer(net, "seq"), net.new, Judge(b"another"))
        assert net.new.tip is None
        assert list(net.new.state(10)) == []
        assert net.new.tx_total(50) is None

    run(test)


def test_a_chunk_that_proves_nothing_is_refused(run):
    async def test(net):
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        judge = Judge(root(net.source), refuse_chunk=1)
        assert not await fetch_snapshot(*newcomer(net, "seq"), net.new, judge)
        assert judge.chunks == 2
        assert list(net.new.state(10)) == []

    run(test)


@pytest.mark.parametrize(
    "row",
    [
        (b"!tip", bytes(16)),
        (b"m" + bytes(8), b"a mini-block"),
        (b"s" + bytes(7), b"no such key"),
        (b"b" + (51).to_bytes(8, "big"), b"a block after the snapshot"),
        (b"x" + (51).to_bytes(8, "big"), bytes(8)),
        (b"x" + (50).to_bytes(8, "big"), b"no number"),
    ],
)
def test_rows_that_no_snapshot_has_are_refused(run, monkeypatch, row):
    async def test(net):
        true_rows = FrozenState.rows
        monkeypatch.setattr(FrozenState, "rows", lambda self, *at: iter([*true_rows(self, *at), row]))
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        assert not await fetch_snapshot(*newcomer(net, "seq"), net.new, Judge(root(net.source)))
        assert net.new.tip is None

    run(test)


def test_another_peer_is_asked_when_the_first_one_lies(run, tmp_path):
    async def test(net):
        with Store.open(tmp_path / "liar") as lies:
            _, marker = fill(lies)
            lies.fold([(state()[7][0], b"a lie")], [], marker.tip)
            await serve(net, "liar", lies)
            net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
            judge = Judge(root(net.source))
            assert await fetch_snapshot(*newcomer(net, "liar", "seq"), net.new, judge)
            assert root(net.new) == root(net.source)
            await net.nodes.pop("liar").stop()

    run(test)


def test_a_node_that_nobodys_log_reaches_back_to_knows_that_it_is_stranded(run):
    async def test(net):
        net.new.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        await fetch_snapshot(*newcomer(net, "seq"), net.new, Judge(root(net.source)))
        await serve(net, "young", net.new)
        node = await net.node("full-1", log=MemoryLog(10), peers=["young"])
        for _ in range(6000):
            if node.status().stranded:
                break
            await asyncio.sleep(0.01)
        assert node.status().stranded
        assert node.status().position == LogOffset(9, 1)

    run(test)


def test_rows_are_read_as_they_were_written():
    rows = [(b"s" + bytes(20), b""), (b"c" + bytes(32), b"code"), (b"b" + bytes(8), bytes(1000))]
    assert decode_rows(encode_rows(rows)) == rows
