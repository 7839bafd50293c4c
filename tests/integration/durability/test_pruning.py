"""Chains that forget their beginning: what is kept answers as before, what is gone is refused, kills change nothing."""

import random
import time
from pathlib import Path

import pytest

from devnet.storage import Store, tables
from tests.support import wallet
from tests.support.home import Home
from tests.support.network import Asked
from tests.support.node import RpcFailure
from tests.support.waiting import eventually

PRUNED = 4444
KEPT = 6
FAST = {"blocks__mini_block_time_ms": 5, "blocks__block_time_s": 0.05}
MINIS_PER_BLOCK = 12
SLACK_BLOCKS = 40
"""That come between two rounds of the thread, and while a process dies and starts."""
SOMEBODY = "0x" + "5e" * 20


def begin_of(node):
    """The last block that is gone; 0: none is."""
    return node.health()[1]["log_begins_after"] or 0


def balance(node, block):
    return int(node.rpc("eth_getBalance", SOMEBODY, hex(block)), 16)


def pay(node, balances):
    """One wei more, and what it was at the end of that block."""
    receipt = wallet.send(node, 1, to=SOMEBODY, value="0x1")
    block = int(receipt["blockNumber"], 16)
    eventually(lambda: node.height() > block, "the block to be sealed")
    balances[block] = balance(node, block)


def test_a_window_of_blocks_is_kept_over_kills_amid_pruning(new_node):
    node = new_node(**FAST, storage__history=KEPT)
    chance, balances = random.Random(7), {}
    for _ in range(6):
        node.start()
        begin = begin_of(node)
        for block, expected in balances.items():
            if block > begin:
                assert balance(node, block) == expected
        for _ in range(3):
            pay(node, balances)
        eventually(lambda before=begin: begin_of(node) > before, "the log to begin later")
        time.sleep(chance.uniform(0.0, 0.1))  # a moment by chance
        node.kill()
    node.start()
    eventually(lambda: begin_of(node) > min(balances), "the log to begin later")
    with pytest.raises(RpcFailure, match="no history before block") as refused:
        balance(node, min(balances))
    assert refused.value.code == PRUNED
    with pytest.raises(RpcFailure) as refused:
        node.rpc("eth_getBlockByNumber", hex(min(balances)), True)
    assert refused.value.code == PRUNED
    assert node.stop() == 0
    with Store.open(node.directory / "data") as store:
        assert store.first.block >= store.tip.block - SLACK_BLOCKS
        rows = _counted(store)
    for table in (tables.MINI, tables.TRANSACTION, tables.HISTORY):
        assert rows.get(table, 0) <= MINIS_PER_BLOCK * SLACK_BLOCKS, rows


def _counted(store):
    counts = {}
    with store._db.iterator() as rows:
        for key, _ in rows:
            counts[key[:1]] = counts.get(key[:1], 0) + 1
    return counts


def test_all_rows_of_what_is_pruned_go(new_node):
    node = new_node(**FAST).start()
    emitter = wallet.deploy_emitter(node)
    for _ in range(5):
        wallet.send(node, 2, to=emitter)
        pay(node, {})
    height = node.height()
    eventually(lambda: node.height() > height + 2 * KEPT, "blocks")
    eventually(
        lambda: node.rpc("devnet_prune", "test", KEPT)["begins_after"] > height, "the snapshot to come so far"
    )
    assert node.stop() == 0
    with Store.open(node.directory / "data") as store:
        mini, begin = store.first
        with store._db.iterator() as rows:
            for key, value in rows:
                match key[:1]:
                    case tables.MINI:
                        assert tables.read_number(key[1:]) > mini
                    case tables.TRANSACTION:
                        assert tables.read_location(value)[0] > mini
                    case tables.HISTORY:
                        assert tables.read_number(key[-8:]) > begin


def test_no_way_leads_back_to_before_the_log(new_node):
    node = new_node(**FAST).start()
    early = node.rpc("evm_snapshot")
    pay(node, {})
    height = node.height()
    eventually(
        lambda: node.rpc("devnet_prune", "test", KEPT)["begins_after"] > height, "the snapshot to come so far"
    )
    late = node.rpc("evm_snapshot")
    begin = begin_of(node)
    pay(node, {})
    for method, params in (
        ("evm_revert", [early]),
        ("debug_setHead", [hex(begin)]),
        ("anvil_rollback", [hex(node.height() - 1)]),
        ("anvil_reset", []),
    ):
        with pytest.raises(RpcFailure, match=rf"no history before block {begin}"):
            node.rpc(method, *params)
    assert balance(node, node.height()) == 2
    assert node.rpc("evm_revert", late) is True
    eventually(
        lambda: node.rpc("eth_getBalance", SOMEBODY, "latest") == "0x1", "the later payment to be gone"
    )
    with pytest.raises(RpcFailure, match="the token is not this devnet's"):
        node.rpc("devnet_prune", "guessed", KEPT)
    with pytest.raises(RpcFailure, match="1 at least"):
        node.rpc("devnet_prune", "test", 0)


def test_each_node_has_a_window_of_its_own_and_who_needs_more_takes_a_snapshot(tmp_path):
    with Home(tmp_path) as home:
        home.up("--full-nodes", 1, "--block-time", 0.1)
        sequencer, full_node = (
            Asked(home.node(name)["endpoints"]["http"]) for name in ("sequencer", "full-node-1")
        )
        wallet.send(sequencer, 1, to=SOMEBODY, value="0x7")
        eventually(lambda: sequencer.height() > 30, "blocks")
        pruned = home.json("devnet", "prune", "--keep", KEPT, "--node", "full-node-1")["nodes"]
        assert [row["node"] for row in pruned] == ["full-node-1"]
        assert home.node("full-node-1")["log_begins_after"] == pruned[0]["begins_after"] > 0
        assert home.node("sequencer")["log_begins_after"] is None
        assert sequencer.rpc("eth_getBlockByNumber", "0x1", True)["number"] == "0x1"

        said = home.run("devnet", "prune", "--keep", KEPT)
        assert said.returncode == 0, said.stderr
        assert "sequencer: " in said.stdout and "the log begins after block" in said.stdout
        begin = home.node("sequencer")["log_begins_after"]
        assert begin > 0
        assert home.run("devnet", "add", "full-node").returncode == 0
        newcomer = Asked(home.node("full-node-2")["endpoints"]["http"])
        eventually(lambda: newcomer.height() >= full_node.height() - 1, "the newcomer to follow")
        assert home.node("full-node-2")["log_begins_after"] >= begin
        assert newcomer.rpc("eth_getBalance", SOMEBODY, "latest") == "0x7"
        assert home.run("devnet", "prune", "--keep", 1, "--node", "nobody").returncode != 0

        height = sequencer.height()
        assert home.run("devnet", "down").returncode == 0
        rows = {row["node"]: row for row in home.json("devnet", "prune", "--keep", 2)["nodes"]}
        assert set(rows) == {"sequencer", "full-node-1", "full-node-2"}
        assert rows["sequencer"]["begins_after"] >= height - 2
        home.up("--full-nodes", 1, "--block-time", 0.1)
        again = Asked(home.node("full-node-1")["endpoints"]["http"])
        eventually(lambda: again.height() > height + 3, "the chain to go on")
        assert again.rpc("eth_getBalance", SOMEBODY, "latest") == "0x7"
        assert sum(path.stat().st_size for path in Path(tmp_path).rglob("*.ldb")) < 4 << 20
