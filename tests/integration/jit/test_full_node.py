"""A full node answers calls natively, with what the sequencer had compiled; one that executes to check never does."""

import pytest

from tests.integration.jit.test_service import deploy, native, total
from tests.support.cluster import Cluster
from tests.support.waiting import eventually

UNHURRIED = {"blocks__mini_block_time_ms": 100, "blocks__block_time_s": 2.0}
"""Few blocks, so that who executes them all keeps up on a busy machine too."""


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path, jit__mode="eager", **UNHURRIED) as cluster:
        yield cluster


def followed(sequencer, node, address):
    """Until a node has the contract."""
    code = sequencer.rpc("eth_getCode", address, "latest")
    eventually(lambda: node.rpc("eth_getCode", address, "latest") == code, "the contract on the full node")


def test_full_node_calls_natively_what_the_sequencer_compiled(cluster):
    sequencer = cluster.sequencer()
    full = cluster.full_node("full-node-1", [sequencer])
    address = deploy(sequencer)
    assert total(sequencer, address, 1000) == 500500
    compiled = eventually(lambda: native(sequencer), "native code")
    followed(sequencer, full, address)
    assert total(full, address, 1000) == 500500
    taken = eventually(lambda: native(full), "native code on the full node")
    assert taken["fromCache"]
    assert taken["compileSeconds"] == compiled["compileSeconds"]
    assert total(full, address, 2000) == 2001000
    assert native(full)["runs"] > 0
    call = {"to": address, "data": f"0x{3000:064x}"}
    assert full.rpc("eth_estimateGas", call) == sequencer.rpc("eth_estimateGas", call)


def test_full_node_that_executes_to_check_compiles_nothing(cluster):
    sequencer = cluster.sequencer()
    full = cluster.full_node("full-node-1", [sequencer], network__verify="reexecute")
    address = deploy(sequencer)
    assert total(sequencer, address, 1000) == 500500
    eventually(lambda: native(sequencer), "native code")
    followed(sequencer, full, address)
    assert total(full, address, 2000) == 2001000
    status = full.rpc("mega_getNativeStatus")
    assert (status["mode"], status["contracts"]) == ("off", [])
