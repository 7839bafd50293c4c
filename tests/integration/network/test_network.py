"""One sequencer, two full nodes, one prover: a network as `megaeth devnet up` starts it."""

from urllib.parse import urlsplit

import pytest

from devnet.roles.served import all_methods, served
from devnet.session import Role, start_time
from megaeth_cli.chain.rpc_client import RpcClient
from tests.support.home import Home
from tests.support.network import Network
from tests.support.raw_http import RawHttp
from tests.support.waiting import eventually

NODES = ["sequencer", "full-node-1", "full-node-2", "prover-1"]
ROLES = [Role.SEQUENCER, Role.FULL_NODE, Role.FULL_NODE, Role.PROVER]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    options = ("--full-nodes", 2, "--provers", 1, "--quorum", 1, "--block-time", 0.5)
    with Network(tmp_path_factory.mktemp("network"), *options) as running:
        yield running


def test_status_names_every_node_with_its_place_in_the_network(network):
    network.until_verified(1)
    nodes = network.home.status()["nodes"]
    assert [(node["name"], node["role"]) for node in nodes] == list(
        zip(NODES, ["sequencer", "full_node", "full_node", "prover"], strict=True)
    )
    for node in nodes:
        assert node["alive"]
        assert node["peers"] >= 1
        assert node["bytes_in"] > 0
        assert node["bytes_out"] > 0
        assert node["memory_bytes"] > 0
        assert node["cpu_percent"] >= 0
        assert node["verified_height"] <= node["height"] + 1
        assert node["lag_ms"] >= 0
    proving = nodes[3]["proving"]
    assert proving["verify_ms"] > 0
    assert proving["witness_bytes"] > 0
    done = network.home.run("devnet", "status")
    assert all(name in done.stdout for name in NODES)
    assert all(role in done.stdout for role in (" full node ", " prover ", " verified ", " lag "))


@pytest.mark.parametrize(("name", "role"), list(zip(NODES, ROLES, strict=True)))
def test_a_node_answers_the_methods_of_its_role_and_no_others(network, name, role):
    too_many = [None] * 9  # refused before anything is done
    with RawHttp(urlsplit(network.node(name)["endpoints"]["http"]).port, timeout=60) as http:
        codes = {method: http.call(method, *too_many)["error"]["code"] for method in all_methods()}
    assert {method for method, code in codes.items() if code == -32602} == served(role).keys()
    assert {code for method, code in codes.items() if method not in served(role)} <= {-32601}


def test_full_nodes_follow_and_all_verify(network):
    target = network.node("sequencer")["height"] + 2
    network.until_verified(target)
    blocks = {network.at(name).rpc("eth_getBlockByNumber", hex(target), False)["hash"] for name in NODES[:3]}
    assert len(blocks) == 1


def test_safe_and_finalized_are_the_verified_height(network):
    network.until_verified(1)
    for name in NODES[:3]:
        node = network.at(name)
        safe, latest = node.height("safe"), node.height("latest")
        assert 1 <= safe <= latest
        assert node.height("finalized") >= safe


def test_attestations_name_their_signers(network):
    network.until_verified(2)
    for name in NODES[:3]:
        found = network.at(name).rpc("mega_getAttestations", "0x1", "0x2")
        assert {one["block"] for one in found} == {"0x1", "0x2"}
        assert {one["name"] for one in found} == {"prover-1"}


def test_verify_block_shows_who_has_attested(network):
    network.until_verified(2)
    done = network.home.run("verify", "block", "2", "--node", "full-node-1")
    assert done.returncode == 0, done.stdout + done.stderr
    [word] = network.home.json("verify", "block", "2", "--node", "full-node-1")["attestations"]
    assert (word["name"], word["agrees"]) == ("prover-1", True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("attested by")]
    assert line.split()[2:] == ["prover-1", word["signer"], "agrees"]


def test_a_prover_that_was_away_checks_everything_it_has_missed(network):
    network.run("stop", "prover-1")
    before = network.node("full-node-1")["verified_height"]
    network.until_height("full-node-1", before + 12)
    assert network.node("full-node-1")["verified_height"] <= before + 3
    network.run("start", "prover-1")
    network.until_verified(before + 13)


def test_nodes_can_be_added_to_a_running_network(network):
    assert "full-node-3" in network.run("add", "full-node").stdout
    assert "prover-2" in network.run("add", "prover").stdout
    network.until_verified(network.node("sequencer")["height"] + 1, "full-node-3")

    def signers():
        verified = network.node("full-node-3")["verified_height"]
        found = network.at("full-node-3").rpc("mega_getAttestations", hex(verified), hex(verified + 10))
        return {one["name"] for one in found}

    eventually(lambda: "prover-2" in signers(), "prover-2's word")


def test_down_ends_every_process(tmp_path):
    with Network(tmp_path, "--full-nodes", 1, "--provers", 1) as network:
        pids = [node["pid"] for node in network.home.status()["nodes"]]
        network.run("down")
        assert all(start_time(pid) is None for pid in pids)


def test_a_devnet_that_is_started_again_without_its_provers_goes_on_and_says_so(tmp_path):
    with Home(tmp_path) as home:
        home.up("--provers", 1, "--full-nodes", 1, "--block-time", 0.2)
        eventually(lambda: (home.node("sequencer").get("verified_height") or 0) > 1, "a block to be verified")
        home.run("devnet", "down")
        home.up("--full-nodes", 1, "--block-time", 0.2)
        for name in ("sequencer", "full-node-1"):
            node = home.node(name)
            verified = node["verified_height"]
            with RpcClient(node["endpoints"]["http"]) as client:
                eventually(
                    lambda client=client, verified=verified: (
                        int(client.call("eth_getBlockByNumber", "safe", False)["number"], 16) > verified + 2
                    ),
                    f"safe to move beyond {verified} at {name}",
                )
            assert "it has none now" in home.run("devnet", "logs", name, "-n", 1000).stdout
