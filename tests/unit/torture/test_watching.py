"""What the chain's torture looks at: whatever a node does wrong is found."""

from types import SimpleNamespace

import pytest

from tests.torture.chain.audit import Audit
from tests.torture.chain.script import Script
from tests.torture.chain.tally import Tally
from tests.torture.chain.watch import Watch, look_into_logs


class Told:
    """A node as the watch sees it."""

    def __init__(self, name="full-node-roots", ended=None, log="", incidents=(), **health):
        self.name, self.role = name, "prover" if name.startswith("prover") else "full_node"
        self.process = SimpleNamespace(poll=lambda: ended)
        self._log, self._incidents = log, list(incidents)
        self._health = {"height": 9, "verified_height": 8, "incidents": len(self._incidents), **health}

    def health(self):
        return 200, self._health

    def log(self):
        return self._log

    def rpc(self, method, token, since):
        return {"incidents": self._incidents}


def incident(kind):
    return {"kind": kind, "block": 5, "what": "it is wrong", "evidence": "file"}


def watched(*nodes):
    tally = Tally(Script.names())
    network = SimpleNamespace(nodes={node.name: node for node in nodes})
    watch = Watch(network, tally)
    watch.look()
    look_into_logs(network, tally)
    return watch, tally.faults


def test_nodes_that_are_well_give_no_fault():
    watch, faults = watched(Told("sequencer", height=12), Told(verified_height=7), Told("prover-1"))
    assert faults == []
    assert (watch.verified, watch.behind) == (7, 5)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Told(ended=1, log="no such file"), "has ended with 1"),
        (Told(incidents=[incident("state root")]), "state root, block 5"),
        (Told("prover-1", incidents=[incident("witness")]), "witness, block 5"),
        (Told(refused="block 7"), "has refused block 7"),
        (Told(log="2026 ERROR   devnet: FAULT: it is wrong"), "FAULT"),
        (Told(log="Traceback (most recent call last):"), "Traceback"),
    ],
)
def test_what_a_node_complains_of_is_a_fault(node, said):
    _, faults = watched(node)
    assert any(said in fault for fault in faults)


def test_late_proofs_are_counted_and_no_fault():
    node = Told(incidents=[incident("late proof")] * 2, log="ERROR late proof, block 5")
    watch, faults = watched(node)
    assert faults == []
    assert watch.late_proofs == 2


# --- afterwards ---


class Answering:
    """A node as the audit sees it."""

    def __init__(self, name, receipts):
        self.name, self._receipts = name, receipts

    def all(self, calls):
        return [self._receipts[params[0]] for _, params in calls]


def receipt(status="0x1", block_hash="0xaa"):
    return {"status": status, "blockHash": block_hash, "logs": [{"data": "0x", "blockHash": block_hash}]}


def audit(given):
    tally = Tally(Script.names())
    run = SimpleNamespace(receipts=given, verified=3)
    return Audit(SimpleNamespace(chain_nodes=[]), run, tally, 1), tally


def test_receipts_are_compared_with_those_that_were_given_and_between_nodes():
    given = {"0x1": receipt(block_hash="0xff")}
    same, other, unknown = {"0x1": receipt()}, {"0x1": receipt("0x0")}, {"0x1": None}
    for first, second, said in (
        (same, same, None),
        (other, other, "another one than was given"),
        (same, other, "full-node-proofs has other receipts of 1"),
        (same, unknown, "full-node-proofs has other receipts of 1"),
    ):
        audited, tally = audit(given)
        audited._compare_receipts([Answering("sequencer", first), Answering("full-node-proofs", second)])
        assert [said in fault for fault in tally.faults] == ([True] if said else [])


def test_the_first_block_in_which_a_node_differs_is_named():
    audited, tally = audit({})
    ours = [{"hash": f"0x{number}", "stateRoot": "0x0"} for number in range(4)]
    theirs = [*ours[:2], {"hash": "0x2", "stateRoot": "0x9"}, None]
    audited._compare("full-node-proofs", ours, theirs)
    [fault] = tally.faults
    assert "block 2" in fault
    assert "full-node-proofs has 0x2, state 0x9" in fault
