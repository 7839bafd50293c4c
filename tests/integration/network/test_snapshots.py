"""Nodes that begin with a snapshot of the state: new ones far behind, and one that nobody's log reaches back to."""

from devnet.role_config import START_AGAIN_EXIT
from devnet.session import Role
from devnet.storage import Store
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.node import RpcFailure
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import eventually

CROWDED = 1
"""Data buckets: it grows when it holds some 200 values, which a snapshot has to tell."""
BUCKET_KEY_BYTES = 4
NEW = "0x" + "77" * 20
BLOCKS_WITH_A_SNAPSHOT = 270
"""More than the blocks whose hashes a contract can ask for, which a snapshot comes with."""
PRUNED = 4444


def test_a_node_added_far_behind_begins_with_a_snapshot_and_goes_on_live(tmp_path):
    settings = {"blocks__block_time_s": 0.2, "network__snapshot_behind": 100}
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        emitter = wallet.deploy_emitter(sequencer)
        wallet.send(sequencer, 1, to=emitter)
        wallet.send(sequencer, 2, to=NEW, value="0x7")
        sequencer.sealed(sequencer.height() + 25)
        node = cluster.full_node("full-node-1", [sequencer], network__verify="roots")
        assert "taking the snapshot of sequencer" in node.log()
        assert node.rpc("eth_getStorageAt", emitter, "0x0", "latest") == "0x" + f"{42:064x}"
        assert node.rpc("eth_getBalance", NEW, "latest") == "0x7"
        assert node.rpc("eth_getCode", emitter, "latest") == sequencer.rpc("eth_getCode", emitter, "latest")

        receipt = wallet.send(node, 3, to=emitter)
        eventually(lambda: node.rpc("eth_getTransactionReceipt", receipt["transactionHash"]), "live data")
        node.kill()
        node.start()
        assert node.log().count("taking the snapshot") == 1, "it goes on from its own disk"
        _same_tip(sequencer, node)


def test_what_was_before_the_snapshot_is_refused_and_never_guessed(tmp_path):
    settings = {"blocks__block_time_s": 0.05, "network__snapshot_behind": 100}
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        emitter = wallet.deploy_emitter(sequencer)
        for value in ("0x7", "0x8"):
            wallet.send(sequencer, 1, to=emitter)
            wallet.send(sequencer, 2, to=NEW, value=value)
            sequencer.sealed(sequencer.height() + 10)
        sequencer.sealed(sequencer.height() + BLOCKS_WITH_A_SNAPSHOT)
        node = cluster.full_node("full-node-1", [sequencer])
        assert "taking the snapshot of sequencer" in node.log()
        some = [1, *range(0, sequencer.height(), 20), sequencer.height()]
        before = [history(node, sequencer, emitter, block) for block in some]
        assert PRUNED in before[0] and PRUNED not in before[-1]
        assert node.rpc("mega_getGasProfile", emitter)["entries"] == "0x0", "what it has was searched"
        node.stop()
        node.start()
        assert [history(node, sequencer, emitter, block) for block in some] == before


def history(node, sequencer, contract, number):
    """What a node says of a block: to each question the sequencer's answer, or that it does not keep it."""
    block = hex(number)
    return [
        same_or_pruned(node, sequencer, method, *params)
        for method, *params in (
            ("eth_getBalance", NEW, block),
            ("eth_getStorageAt", contract, "0x0", block),
            ("eth_getCode", contract, block),
            ("eth_call", {"to": contract}, block),
            ("eth_getProof", NEW, [], block),
            ("eth_getBlockByNumber", block, True),
            ("eth_getBlockReceipts", block),
            ("eth_getLogs", {"fromBlock": block, "toBlock": block}),
            ("mega_getBlockMiniBlocks", block),
        )
    ]


def same_or_pruned(node, sequencer, method, *params):
    try:
        answer = node.rpc(method, *params)
    except RpcFailure as failure:
        if failure.code == PRUNED:
            return PRUNED
        answer = failure.code
    try:
        expected = sequencer.rpc(method, *params)
    except RpcFailure as failure:
        expected = failure.code
    assert answer == expected, f"{method}{params}"
    return answer


def test_verified_heights_go_on_from_a_snapshot(tmp_path):
    settings = {"blocks__block_time_s": 1.0, "network__snapshot_behind": 100, "network__provers": 1}
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        cluster.prover("prover-1", [sequencer])
        eventually(lambda: verified(sequencer) >= 6, "verified blocks, which a snapshot may hold")
        node = cluster.full_node("full-node-1", [sequencer])
        assert "taking the snapshot of sequencer" in node.log()
        target = sequencer.height() + 2
        eventually(lambda: verified(node) >= target, "blocks after the snapshot to be verified")
        assert node.health()[1]["incidents"] == 0


def verified(node):
    return node.health()[1]["verified_height"]


def test_a_node_that_nobodys_log_reaches_back_to_begins_anew_with_a_snapshot(tmp_path):
    settings = {"blocks__block_time_s": 0.2, "network__snapshot_behind": 100}
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        # With patience for the log, although it is long already.
        away = cluster.full_node("full-node-1", [sequencer], network__snapshot_behind=10**9)
        eventually(lambda: away.height() >= 2, "a log of its own")
        away.kill()
        wallet.send(sequencer, 2, to=NEW, value="0x7")
        sequencer.sealed(sequencer.height() + 25)
        other = cluster.full_node("full-node-2", [sequencer])
        assert "taking the snapshot of sequencer" in other.log()
        sequencer.kill()
        away.network = cluster.place("full-node-1", Role.FULL_NODE, [other])
        away.spawn()
        assert away.wait() == START_AGAIN_EXIT
        assert "gave up what was here" not in away.log()
        away.start()
        assert "gave up what was here" in away.log()
        assert "taking the snapshot of full-node-2" in away.log()
        assert away.height() == other.height()
        assert away.rpc("eth_getBalance", NEW, "latest") == "0x7"


def test_a_snapshot_tells_which_buckets_grew(tmp_path):
    settings = {
        "blocks__block_time_s": 0.2,
        "network__snapshot_behind": 100,
        "chain__salt_data_buckets": CROWDED,
        "accounts__count": 100,
    }
    with Cluster(tmp_path, **settings) as cluster:
        sequencer = cluster.sequencer()
        with SteadyLoad(sequencer, 500, accounts=100) as load:
            eventually(lambda: load.sent >= 1000, "accounts that crowd the bucket")
        sequencer.sealed(sequencer.height() + 20)
        node = cluster.full_node("full-node-1", [sequencer], network__verify="roots")
        assert "taking the snapshot of sequencer" in node.log()
        # Its gas depends on the bucket's size, and the root that the node checks too.
        receipt = wallet.send(node, 3, to="0x" + "78" * 20, value="0x1")
        eventually(lambda: node.rpc("eth_getTransactionReceipt", receipt["transactionHash"]), "live data")
        _same_tip(sequencer, node)
        node.stop()
        with Store.open(node.directory / "data") as store:
            assert any(len(key) == BUCKET_KEY_BYTES for rows in store.state(1000) for key, _ in rows)


def _same_tip(one, other):
    number = eventually(lambda: min(one.height(), other.height()), "a block on both")
    fields = [node.rpc("eth_getBlockByNumber", hex(number), False) for node in (one, other)]
    assert fields[0] == fields[1]
