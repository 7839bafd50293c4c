"""State files on a network: loaded through any node, followed by all, verified by a prover; and on the command line."""

import gzip
import json
import signal
import subprocess

import pytest

from devnet._engine import keccak256
from devnet.config import VerifyMode
from tests.support import wallet
from tests.support.cluster import Cluster
from tests.support.home import Home
from tests.support.network import Asked
from tests.support.waiting import eventually

COUNTER = "0x5f54600101805f555f52600160205fa100"


def somebody(name):
    return "0x" + keccak256(name.encode())[12:].hex()


def account(nonce=1, balance=5, code="0x", **storage):
    return {"nonce": nonce, "balance": hex(balance), "code": code, "storage": storage}


def document(accounts):
    return json.dumps({"accounts": accounts}).encode()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster")
    with Cluster(path, blocks__block_time_s=0.5, network__provers=1, network__quorum=1) as running:
        sequencer = running.sequencer()
        for mode in VerifyMode:
            running.full_node(f"full-node-{mode}", [sequencer], network__verify=mode)
        running.prover("prover-1", list(running.nodes.values()))
        yield running


def verified(node):
    return node.health()[1].get("verified_height") or 0


def test_every_node_follows_a_file_that_any_node_is_given(cluster):
    nodes = [node for node in cluster.nodes.values() if node.role != "prover"]
    for node in nodes:
        counter = somebody(f"{node.name} counter")
        accounts = {somebody(f"{node.name} {number}"): account(1, number) for number in range(1_500)}
        accounts[counter] = account(1, 0, COUNTER, **{"0x0": "0x29"})
        accounts[somebody(f"{node.name} store")] = account(0, 1, **{hex(slot): "0x1" for slot in range(700)})
        told = node.rpc("mega_loadState", f"0x{gzip.compress(document(accounts)).hex()}")
        # Small ones, where others are to check them.
        assert (told["written"], told["transactions"]) == (1_502, 3)
        last = somebody(f"{node.name} 1499")
        eventually(
            lambda node=node, last=last: int(node.rpc("eth_getBalance", last, "latest"), 16) == 1_499,
            "the node that was asked to show it",
        )
        assert wallet.send(node, 0, to=counter)["status"] == "0x1"
        eventually(
            lambda node=node, counter=counter: (
                node.rpc("eth_getStorageAt", counter, "0x0", "latest") == f"0x{42:064x}"
            ),
            "the node to show the transaction",
        )
    newest = nodes[0].height() + 1
    for node in cluster.nodes.values():
        eventually(
            lambda node=node: verified(node) >= newest, f"{node.name} to know that block {newest} is verified"
        )
    assert len({node.rpc("eth_getBlockByNumber", hex(newest), False)["hash"] for node in nodes}) == 1
    # Each dumps what it has itself.
    found = [gzip.decompress(bytes.fromhex(node.rpc("anvil_dumpState")[2:])) for node in nodes]
    accounts = [json.loads(one)["accounts"] for one in found]
    for node in nodes:
        wanted = accounts[0][somebody(f"{node.name} 7")]
        assert [one[somebody(f"{node.name} 7")] for one in accounts] == [wanted] * len(nodes)
    for node in cluster.nodes.values():
        assert "refused" not in node.log(), node.log()


def test_the_command_line_keeps_a_state_and_takes_it_over(tmp_path):
    kept, counter = somebody("kept"), somebody("counter")
    with Home(tmp_path) as home:
        home.up("--ephemeral", "--dump-state", "at-stop.json")
        node = Asked(home.node("sequencer")["endpoints"]["http"])
        node.rpc("anvil_setBalance", kept, "0x7b")
        node.rpc("anvil_setCode", counter, COUNTER)
        for name in ("state.json", "state.json.gz", "state.zst"):
            assert home.json("state", "dump", name)["bytes"] == (tmp_path / name).stat().st_size
            assert home.run("state", "dump", name).returncode == 1
            assert home.run("state", "dump", name, "--force").returncode == 0
        assert home.json("state", "dump", "other", "--format", "megaeth")["format"] == "megaeth"
        assert home.run("state", "dump", "other", "--format", "yaml").returncode == 2
        assert home.run("devnet", "down").returncode == 0
    assert json.loads((tmp_path / "state.json").read_text())["accounts"][kept]["balance"] == "0x7b"
    for name in ("state.json", "state.json.gz", "state.zst", "at-stop.json"):
        with Home(tmp_path) as home:
            home.up("--ephemeral")
            node = Asked(home.node("sequencer")["endpoints"]["http"])
            told = home.json("state", "load", name)
            assert told["written"] >= 2
            assert node.rpc("eth_getBalance", kept, "latest") == "0x7b"
            assert node.rpc("eth_getCode", counter, "latest") == COUNTER
            made = home.json("inspect-diff")["interventions"]
            assert "setAccounts" in {one["name"] for one in made}
    (tmp_path / "cut.json").write_bytes((tmp_path / "state.json").read_bytes()[:1000])
    with Home(tmp_path) as home:
        refused = home.run("devnet", "up", "--ephemeral", "--detach", "--port", 0, "--load-state", "cut.json")
        assert refused.returncode == 3
        assert "cut.json is no state file" in refused.stderr
        assert "EOF while parsing" in refused.stderr


def test_a_devnet_goes_on_with_the_state_of_the_one_before(tmp_path):
    with Home(tmp_path) as home:
        for wei in ("0x1", "0x2"):
            home.up("--ephemeral", "--state", "state.zst")
            node = Asked(home.node("sequencer")["endpoints"]["http"])
            assert node.rpc("eth_getBalance", somebody("kept"), "latest") == hex(int(wei, 16) - 1)
            node.rpc("anvil_setBalance", somebody("kept"), wei)
            assert home.run("devnet", "down").returncode == 0
        refused = home.run("devnet", "up", "--state", "state.zst", "--no-interventions", "--port", 0)
        assert refused.returncode == 3
        assert "cannot begin with a state file" in refused.stderr


def test_a_state_is_saved_again_and_again(tmp_path):
    saved = tmp_path / "state.json"
    with Home(tmp_path) as home:
        refused = home.run("devnet", "up", "--state-interval", 1, "--port", 0)
        assert "there is no state file to write" in refused.stderr
        home.up("--ephemeral", "--dump-state", saved, "--state-interval", 1)
        node = Asked(home.node("sequencer")["endpoints"]["http"])
        for wei in ("0x7b", "0x7c"):
            node.rpc("anvil_setBalance", somebody("kept"), wei)

            def is_saved(wei=wei):
                if not saved.exists():
                    return False
                accounts = json.loads(saved.read_text())["accounts"]
                return accounts.get(somebody("kept"), {}).get("balance") == wei

            eventually(is_saved, "what is in the file")


def test_a_chain_that_goes_on_says_that_the_file_is_not_loaded(tmp_path):
    (tmp_path / "state.json").write_bytes(document({somebody("kept"): account(1, 5)}))
    with Home(tmp_path) as home:
        for told in (False, True):
            done = home.run("devnet", "up", "--detach", "--port", 0, "--load-state", "state.json")
            assert done.returncode == 0
            assert ("state.json is not loaded" in done.stderr) is told
            node = Asked(home.node("sequencer")["endpoints"]["http"])
            assert node.rpc("eth_getBalance", somebody("kept"), "latest") == ("0x9" if told else "0x5")
            node.rpc("anvil_setBalance", somebody("kept"), "0x9")
            assert home.run("devnet", "down").returncode == 0


def ctrl_c(home, process):
    process.send_signal(signal.SIGINT)


def sigterm(home, process):
    process.send_signal(signal.SIGTERM)


def down(home, process):
    assert home.run("devnet", "down").returncode == 0


def started(home, *options):
    """In the foreground, and ready."""
    process = home.foreground("--ephemeral", *options)
    for line in process.stdout:
        if line.startswith("data "):
            return process
    raise AssertionError(process.stderr.read())


def test_a_state_is_saved_however_a_devnet_is_stopped(tmp_path):
    with Home(tmp_path) as home:
        for wei, stop in enumerate((ctrl_c, down, sigterm), 1):
            process = started(home, "--state", "state.json")
            node = Asked(home.node("sequencer")["endpoints"]["http"])
            assert node.rpc("eth_getBalance", somebody("kept"), "latest") == hex(wei - 1)
            node.rpc("anvil_setBalance", somebody("kept"), hex(wei))
            stop(home, process)
            process.communicate(timeout=30)
            assert process.returncode == 0
    assert json.loads((tmp_path / "state.json").read_text())["accounts"][somebody("kept")]["balance"] == "0x3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "state.json"]


@pytest.fixture
def small_disk(tmp_path):
    """A directory with room for little."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_leaves_the_old_file_and_whoever_stops_the_devnet_is_told(tmp_path, small_disk):
    file = small_disk / "state.json"
    file.write_bytes(document({somebody("kept"): account(1, 5)}))
    before = file.read_bytes()
    with Home(tmp_path) as home:
        process = started(home, "--state", file)
        node = Asked(home.node("sequencer")["endpoints"]["http"])
        node.rpc("anvil_setCode", somebody("large"), "0x" + "5f" * 200_000)
        told = home.run("devnet", "down")
        _, errors = process.communicate(timeout=30)
    assert (told.returncode, process.returncode) == (5, 5)
    for text in (told.stderr, errors):
        assert f"cannot save the state to {file}" in text
        assert "No space left on device" in text
    assert file.read_bytes() == before
    assert list(small_disk.iterdir()) == [file]


def test_a_state_that_cannot_be_saved_is_told(tmp_path):
    with Home(tmp_path) as home:
        process = started(home, "--dump-state", tmp_path / "absent" / "state.json")
        process.terminate()
        _, errors = process.communicate(timeout=30)
        assert "cannot save the state to" in errors
