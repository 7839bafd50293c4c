"""A chain's accounts as files: from anvil and back, from one chain to another, whole or not at all."""

import contextlib
import gzip
import json
import signal
import socket
import subprocess

import pytest
import zstandard

from devnet._engine import keccak256
from tests.support import npm, wallet
from tests.support.node import Node, RpcFailure
from tests.support.raw_http import RawHttp
from tests.support.waiting import eventually

COUNTER = "0x5f54600101805f555f52600160205fa100"
"""Adds one to slot 0 and logs it."""
HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"
"""Keeps the hashes of this chain's blocks."""
REGISTRY = "0x6342000000000000000000000000000000000006"


def somebody(name):
    return "0x" + keccak256(name.encode())[12:].hex()


def word(number):
    return f"0x{number:064x}"


def account(nonce=1, balance=5, code="0x", **storage):
    return {"nonce": nonce, "balance": hex(balance), "code": code, "storage": storage}


def document(accounts):
    return json.dumps({"block": None, "accounts": accounts, "best_block_number": None}).encode()


def given(data):
    return f"0x{data.hex()}"


def dumped(node, method="anvil_dumpState"):
    return json.loads(gzip.decompress(bytes.fromhex(node.rpc(method)[2:])))


def of(node, address):
    """An account as a file would have it, but for its storage."""
    return account(
        int(node.rpc("eth_getTransactionCount", address, "latest"), 16),
        int(node.rpc("eth_getBalance", address, "latest"), 16),
        node.rpc("eth_getCode", address, "latest"),
    )


class Anvil:
    """The real one."""

    def __init__(self, directory, *flags):
        package = npm.installed("test-anvil", npm.ANVIL) / "node_modules" / npm.ANVIL_PACKAGE
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [str(package / "bin" / "anvil"), "--port", str(self.port), *map(str, flags)]
        self.process = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        def answers():
            assert self.process.poll() is None, "anvil ended"
            with contextlib.suppress(OSError):
                return self.rpc("eth_chainId")

        eventually(answers, "anvil to answer")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def rpc(self, method, *params):
        with RawHttp(self.port, timeout=30) as http:
            response = http.call(method, *params)
        if "error" in response:
            raise RpcFailure(response["error"])
        return response["result"]


def fill(node):
    """Accounts of each kind, by the names that both know."""
    rich, counter, store = somebody("rich"), somebody("counter"), somebody("store")
    node.rpc("anvil_setBalance", rich, hex(10**30))
    node.rpc("anvil_setNonce", rich, "0x7")
    node.rpc("anvil_setCode", counter, COUNTER)
    node.rpc("anvil_setStorageAt", counter, "0x0", word(41))
    node.rpc("anvil_setCode", store, "0x00")
    for slot in range(20):
        node.rpc("anvil_setStorageAt", store, hex(slot * 2**200), word(2**255 + slot))
    return rich, counter, store


def assert_filled(node):
    rich, counter, store = somebody("rich"), somebody("counter"), somebody("store")
    assert of(node, rich) == account(7, 10**30)
    assert of(node, counter)["code"] == COUNTER
    assert node.rpc("eth_getStorageAt", counter, "0x0", "latest") == word(41)
    for slot in range(20):
        assert node.rpc("eth_getStorageAt", store, hex(slot * 2**200), "latest") == word(2**255 + slot)


def test_accounts_go_from_anvil_to_the_devnet_and_back(new_node, tmp_path):
    with Anvil(tmp_path) as anvil:
        fill(anvil)
        state = anvil.rpc("anvil_dumpState")
    with new_node() as node:
        assert node.rpc("anvil_loadState", state) is True
        assert_filled(node)
        # Anvil's own block hashes are not this chain's.
        assert HISTORY in dumped(node)["accounts"]
        assert wallet.send(node, 0, to=somebody("counter"))["status"] == "0x1"
        back = node.rpc("hardhat_dumpState")
    with Anvil(tmp_path) as anvil:
        assert anvil.rpc("anvil_loadState", back) is True
        counter = somebody("counter")
        assert anvil.rpc("eth_getStorageAt", counter, "0x0", "latest") == word(42)
        assert of(anvil, somebody("rich")) == account(7, 10**30)
        sent = {"from": wallet.address(1), "to": counter, "gas": "0x30000"}
        digest = anvil.rpc("eth_sendTransaction", sent)
        receipt = eventually(lambda: anvil.rpc("eth_getTransactionReceipt", digest), "the receipt")
        assert (receipt["status"], len(receipt["logs"])) == ("0x1", 1)


def test_files_go_from_anvil_to_the_devnet_and_back(new_node, tmp_path):
    theirs, ours = tmp_path / "theirs.json", tmp_path / "ours.json"
    with Anvil(tmp_path, "--dump-state", theirs) as anvil:
        fill(anvil)
    with new_node(storage__load_state=str(theirs), storage__dump_state=str(ours)) as node:
        assert_filled(node)
        assert node.stop() == 0
    with Anvil(tmp_path, "--load-state", ours) as anvil:
        assert_filled(anvil)


@pytest.mark.parametrize("method", ["anvil_loadState", "hardhat_loadState", "mega_loadState"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_load_merges_and_is_there_when_it_returns(node, method, pack):
    old, other, new = (somebody(f"{method} {pack.__name__} {name}") for name in ("old", "other", "new"))
    for one in (old, other):
        node.rpc("anvil_setCode", one, "0x00")
        node.rpc("anvil_setStorageAt", one, "0x1", word(1))
        node.rpc("anvil_setStorageAt", one, "0x2", word(2))
    before = of(node, other)
    wanted = {old: account(9, 8, "0x6001", **{"0x2": "0x0", "0x3": "0x3"}), new: account(2, 2**200)}
    answer = node.rpc(method, given(pack(document(wanted))))
    if method == "mega_loadState":
        assert answer == {"accounts": 2, "slots": 2, "written": 2, "transactions": 1, "kept": []}
    else:
        assert answer is True
    assert of(node, old) == account(9, 8, "0x6001")
    assert [node.rpc("eth_getStorageAt", old, hex(slot), "latest") for slot in (1, 2, 3)] == [
        word(1),
        word(0),
        word(3),
    ]
    assert (of(node, other), of(node, new)) == (before, account(2, 2**200))


def test_thousands_of_accounts_and_slots_take_one_transaction(node):
    accounts = {somebody(f"many {number}"): account(number + 1, number) for number in range(3_000)}
    large = somebody("large")
    accounts[large] = account(1, 0, "0x00", **{hex(slot): hex(slot + 1) for slot in range(2_500)})
    told = node.rpc("mega_loadState", given(gzip.compress(document(accounts))))
    assert (told["accounts"], told["slots"], told["written"]) == (3_001, 2_500, 3_001)
    assert told["transactions"] == 1
    for number in (0, 999, 1_000, 2_999):
        assert of(node, somebody(f"many {number}")) == account(number + 1, number)
    for slot in (0, 999, 2_499):
        assert node.rpc("eth_getStorageAt", large, hex(slot), "latest") == word(slot + 1)
    # What is there already is not written again.
    again = node.rpc("mega_loadState", given(gzip.compress(document(accounts))))
    assert (again["written"], again["transactions"]) == (0, 0)
    found = dumped(node)["accounts"]
    assert {address: found[address] for address in list(accounts)[:-1]} == dict(list(accounts.items())[:-1])
    assert len(found[large]["storage"]) == 2_500


def test_a_load_is_divided_by_what_a_blocks_gas_pays_for(new_node):
    code = "0x" + "5b" * 20_000
    accounts = {somebody(f"{number}"): account(1, number, code + f"{number:02x}") for number in range(20)}
    with new_node(chain__gas_limit=100_000_000) as node:
        told = node.rpc("mega_loadState", given(gzip.compress(document(accounts))))
        assert told["written"] == 20
        assert told["transactions"] == 3
        for address, wanted in accounts.items():
            assert of(node, address) == wanted


def test_the_chain_keeps_what_it_needs_and_says_so(node):
    wanted = {REGISTRY: account(3, 3), HISTORY: account(0, 0, "0x00"), somebody("more"): account()}
    told = node.rpc("mega_loadState", given(document(wanted)))
    assert sorted(one.lower() for one in told["kept"]) == sorted([REGISTRY, HISTORY])
    assert told["written"] == 1
    assert of(node, somebody("more")) == account()


def test_a_dump_in_our_form_makes_another_chain_the_same(new_node):
    with new_node() as node:
        fill(node)
        wallet.send(node, 0, to=wallet.address(5), value="0x1")
        state, accounts = node.rpc("mega_dumpState"), dumped(node)["accounts"]
    head = zstandard.ZstdDecompressor().stream_reader(bytes.fromhex(state[2:])).read(1000)
    manifest = json.loads(head.split(b"\n")[1])
    assert (manifest["chainId"], manifest["spec"]) == (6343, "rex6")
    assert len(manifest["stateRoot"]) == 66
    with new_node() as node:
        told = node.rpc("mega_loadState", state)
        assert told["accounts"] == len(accounts)
        assert told["written"] < 20, "its genesis was the same"
        assert_filled(node)
        found = dumped(node)["accounts"]
    # What each chain keeps for itself, and the fees of the load, aside.
    assert set(accounts) <= set(found)
    same = {address for address in accounts if found[address] == accounts[address]}
    assert len(accounts) - len(same) < 8


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("0x1234", "no state file: expected value at line 1 column 1"),
        ("0x", "no state file: EOF while parsing"),
        ("garbage", "0x and an even number of digits"),
        ("0x123", "an even number"),
        (7, "must be a file in hexadecimal"),
        (given(gzip.compress(document({}), mtime=0)[:-4]), "the gzip data ends too early"),
        (given(document({"0x12": {}})), '"0x12" is no address at line 1'),
        (given(document({"0x" + "11" * 20: {"balance": "much"}})), '"much" is no number'),
        (given(document({"0x" + "11" * 20: {"code": "0xef01"}})), "its code is none"),
    ],
)
def test_a_file_that_is_no_use_changes_nothing_and_is_told_why(node, state, why):
    height = node.rpc("mega_getMiniBlock", "latest")["transactions"]
    with pytest.raises(RpcFailure) as refused:
        node.rpc("anvil_loadState", state)
    assert refused.value.code == -32602
    assert why in refused.value.message
    assert node.rpc("mega_getMiniBlock", "latest")["transactions"] == height == []


def test_one_bad_account_among_good_ones_changes_nothing(node):
    good, bad = somebody("good"), somebody("bad")
    with pytest.raises(RpcFailure, match="no number of at most 256 bits"):
        node.rpc("anvil_loadState", given(document({good: account(), bad: {"nonce": "x"}})))
    assert of(node, good) == account(0, 0)


def test_an_answer_that_is_too_large_is_refused_and_the_command_says_what_to_do(new_node, megaeth):
    with new_node(rpc__max_answer_bytes=4096) as node:
        for method in ("anvil_dumpState", "mega_dumpState"):
            with pytest.raises(RpcFailure, match="--max-answer-bytes") as refused:
                node.rpc(method)
            assert refused.value.code == -32005
        for name in ("state.json", "state.zst"):
            told = megaeth("state", "dump", name, "--rpc-url", node.url)
            assert told.code == 6
            assert "up again with a larger --max-answer-bytes; or with --dump-state FILE" in told.err


def test_a_chain_without_interventions_dumps_and_does_not_load(new_node):
    with new_node(chain__interventions=False) as node:
        assert wallet.address(0).lower() in dumped(node)["accounts"]
        with pytest.raises(RpcFailure, match="knows no interventions"):
            node.rpc("anvil_loadState", given(document({somebody("nobody"): account()})))


@pytest.mark.parametrize("settings", [{"blocks__automine": True}, {"blocks__mining": False}], ids=str)
def test_files_are_loaded_however_blocks_are_made(new_node, settings):
    with new_node(**settings) as node:
        accounts = {somebody(f"any {number}"): account(1, number) for number in range(2_500)}
        assert node.rpc("anvil_loadState", given(document(accounts))) is True
        assert of(node, somebody("any 2499")) == account(1, 2_499)


# --- at the start and the stop ---


def test_a_chain_ends_in_the_file_that_the_next_one_begins_with(tmp_path):
    state = tmp_path / "state.json"
    for name, wei in (("first", 1), ("second", 2)):
        # Each has data of its own, as an ephemeral devnet.
        with Node(tmp_path / name, storage__state=str(state)) as node:
            assert int(node.rpc("eth_getBalance", somebody("kept"), "latest"), 16) == wei - 1
            node.rpc("anvil_setBalance", somebody("kept"), hex(wei))
            assert node.stop() == 0
    assert json.loads(state.read_text())["accounts"][somebody("kept")]["balance"] == "0x2"


def test_a_chain_that_goes_on_is_not_taken_back(new_node, tmp_path):
    state = tmp_path / "state.json.gz"
    state.write_bytes(gzip.compress(document({somebody("kept"): account(1, 5)})))
    with new_node(storage__load_state=str(state)) as node:
        assert of(node, somebody("kept")) == account(1, 5)
        node.rpc("anvil_setBalance", somebody("kept"), "0x9")
        node.kill()
        node.start()
        assert of(node, somebody("kept")) == account(1, 9)
        assert f"{state} is not loaded" in node.log()


def test_a_file_that_is_no_use_keeps_the_chain_from_beginning(tmp_path):
    state = tmp_path / "state.json"
    state.write_text('{"accounts":{"0x12":{}}}')
    node = Node(tmp_path / "node", storage__load_state=str(state))
    node.spawn()
    assert node.wait() == 3
    error = json.loads(node.log().splitlines()[-1])["error"]
    assert (error["kind"], error["what"]) == ("config", f"{state} is no state file")
    assert "no address at line 1" in error["why"]
    # And the next start begins as if there had been none.
    state.write_bytes(document({somebody("kept"): account(1, 5)}))
    with node:
        assert of(node, somebody("kept")) == account(1, 5)
