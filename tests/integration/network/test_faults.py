"""Every fault that `megaeth devnet inject` plays is noticed by the right role, with evidence, and mended."""

import json
from pathlib import Path

import pytest

from tests.support.network import Network

FULL_NODES = ("full-node-1", "full-node-2")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    options = ("--full-nodes", 2, "--provers", 1, "--block-time", 0.5)
    with Network(tmp_path_factory.mktemp("faults"), *options) as running:
        running.until_verified(1)
        yield running


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        ("bad-witness", "prover"),
        ("equivocation", "full_node"),
        ("bad-diff", "full_node prover"),
        ("bad-receipt", "prover full_node"),
        ("bad-root", "prover full_node"),
        ("late-proof", "full_node sequencer"),
    ],
)
def test_a_fault_is_noticed_and_the_network_mends(network, kind, roles):
    done = network.home.run("devnet", "inject", kind, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["detected"]
    assert outcome["role"] in roles.split()
    assert outcome["at"]
    evidence = json.loads(Path(outcome["evidence"]).read_text())
    assert evidence["block"] >= outcome["block"]
    assert evidence["proof"]
    target = outcome["block"] + 3
    network.until_verified(target)
    for name in FULL_NODES:
        compared = network.home.run("inspect-diff", str(target), "--node", name, "--against", "sequencer")
        assert compared.returncode == 0, compared.stdout
    listed = network.home.json("devnet", "incidents")["incidents"]
    assert any(incident["evidence"] == outcome["evidence"] for incident in listed)


@pytest.fixture(scope="module", params=["reexecute"])
def checking(request, tmp_path_factory):
    """Full nodes that check blocks themselves."""
    options = ("--full-nodes", 2, "--provers", 1, "--block-time", 0.5, "--verify", request.param)
    with Network(tmp_path_factory.mktemp(request.param), *options) as running:
        running.until_verified(1)
        yield running


@pytest.mark.parametrize("kind", ["equivocation", "bad-diff", "bad-receipt", "bad-root"])
def test_full_nodes_that_check_blocks_themselves_refuse_them_before_any_prover(checking, kind):
    pids = [checking.node(name)["pid"] for name in FULL_NODES]
    done = checking.home.run("devnet", "inject", kind, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert any(incident["role"] == "full_node" for incident in outcome["incidents"])
    checking.until_verified(outcome["block"] + 3)
    for name in FULL_NODES:
        compared = checking.home.run(
            "inspect-diff", str(outcome["block"] + 3), "--node", name, "--against", "sequencer"
        )
        assert compared.returncode == 0, compared.stdout
    assert pids == [checking.node(name)["pid"] for name in FULL_NODES], "none had to begin anew"


def test_what_cannot_be_noticed_is_not_played(tmp_path):
    with Network(tmp_path) as alone:
        done = alone.home.run("devnet", "inject", "bad-diff")
        assert done.returncode != 0
        assert "megaeth devnet add full-node" in done.stderr
