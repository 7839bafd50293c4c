"""The torture of processes, disks and files, without a network: what is done, where it strikes, what the judge sees."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from devnet.storage import Store
from tests.support.witnesses import Told
from tests.torture.crash.clients import RECIPIENT, SLOTS
from tests.torture.crash.damage import NoSuchFile, cut, flip, flip_row
from tests.torture.crash.deeds import DEEDS, FAMILIES
from tests.torture.crash.judge import Judge, _newest
from tests.torture.crash.network import Victim
from tests.torture.crash.plan import AFTER, BEFORE, TORN, Plan
from tests.torture.crash.report import FAULTY, GOOD, UNKNOWN, Report, plain
from tests.torture.crash.run import deal

ROOT = Path(__file__).parents[3]
WRITES = """
import sys
from pathlib import Path
from devnet.storage import Store
from tests.torture.crash.doomed import arm
from tests.torture.crash.plan import Plan
from tests.unit.storage.chain import IDENTITY, sealed_mini

arm(Plan.decode(sys.argv[1]))
with Store.open(Path(sys.argv[2])) as store:
    store.create(IDENTITY, b"{}")
    for number in range(3):
        store.append([sealed_mini(number, {b"k" * 20: b"v" * 100})])
        print(number, flush=True)
"""


# --- what is done ---


def test_a_seed_always_does_the_same():
    assert list(deal(7, 150, [])) == list(deal(7, 150, []))
    assert list(deal(7, 150, [])) != list(deal(8, 150, []))


def test_two_hundred_rounds_do_everything():
    dealt = list(deal(1, 200, []))
    assert len(dealt) == 200
    assert set(dealt) == set(DEEDS)


def test_twenty_rounds_do_something_of_each_family():
    for seed in range(20):
        done = {FAMILIES[name] for name in deal(seed, 20, [])}
        assert {"kills", "points", "damage"} <= done
        assert done & {"disks", "limits"}


def test_some_can_be_chosen():
    assert set(deal(1, 50, ["MANIFEST"])) == {name for name in DEEDS if "MANIFEST" in name}
    assert set(deal(1, 50, ["clock"])) == {name for name in DEEDS if "clock" in name}


# --- where it strikes ---


@pytest.mark.parametrize(
    ("when", "code", "shown", "there"),
    [
        (BEFORE, -signal.SIGKILL, "0", 0),
        (TORN, -signal.SIGXFSZ, "0", 0),
        (AFTER, -signal.SIGKILL, "0", 1),
    ],
)
def test_a_process_dies_at_its_point(tmp_path, when, code, shown, there):
    plan = Plan("append", when, 2, spare=20)
    command = [sys.executable, "-c", WRITES, plan.encode(), str(tmp_path / "node")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (code, [shown]), done.stderr
    with Store.open(tmp_path / "node") as store:
        assert store.tip.mini == there


def test_a_bit_flips(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    flip(path, random.Random(1))
    assert sum(byte.bit_count() for byte in path.read_bytes()) == 1


def test_an_end_is_missing(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    cut(path, random.Random(1))
    left = path.read_bytes()
    assert len(left) < 100
    assert left == bytes(range(len(left)))


def test_a_row_is_found_by_its_account(tmp_path):
    (tmp_path / "chain").mkdir()
    with pytest.raises(NoSuchFile):
        flip_row(tmp_path, random.Random(1))
    table = tmp_path / "chain" / "1.ldb"
    table.write_bytes(bytes(1000) + RECIPIENT + bytes(1000))
    flip_row(tmp_path, random.Random(1))
    content = table.read_bytes()
    assert content[:1000] + content[1100:] == bytes(1920)
    assert RECIPIENT in content
    assert content.count(0) == 2000 - 1


# --- how a process ended ---


@pytest.fixture
def ended(tmp_path):
    def ended(code, log):
        node = Victim(tmp_path)
        node.log_file.write_text(log)
        node.process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
        return node.ending()

    return ended


def test_a_refusal_is_clear_when_it_says_what_and_why(ended):
    said = json.dumps({"error": {"what": "the database is damaged", "why": "CURRENT is missing"}})
    ending = ended(3, f"some line\n{said}\n")
    assert ending.is_clear
    assert ending.words == "the database is damaged: CURRENT is missing"


@pytest.mark.parametrize(
    ("code", "log"),
    [
        (1, "critical: it failed\n"),
        (3, "no sentence\n"),
        (3, 'Traceback (most recent call last):\n{"error": {"what": "it", "why": "because"}}\n'),
        (0, "Traceback (most recent call last):\n"),
    ],
)
def test_no_other_end_is_clear(ended, code, log):
    ending = ended(code, log)
    assert not ending.is_clear
    report = Report(1)
    report.ended(ending)
    assert report.exit_code() == FAULTY


def test_a_report_ends_well_only_if_something_was_checked():
    report = Report(1)
    assert report.exit_code() == UNKNOWN
    report.counts["receipts checked"] = 1
    assert report.exit_code() == GOOD
    report.lose("full-node-1", "0x01", "is gone")
    assert report.exit_code() == FAULTY
    assert report.text().endswith("receipts checked 1, lost 1, faults 1")


def test_words_are_counted_without_what_differs():
    assert plain("block 7 in /tmp/x/data is 0xab") == plain("block 8 in /home/y is 0xcd12")


# --- what the judge sees ---

PAYERS, WRITER = ["0x01", "0x02", "0x03"], "0x04"
NODE = SimpleNamespace(name="full-node-1")


def receipt(tx_hash, **changes):
    names = ("blockNumber", "transactionIndex", "status", "gasUsed", "mega")
    return {"transactionHash": tx_hash, **dict.fromkeys(names, "0x1"), "logs": [], **changes}


def block(number, **changes):
    fields = {"number": number, "parentHash": f"hash {number - 1}", "timestamp": hex(number)}
    return {
        "hash": f"hash {number}",
        "stateRoot": f"root {number}",
        **fields,
        "number": hex(number),
        **changes,
    }


@pytest.fixture
def asked(monkeypatch):
    """A judge of a node that answers with `answers`: by method, then by the first parameter."""
    told, report, answers = Told(), Report(1), {}
    clients = SimpleNamespace(payers=PAYERS, writer=WRITER)
    judge = Judge(report, told, clients, "0x05", random.Random(1))

    def ask(node, method, wanted):
        keys = [
            one[1] if method == "eth_getStorageAt" else one[0] if isinstance(one, tuple) else one
            for one in wanted
        ]
        return [answers[method].get(key) for key in keys]

    monkeypatch.setattr(judge, "_ask", ask)
    return SimpleNamespace(judge=judge, told=told, report=report, answers=answers)


def test_a_receipt_that_is_gone_is_lost(asked):
    asked.told.receipt(receipt("0xaa"))
    asked.told.receipt(receipt("0xbb"))
    asked.answers["eth_getTransactionReceipt"] = {"0xaa": receipt("0xaa")}
    asked.judge.receipts(NODE, 1)
    assert asked.report.lost == ["0xbb"]
    assert asked.report.counts["receipts checked"] == 2


def test_a_receipt_that_is_another_one_is_lost(asked):
    asked.told.receipt(receipt("0xaa"))
    asked.answers["eth_getTransactionReceipt"] = {"0xaa": receipt("0xaa", gasUsed="0x2")}
    asked.judge.receipts(NODE, 1)
    assert asked.report.lost == ["0xaa"]


def test_a_receipt_of_a_block_that_the_node_need_not_have_is_not_asked_for(asked):
    asked.told.receipt(receipt("0xaa", blockNumber="0x2"))
    asked.judge.receipts(NODE, 1)
    assert asked.report.counts["receipts checked"] == 0


def test_receipts_of_earlier_rounds_are_asked_for_again(asked):
    asked.told.receipt(receipt("0xaa"))
    asked.answers["eth_getTransactionReceipt"] = {"0xaa": receipt("0xaa")}
    asked.judge.receipts(NODE, 1)
    asked.answers["eth_getTransactionReceipt"] = {}
    asked.judge.receipts(NODE, 1)
    assert asked.report.lost == ["0xaa"]


def test_good_blocks_are_no_fault(asked):
    asked.answers["eth_getBlockByNumber"] = {hex(number): block(number) for number in range(5)}
    asked.judge.blocks(NODE, 4)
    asked.judge.blocks(NODE, 4, every=True)
    assert asked.report.faults == []


@pytest.mark.parametrize(
    "changes", [{"hash": "another"}, {"stateRoot": "another"}], ids=["another hash", "another root"]
)
def test_a_block_that_was_another_one_is_a_fault(asked, changes):
    asked.answers["eth_getBlockByNumber"] = {hex(number): block(number) for number in range(5)}
    asked.judge.blocks(NODE, 4)
    asked.answers["eth_getBlockByNumber"]["0x3"] = block(3, **changes)
    asked.judge.blocks(NODE, 4, every=True)
    assert len(asked.report.faults) == 1


@pytest.mark.parametrize("changes", [{"parentHash": "another"}, {"timestamp": "0x0"}], ids=["parent", "time"])
def test_a_block_that_does_not_follow_is_a_fault(asked, changes):
    asked.answers["eth_getBlockByNumber"] = {hex(number): block(number) for number in range(5)}
    asked.answers["eth_getBlockByNumber"]["0x4"] = block(4, **changes)
    asked.judge.blocks(NODE, 4)
    assert len(asked.report.faults) == 1


@pytest.fixture
def state(asked):
    """After payers' nonces 1, 2, 3 and the writer's 70."""
    asked.answers |= {
        "eth_getBlockByNumber": {"0x9": block(9)},
        "eth_getTransactionCount": {"0x01": "0x1", "0x02": "0x2", "0x03": "0x3", WRITER: hex(70)},
        "eth_getBalance": {**dict.fromkeys([*PAYERS, WRITER], "0x64"), "0x" + RECIPIENT.hex(): "0x6"},
        "eth_getStorageAt": {hex(slot): hex(_newest(slot, 70)) for slot in range(SLOTS)},
    }
    return asked


def test_a_state_that_follows_from_what_was_sent_is_no_fault(state):
    state.judge.state(NODE, 9, state.judge.facts(NODE, 9))
    assert state.report.faults == []
    assert [_newest(slot, 70) for slot in (0, 5, 6, 63)] == [64, 69, 6, 63]
    assert [_newest(slot, 2) for slot in (0, 1, 2)] == [0, 1, 0]


def test_a_state_that_is_not_the_witness_s_is_a_fault(state):
    witness = {**state.judge.facts(NODE, 9), "balances": []}
    state.judge.state(NODE, 9, witness)
    assert len(state.report.faults) == 1


@pytest.mark.parametrize(
    ("method", "key"), [("eth_getBalance", "0x" + RECIPIENT.hex()), ("eth_getStorageAt", "0x5")]
)
def test_a_state_that_does_not_follow_is_a_fault_though_both_agree(state, method, key):
    state.answers[method][key] = "0x7"
    state.judge.state(NODE, 9, state.judge.facts(NODE, 9))
    assert len(state.report.faults) == 1


def test_what_a_node_complains_of_is_a_fault_once_and_late_proofs_are_none(asked):
    told = [
        {"kind": "late proof", "block": 3, "what": "late"},
        {"kind": "contradiction", "block": 4, "what": "no"},
    ]
    node = SimpleNamespace(name="prover-1", rpc=lambda *_: {"incidents": told})
    asked.judge.incidents(node)
    asked.judge.incidents(node)
    assert [fault.partition("prover-1")[2] for fault in asked.report.faults] == [
        ": contradiction, block 4: no"
    ]
