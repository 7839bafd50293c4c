"""What contracts tell `console.log` shows in the log of the node that executed it, and changes nothing else."""

import pytest

from tests.integration.jit.test_service import deploy, native
from tests.support import console, wallet
from tests.support.cluster import Cluster
from tests.support.node import RpcFailure
from tests.support.socket_client import SocketClient
from tests.support.waiting import eventually

TELLER, REVERTER, CHATTERER = (f"0x{number:040x}" for number in (0x7001, 0x7002, 0x7003))
CODES = {TELLER: console.TELLER, REVERTER: console.REVERTER, CHATTERER: console.CHATTERER}
PLENTY = hex(100_000_000)


def with_contracts(node):
    for address, code in CODES.items():
        node.rpc("anvil_setCode", address, "0x" + code.hex())
    return node


@pytest.fixture
def node(new_node):
    with new_node() as running:
        yield with_contracts(running)


def lines(node):
    return console.lines(node.log())


def told(node, count):
    """The console's lines, once there are so many."""
    return eventually(lambda: len(found := lines(node)) >= count and found, f"{count} lines of the console")


def test_transactions_show_with_hash_and_contract_in_their_order(node):
    texts = [f"number {number}" for number in range(20)]
    receipts = [wallet.send(node, 0, to=TELLER, input=console.words(text)) for text in texts]
    found = told(node, 20)
    assert [line.text for line in found] == texts
    assert [line.source for line in found] == [receipt["transactionHash"] for receipt in receipts]
    assert {line.contract for line in found} == {TELLER}


def test_many_transactions_of_one_mini_block_show_once_each(new_node):
    with new_node(blocks__mining=False, blocks__execution_threads=2) as node:
        with_contracts(node)
        expected = set()
        for sender in range(5):
            for nonce in range(6):
                text = f"{sender} {nonce}"
                to = TELLER if nonce % 2 else wallet.address(9)
                raw, digest = wallet.signed_with_hash(sender, nonce, to=to, input=console.words(text))
                node.rpc("eth_sendRawTransaction", raw)
                expected |= {(digest, text)} if nonce % 2 else set()
        node.rpc("evm_mine")
        found = told(node, 15)
        assert {(line.source, line.text) for line in found} == expected
        assert len(found) == 15


def test_what_reverts_is_shown_too(node):
    receipt = wallet.send(node, 0, to=REVERTER, input=console.words("why"))
    assert receipt["status"] == "0x0"
    [line] = told(node, 1)
    assert (line.source, line.text) == (receipt["transactionHash"], "why")


def test_calls_show_with_their_method_and_estimates_where_they_fail(node):
    call = {"from": wallet.address(0), "to": TELLER, "data": console.words("hello")}
    node.rpc("eth_call", call, "latest")
    node.rpc("eth_estimateGas", call)
    with pytest.raises(RpcFailure):
        node.rpc("eth_call", {**call, "to": REVERTER}, "latest")
    with pytest.raises(RpcFailure):
        node.rpc("eth_estimateGas", {**call, "to": REVERTER})
    sources = [line.source for line in told(node, 3)]
    assert sources == ["eth_call", "eth_call", "eth_estimateGas"]
    assert {line.text for line in lines(node)} == {"hello"}


def test_a_contract_that_never_stops_telling_does_not_flood_the_log(node):
    data = f"0x{5000:064x}" + console.words("again")[2:]
    receipt = wallet.send(node, 0, to=CHATTERER, input=data, gas=PLENTY)
    assert receipt["status"] == "0x1"
    found = told(node, 1001)
    assert {line.text for line in found[:1000]} == {"again"}
    assert "4000 more calls" in found[1000].text
    assert len(found) == 1001


def test_the_console_costs_no_gas_of_its_own_whether_it_is_shown_or_not(node, new_node):
    with new_node("silent", log__console=False) as silent:
        with_contracts(silent)
        with SocketClient(silent.ws_url) as client:
            client.subscribe("consoleLogs")
            for to in CODES:
                data = f"0x{3:064x}" + console.words("x")[2:]
                loud, quiet = (wallet.send(each, 0, to=to, input=data) for each in (node, silent))
                assert loud["gasUsed"] == quiet["gasUsed"]
            told(node, 5)
            silent.rpc("anvil_setLoggingEnabled", True)
            wallet.send(silent, 0, to=TELLER, input=console.words("x"))
            silent.rpc("eth_call", {"to": TELLER, "data": console.words("x")}, "latest")
        assert silent.stop() == 0
        assert lines(silent) == []


@pytest.mark.parametrize("name", ["anvil_setLoggingEnabled", "hardhat_setLoggingEnabled"])
def test_logging_is_switched_off_and_on(node, name):
    for enabled, text in [(False, "unheard"), (True, "heard")]:
        assert node.rpc(name, enabled) is None
        wallet.send(node, 0, to=TELLER, input=console.words(text))
        node.rpc("eth_call", {"to": TELLER, "data": console.words(text)}, "latest")
    assert {line.text for line in told(node, 2)} == {"heard"}
    with pytest.raises(RpcFailure) as refused:
        node.rpc(name, "yes")
    assert refused.value.code == -32602


def test_subscribers_are_told(node):
    with SocketClient(node.ws_url) as client:
        subscription = client.subscribe("consoleLogs")
        digest = wallet.send(node, 0, to=TELLER, input=console.words("news"))["transactionHash"]
        told_of = {"transactionHash": digest, "method": None, "contract": TELLER, "text": "news"}
        assert client.next(subscription) == told_of
        node.rpc("eth_call", {"to": TELLER, "data": console.words("called")}, "latest")
        assert client.next(subscription)["method"] == "eth_call"


def test_what_a_contract_says_steers_nothing(node):
    text = f"a\nb\x1b[31mc {'x' * 5000}"
    wallet.send(node, 0, to=TELLER, input=console.words(text), gas=PLENTY)
    [line] = told(node, 1)
    assert line.text.startswith("a\nb\x1b[31mc x")
    assert line.text.endswith("characters more)")
    assert "\x1b" not in node.log()


def test_native_code_loses_nothing(new_node):
    with new_node(jit__mode="eager") as node:
        address = deploy(node, console.CHATTERER)
        data = f"0x{3:064x}" + console.words("native")[2:]
        call = {"to": address, "data": data}
        for _ in range(2):
            node.rpc("eth_call", call, "latest")
        ran = eventually(lambda: native(node), "native code")["runs"]
        before = len(told(node, 6))
        receipt = wallet.send(node, 1, to=address, input=data, gas=PLENTY)
        node.rpc("eth_call", call, "latest")
        assert native(node)["runs"] > ran
        sources = [line.source for line in told(node, before + 6)[before:]]
        assert sources == [receipt["transactionHash"]] * 3 + ["eth_call"] * 3


def test_what_was_told_last_is_shown_before_the_end(node):
    digests = [
        wallet.send(node, 0, to=TELLER, input=console.words("last"))["transactionHash"] for _ in range(5)
    ]
    assert node.stop() == 0
    assert [line.source for line in lines(node)] == digests


def test_a_full_node_shows_its_own_calls_and_the_sequencer_the_transactions(tmp_path):
    with Cluster(tmp_path) as cluster:
        sequencer = with_contracts(cluster.sequencer())
        full = cluster.full_node("full-node-1", [sequencer])
        digest = wallet.send(full, 0, to=TELLER, input=console.words("sent"))["transactionHash"]
        full.rpc("eth_call", {"to": TELLER, "data": console.words("called")}, "latest")
        assert [line.source for line in told(sequencer, 1)] == [digest]
        assert [line.source for line in told(full, 1)] == ["eth_call"]
