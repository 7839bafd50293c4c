"""Every fault that `megaeth devnet inject` plays is noticed by the right role, with evidence, and mended."""

import contextlib
import json
from pathlib import Path

import pytest
import zstandard

from devnet.proving.checker import UncheckableError
from devnet.proving.stateless import code_hashes, packed_witness
from devnet.roles.faults import spoilt_witness
from tests.support.network import Network
from tests.support.waiting import eventually

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


@pytest.mark.parametrize("kind", ["bad-witness", "bad-root"])
def test_what_a_prover_has_kept_of_a_failed_check_fails_again_offline(network, kind, tmp_path):
    known = {incident["evidence"] for incident in found_by_the_prover(network)}
    assert network.home.run("devnet", "inject", kind, "--json").returncode == 0
    eventually(
        lambda: any(one["evidence"] not in known for one in found_by_the_prover(network)),
        "the prover to notice",
    )
    [*_, incident] = [one for one in found_by_the_prover(network) if one["evidence"] not in known]
    told = json.loads(Path(incident["evidence"]).read_text())["proof"]["report"]
    kept = json.loads(Path(told["reproduction"]).read_text())
    again = network.home.run("verify", "block", "--witness", told["reproduction"], "--json")
    assert again.returncode == 1, again.stderr
    report = json.loads(again.stdout)
    assert report["block"] == incident["block"]
    failed = [check["name"] for check in report["checks"] if not check["ok"]]
    assert failed == [check["name"] for check in kept["report"]["checks"] if not check["ok"]]
    assert failed[0] == told["check"]
    aloud = network.home.run("verify", "block", "--witness", told["reproduction"])
    assert f"block {incident['block']} is wrong" in aloud.stderr
    assert told["check"] in aloud.stderr

    # The file is all there is to it: without its fault the check passes, with another one it fails otherwise.
    if kind == "bad-witness":
        honest = network.at("sequencer").rpc("mega_getBlockWitness", {"blockNumber": hex(report["block"])})
        mended = tmp_path / "mended.json"
        mended.write_text(json.dumps({**kept, "witness": honest}))
        assert network.home.run("verify", "block", "--witness", mended).returncode == 0
        mended.write_text(json.dumps({**kept, "witness": honest, "codes": []}))
        without_code = network.home.run("verify", "block", "--witness", mended)
        assert without_code.returncode == 1
        assert "contract code" in without_code.stderr
    network.until_verified(report["block"] + 3)


def test_a_witness_is_spoilt_where_that_is_noticed(network):
    """Never in a code hash: who checks would ask for that code, get none, and try again with another witness."""
    sequencer = network.at("sequencer")
    witness = sequencer.rpc("mega_getBlockWitness", {"blockNumber": hex(sequencer.height())})
    with zstandard.ZstdDecompressor().stream_reader(packed_witness(witness)) as reader:
        content = reader.read()
    codes = code_hashes(witness)
    assert codes
    for place in [0, *(content.index(code) + byte for code in codes for byte in (0, 31))]:
        spoilt = spoilt_witness(witness, place)
        assert spoilt != witness
        with contextlib.suppress(UncheckableError):
            assert code_hashes(spoilt) == codes


def found_by_the_prover(network):
    incidents = network.home.json("devnet", "incidents")["incidents"]
    return [one for one in incidents if one["role"] == "prover"]


def test_a_devnet_tells_how_much_evidence_it_no_longer_keeps(tmp_path):
    with Network(tmp_path, "--provers", 1, "--block-time", 0.5, "--evidence-files", 1) as network:
        network.until_verified(1, "sequencer")
        for _ in range(2):
            done = network.home.run("devnet", "inject", "bad-witness")
            assert done.returncode == 0, done.stdout + done.stderr
        told = network.home.json("devnet", "incidents")
        [newest] = told["incidents"]
        assert Path(newest["evidence"]).exists()
        dropped = told["dropped"]["prover-1"]
        assert dropped["incidents"] == dropped["reproductions"] >= 1
        [reproduction] = Path(newest["evidence"]).parent.parent.glob("reproductions/*.json")
        assert network.home.run("verify", "block", "--witness", reproduction).returncode == 1
        assert (
            "prover-1 no longer keeps 1 incident and 1 repro"
            in network.home.run("devnet", "incidents").stdout
        )
        assert network.node("prover-1")["incidents"] == dropped["incidents"] + 1


@pytest.fixture(scope="module", params=["roots", "reexecute", "stateless"])
def checking(request, tmp_path_factory):
    """Full nodes that check blocks themselves."""
    options = ("--full-nodes", 2, "--provers", 1, "--block-time", 0.5, "--verify", request.param)
    with Network(tmp_path_factory.mktemp(request.param), *options) as running:
        running.verify = request.param
        running.until_verified(1)
        yield running


@pytest.mark.parametrize("kind", ["equivocation", "bad-diff", "bad-receipt", "bad-root"])
def test_full_nodes_that_check_blocks_themselves_notice_and_mend(checking, kind):
    pids = [checking.node(name)["pid"] for name in FULL_NODES]
    done = checking.home.run("devnet", "inject", kind, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["detected"]
    checking.until_verified(outcome["block"] + 3)
    for name in FULL_NODES:
        compared = checking.home.run(
            "inspect-diff", str(outcome["block"] + 3), "--node", name, "--against", "sequencer"
        )
        assert compared.returncode == 0, compared.stdout
    if checking.verify == "reexecute":
        assert any(incident["role"] == "full_node" for incident in outcome["incidents"])
        assert pids == [checking.node(name)["pid"] for name in FULL_NODES], "they apply nothing of it"
    assert {checking.node(name)["state"] for name in FULL_NODES} == {"running"}


def test_what_cannot_be_noticed_is_not_played(tmp_path):
    with Network(tmp_path) as alone:
        done = alone.home.run("devnet", "inject", "bad-diff")
        assert done.returncode != 0
        assert "megaeth devnet add full-node" in done.stderr
