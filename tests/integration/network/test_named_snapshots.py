"""Snapshots on the command line: saved from a devnet that runs, begun with in another, with everything that follows."""

import json
import os

import pytest

from devnet._engine import keccak256
from megaeth_cli.chain.rpc_client import RpcError
from tests.support import wallet
from tests.support.home import Home
from tests.support.network import Asked
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import eventually

COUNTER = "0x5f54600101805f555f52600160205fa100"
"""Adds one to slot 0 and logs it."""


GAS_LIMIT = 5_000_000_000
"""Not the usual one: a chain's rules come with its snapshot."""


def somebody(name):
    return "0x" + keccak256(name.encode())[12:].hex()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A user, with a devnet that has a contract which was called once."""
    with Home(tmp_path_factory.mktemp("user")) as user:
        node = Asked(user.up("--gas-limit", GAS_LIMIT, "--block-time", 0.3))
        node.rpc("anvil_setCode", somebody("counter"), COUNTER)
        wallet.send(node, 0, to=somebody("counter"))
        yield user


@pytest.fixture(scope="module")
def node(home):
    return Asked(home.sequencer()["endpoints"]["http"])


@pytest.fixture
def elsewhere(tmp_path):
    """Another machine."""
    with Home(tmp_path / "elsewhere") as user:
        user.path.mkdir()
        yield user


def save(home, name, *options):
    done = home.run("snapshot", "save", name, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def slot(node, address, block="latest"):
    return int(node.rpc("eth_getStorageAt", address, "0x0", block), 16)


def test_has_what_could_be_seen_and_the_root_that_its_block_says(home, node):
    node.rpc("anvil_setBalance", somebody("just now"), "0x7b")
    saved = save(home, "seen")
    block = eventually(lambda: node.rpc("eth_getBlockByNumber", hex(saved["block"]), False), "the block")
    assert (saved["block_hash"], saved["state_root"]) == (block["hash"], block["stateRoot"])
    assert int(node.rpc("eth_getBalance", somebody("just now"), hex(saved["block"])), 16) == 0x7B
    verified = home.json("snapshot", "verify", "seen")
    assert verified["root_computed"] == block["stateRoot"]
    assert verified["accounts"] == saved["accounts"]
    [row] = [row for row in home.json("snapshot", "list")["snapshots"] if row["name"] == "seen"]
    assert (row["block"], row["chain_id"], row["fits"], row["problem"]) == (
        saved["block"],
        6343,
        "goes back",
        None,
    )
    assert "seen" in home.run("snapshot", "list").stdout


def test_a_damaged_file_takes_no_chain_back(home, node):
    saved = save(home, "damaged")
    path = next((home.path / "home").rglob("damaged.megasnap"))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    node.rpc("anvil_mine", 2)
    head = node.height()
    done = home.run("snapshot", "load", "damaged")
    assert (done.returncode, "is damaged" in done.stderr) == (3, True)
    assert node.height() >= head > saved["block"]


def test_what_is_no_file_is_waited_for_by_nobody(home):
    pipe = next((home.path / "home").rglob(".snapshots")) / "pipe.megasnap"
    os.mkfifo(pipe)
    try:
        listed = home.json("snapshot", "list")["snapshots"]
        assert [row["problem"] for row in listed if row["name"] == "pipe"]
        assert home.run("snapshot", "verify", "pipe").returncode == 3
    finally:
        pipe.unlink()


def test_counts_what_the_state_holds(home, node):
    saved = save(home, "counted")
    dumped = home.run("state", "dump", "counted.json", "--force")
    assert dumped.returncode == 0, dumped.stderr
    accounts = json.loads((home.path / "counted.json").read_text())["accounts"]
    assert saved["accounts"] == len(accounts)
    # Each block adds a hash to the history that the chain keeps of them, and a root to its own.
    slots = sum(len(account["storage"]) for account in accounts.values())
    assert 0 <= slots - saved["slots"] < 100


def test_a_name_is_not_taken_twice_unless_asked_for(home):
    save(home, "once")
    again = home.run("snapshot", "save", "once")
    assert again.returncode == 1
    assert "--force" in again.stderr
    save(home, "once", "--force")
    for name in ("../up", "a b", "", "x" * 101):
        refused = home.run("snapshot", "save", name)
        assert (refused.returncode, "not a name" in refused.stderr) == (2, True), name
    assert home.run("snapshot", "rm", "once").returncode == 0
    assert "no snapshot 'once'" in home.run("snapshot", "rm", "once").stderr


@pytest.mark.parametrize("options", [(), ("--with-history",)], ids=["state", "history"])
def test_another_devnet_goes_on_from_it_with_all_its_nodes(home, node, elsewhere, options):
    receipt = wallet.send(node, 1, to=somebody("counter"))
    saved = save(home, "moved", "--force", *options)
    count = slot(node, somebody("counter"), hex(saved["block"]))
    assert home.run("snapshot", "export", "moved", elsewhere.path / "moved.megasnap").returncode == 0
    assert elsewhere.run("snapshot", "import", "moved.megasnap", "--as", "mine").returncode == 0

    elsewhere.up("--snapshot", "mine", "--full-nodes", 1, "--provers", 1, "--block-time", 0.3)
    nodes = {each["name"]: each for each in elsewhere.status()["nodes"]}
    sequencer, full_node = (Asked(nodes[name]["endpoints"]["http"]) for name in ("sequencer", "full-node-1"))

    next_one = hex(saved["block"] + 1)
    after = eventually(lambda: sequencer.rpc("eth_getBlockByNumber", next_one, False), "another block")
    assert (after["parentHash"], int(after["gasLimit"], 16)) == (saved["block_hash"], GAS_LIMIT)
    called = wallet.send(sequencer, 2, to=somebody("counter"))
    assert slot(sequencer, somebody("counter")) == count + 1
    eventually(lambda: slot(full_node, somebody("counter")) == count + 1, "the full node to follow")
    earlier = ("eth_getTransactionReceipt", receipt["transactionHash"])
    if options:
        assert sequencer.rpc(*earlier) == node.rpc(*earlier)
        assert slot(full_node, somebody("counter"), "0x0") == 0
    else:
        with pytest.raises(RpcError, match="began with a snapshot"):
            sequencer.rpc("eth_getBlockByNumber", hex(saved["block"]), False)
        # With history the prover begins with the chain; without, behind the snapshot.
        block = int(called["blockNumber"], 16)
        eventually(lambda: (elsewhere.node("sequencer")["verified_height"] or 0) >= block, "verification")
    assert elsewhere.run("devnet", "down").returncode == 0

    again = elsewhere.run("devnet", "up", "-d", "--port", 0, "--snapshot", "gone", "--block-time", 0.3)
    assert again.returncode == 0, again.stderr
    assert "the chain is there already" in again.stderr
    assert slot(Asked(elsewhere.sequencer()["endpoints"]["http"]), somebody("counter")) == count + 1


def test_a_damaged_file_changes_nothing(home, elsewhere):
    save(home, "whole")
    path = home.path / "home" / ".snapshots" / "whole.megasnap"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    for name, content in (("flipped", data), ("short", data[:-100]), ("text", b"no snapshot")):
        (elsewhere.path / f"{name}.megasnap").write_bytes(content)
        refused = elsewhere.run("snapshot", "import", f"{name}.megasnap")
        assert refused.returncode == 3, refused.stderr
        assert "nothing was changed" in refused.stderr
        begun = elsewhere.run("devnet", "up", "-d", "--port", 0, "--snapshot", f"{name}.megasnap")
        assert begun.returncode != 0
        assert f"{name}.megasnap" in begun.stderr
    assert elsewhere.json("snapshot", "list") == {"snapshots": []}
    assert not (elsewhere.path / "home" / "devnet" / "data" / "nodes" / "sequencer" / "chain.json").exists()
    assert elsewhere.up()


def test_other_rules_than_the_snapshots_are_refused(home, elsewhere):
    save(home, "rules", "--force")
    file = home.path / "home" / ".snapshots" / "rules.megasnap"
    refused = elsewhere.run(
        "devnet", "up", "-d", "--port", 0, "--snapshot", file, "--gas-limit", 7_000_000_000
    )
    assert "--gas-limit is 7000000000" in refused.stderr
    assert f"that is {GAS_LIMIT}" in refused.stderr
    refused = elsewhere.run("devnet", "up", "-d", "--port", 0, "--snapshot", file, "--load-state", "x.json")
    assert "--snapshot and --load-state contradict each other" in refused.stderr


def balance(node, name):
    return int(node.rpc("eth_getBalance", somebody(name), "latest"), 16)


def test_goes_back_to_a_block_of_its_chain(home, node):
    node.rpc("anvil_setBalance", somebody("to and fro"), "0x1")
    saved = save(home, "back")
    count = slot(node, somebody("counter"))
    receipt = wallet.send(node, 3, to=somebody("counter"))
    node.rpc("anvil_setBalance", somebody("to and fro"), "0x2")
    differing = {one["address"].lower(): one for one in home.json("snapshot", "diff", "back")["accounts"]}
    assert {somebody("counter"), somebody("to and fro")} <= differing.keys()
    assert not {one["address"] for one in home.json("snapshot", "diff", "back", "back")["accounts"]}

    loaded = home.json("snapshot", "load", "back")

    assert (loaded["way"], loaded["block"]) == ("back", saved["block"])
    assert (balance(node, "to and fro"), slot(node, somebody("counter"))) == (1, count)
    assert node.rpc("eth_getTransactionReceipt", receipt["transactionHash"]) is None
    assert home.json("snapshot", "diff", "back")["accounts"] == []
    assert home.json("snapshot", "diff", "back")["after"] is None


def test_another_chain_goes_on_to_its_state_with_all_its_nodes(home, node, elsewhere):
    node.rpc("anvil_setBalance", somebody("traveller"), "0x5")
    save(home, "travelled")
    file = home.path / "home" / ".snapshots" / "travelled.megasnap"
    elsewhere.up("--full-nodes", 1, "--provers", 1, "--block-time", 0.3)
    nodes = {each["name"]: each for each in elsewhere.status()["nodes"]}
    sequencer, full_node = (Asked(nodes[name]["endpoints"]["http"]) for name in ("sequencer", "full-node-1"))
    sequencer.rpc("anvil_setStorageAt", somebody("counter"), "0x9", "0x" + f"{1:064x}")
    sequencer.rpc("anvil_setBalance", somebody("its own"), "0x9")

    loaded = elsewhere.json("snapshot", "load", file)

    assert (loaded["way"], loaded["kept"]) == ("forward", [])
    assert loaded["others"] >= 1
    for each in (sequencer, full_node):
        eventually(lambda each=each: balance(each, "traveller") == 5, "the node to follow")
        assert each.rpc("eth_getStorageAt", somebody("counter"), "0x9", "latest") == "0x" + "00" * 32
        assert slot(each, somebody("counter")) == slot(node, somebody("counter"))
        assert balance(each, "its own") == 9
    left = elsewhere.json("snapshot", "diff", file)["accounts"]
    assert not any(one["existed"] for one in left), "what the snapshot has is as it is there"
    here = save(elsewhere, "here")
    sequencer.rpc("anvil_setBalance", somebody("traveller"), "0x6")
    assert elsewhere.json("snapshot", "load", "here")["way"] == "back"
    for each in (sequencer, full_node):
        eventually(lambda each=each: balance(each, "traveller") == 5, "the node to go back")
    block = here["block"] + 2
    eventually(
        lambda: (elsewhere.node("full-node-1")["verified_height"] or 0) >= block, "the prover to verify"
    )


def test_a_file_that_is_saved_under_load_opens_with_the_root_that_its_block_says(megaeth, new_node):
    with new_node(blocks__block_time_s=0.5, accounts__count=100) as busy, SteadyLoad(busy, 800) as load:
        eventually(lambda: load.sent > 800, "some load")
        for name in ("first", "second"):
            saved = megaeth("snapshot", "save", name, "--rpc-url", busy.url, "--json")
            assert saved.code == 0, saved.err
            told = json.loads(saved.out)
            block = busy.rpc("eth_getBlockByNumber", hex(told["block"]), False)
            assert (block["hash"], block["stateRoot"]) == (told["block_hash"], told["state_root"])
    compared = json.loads(megaeth("snapshot", "diff", "first", "second", "--json").out)
    assert len(compared["accounts"]) > 100
