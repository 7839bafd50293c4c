"""A prover that is told of everything late, twice, in the wrong order, and beside the truth. Real processes."""

import asyncio
import random

from devnet.roles.announcements import Announcement
from devnet.sync import Endpoint, Kind, Local, SyncNode, SyncSettings
from tests.support import waiting
from tests.support.cluster import CHAIN_ID, Cluster, sync_place
from tests.support.node import Node
from tests.support.sync_net import eventually

BLOCKS = 60
TELLERS = 3
"""So many nodes seem to have each block; one of them answers nothing."""


def test_late_duplicated_and_reordered_news_leads_to_each_block_being_attested_to_once(tmp_path):
    settings = {"blocks__block_time_s": 0.1, "network__provers": 1}
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        sequencer.sealed(BLOCKS)
        assert sequencer.health()[1]["verified_height"] == 0
        prover = cluster.prover("prover-1", [sequencer])
        asyncio.run(_flood(cluster, sequencer, prover))
        found = sequencer.rpc("mega_getAttestations", "0x1", hex(BLOCKS))
        assert sorted(int(one["block"], 16) for one in found) == list(range(1, BLOCKS + 1))
        proving = prover.health()[1]["proving"]
        assert proving["faults"] == 0
        assert proving["attested"] >= BLOCKS
        assert prover.health()[1]["lag_ms"] >= 0


async def _flood(cluster, sequencer, prover):
    genesis = sequencer.rpc("eth_getBlockByNumber", "0x0", False)["hash"]
    local = Local("flood", "full-node", CHAIN_ID, bytes.fromhex(genesis[2:]))
    peers = tuple(Endpoint(node.name, *sync_place(node)) for node in (sequencer, prover))
    node = SyncNode(local, cluster.credentials("flood", "full_node"), SyncSettings(bootstrap=peers))
    await node.start()
    try:
        await eventually(lambda: len(node.status().peers) >= 2, "both peers")
        for news in await asyncio.to_thread(_news, sequencer):
            node.gossip.publish(Kind.LOG_DIGEST, news.encode())
        # In another thread, as a peer that is blocked is taken for dead.
        await asyncio.to_thread(
            waiting.eventually,
            lambda: sequencer.health()[1]["verified_height"] >= BLOCKS,
            "all to be verified",
        )
    finally:
        await node.stop()


def _news(sequencer: Node):
    """Each block by several nodes, blocks that do not exist, all of them shuffled."""
    chance = random.Random(3)
    told = []
    for number in range(1, BLOCKS + 1):
        block_hash = bytes.fromhex(sequencer.rpc("eth_getBlockByNumber", hex(number), False)["hash"][2:])
        for teller in range(TELLERS):
            url = sequencer.url if teller else "http://127.0.0.1:9"
            told.append(_announcement(f"teller-{teller}", number, block_hash, url))
        if number % 5 == 0:
            told.append(_announcement("liar", number, chance.randbytes(32), sequencer.url))
            told.append(_announcement("liar", 10**6 + number, chance.randbytes(32), sequencer.url))
    chance.shuffle(told)
    return told


def _announcement(node, block, block_hash, url):
    return Announcement(node, block, block_hash, url, verified=0, first=0, count=0, stride=1, digests=())
