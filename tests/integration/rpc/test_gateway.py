"""`--gateway public` before a real node: the rules that show when a request runs, clients that notice nothing, and
replicas that are behind.
"""

import time

import pytest

from devnet.rpc.gateway.rules import RULES
from tests.support import wallet
from tests.support.console_pages import commands, page, wrong
from tests.support.gateway import OF_A_CHAIN, GatewayClient, port_of
from tests.support.network import Network
from tests.support.node import Node
from tests.support.waiting import eventually
from tests.support.ws_client import WsClient

PAGE = page("gateway.md")
SPIN = "0x5b600056"
"""For ever."""
TARGET = "0x" + "11" * 20
UNLIMITED = {"unlimited": True}
NEEDS = {
    "call-compute": "60,000,000",
    "call-many-time": "25,000",
    "estimate-time": "0.5 s",
    "receipt-wait": "3,000 ms",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Interpreted only: how long something takes is no matter of what was compiled meanwhile."""
    settings = {"rpc__gateway": "public", "rpc__gateway_port": 0, "jit__mode": "off"}
    with Node(tmp_path_factory.mktemp("gateway"), **settings) as running:
        yield running
        assert running.stop() == 0, running.log()
        assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def gateway(node):
    return GatewayClient(port_of(node.endpoints["gateway"]))


def counting(rounds):
    """Code that counts down, at 26 gas a round."""
    return {TARGET: {"code": f"0x63{rounds:08x}5b60019003806005570000"}}


def says(name, message):
    assert f"gateway rule {name}: " in message
    assert NEEDS[name] in message
    return True


def test_every_command_of_the_page_prints_what_it_says(megaeth, node, monkeypatch):
    monkeypatch.setenv("MEGAETH_RPC_URL", node.endpoints["gateway"])
    said = list(commands(PAGE))
    assert len(said) >= 5
    failed = wrong(megaeth, said)
    assert not failed, "\n".join(failed)


def test_the_page_has_every_rule_with_its_number_and_code():
    table = PAGE.partition("## The rules")[2].partition("\n\nThe methods")[0]
    rows = {row.split("|")[1].strip(" `"): row for row in table.splitlines() if row.startswith("| `")}
    assert list(rows) == [rule.name for rule in RULES]
    for rule in RULES:
        assert f"| {rule.limit} | " in rows[rule.name]
        assert f" {int(rule.code)}" in rows[rule.name]
        assert f"`{rule.source}`" in rows[rule.name]
        assert rule.status == 200 or f"HTTP {int(rule.status)} " in rows[rule.name]


def test_the_rules_that_need_a_chain_are_these():
    assert NEEDS.keys() == OF_A_CHAIN


def test_a_call_takes_60_million_compute_gas_at_most(node, gateway):
    within, beyond = counting(2_300_000), counting(2_308_000)
    assert gateway.call("eth_call", {"to": TARGET}, "latest", within)["result"] == "0x"
    assert node.rpc("eth_call", {"to": TARGET}, "latest", beyond) == "0x"
    status, code, message = gateway.refusal("eth_call", {"to": TARGET}, "latest", beyond)
    assert (status, code) == (200, -32000)
    assert says("call-compute", message)


def test_a_call_that_fails_is_measured_by_what_it_told(gateway):
    spinning = {TARGET: {"code": SPIN}}
    burns = {"to": TARGET, "gas": hex(61_000_000)}
    assert says("call-compute", gateway.refusal("eth_call", burns, "latest", spinning)[2])
    within = {"to": TARGET, "gas": hex(1_000_000)}
    assert gateway.call("eth_call", within, "latest", spinning)["error"]["message"] == "out of gas"


def test_each_call_of_several_is_measured(gateway):
    bundles = [{"transactions": [{"to": TARGET}, {"to": wallet.address(1)}]}]
    context = {"blockNumber": "latest"}
    assert gateway.call("eth_callMany", bundles, context, counting(2_000_000))["result"][0][0] == {
        "value": "0x"
    }
    message = gateway.refusal("eth_callMany", bundles, context, counting(2_308_000))[2]
    assert says("call-compute", message)


def test_an_estimate_takes_half_a_second_at_most(gateway):
    spinning = {TARGET: {"code": SPIN}}
    began = time.monotonic()
    asked = "eth_estimateGas", {"to": TARGET}, "latest", spinning, UNLIMITED
    status, code, message = gateway.refusal(*asked)
    assert (status, code) == (200, -32000)
    assert says("estimate-time", message)
    assert time.monotonic() - began >= 0.5
    assert gateway.call("eth_estimateGas", {"to": wallet.address(1)})["result"] == "0xea60"


def test_many_calls_take_as_long_as_was_asked_for(gateway):
    bundles = [{"transactions": [{"to": TARGET}], "blockOverride": UNLIMITED}]
    spinning = {TARGET: {"code": SPIN}}
    asked = "eth_callMany", bundles, {"blockNumber": "latest"}, spinning, 100
    assert says("call-many-time", gateway.refusal(*asked)[2])


def test_what_took_too_long_is_ended(node):
    eventually(lambda: node.rpc("eth_chainId") == "0x18c7", "an answer")
    metrics = eventually(lambda: _idle(node), "the node to have nothing in work")
    assert metrics


def _idle(node):
    import urllib.request

    with urllib.request.urlopen(f"{node.url}/metrics.json") as page:
        text = page.read().decode()
    return '"rpc_in_work": 0' in text or '"rpc_in_work":0' in text


def test_a_receipt_is_waited_for_three_seconds_at_most(node, gateway):
    raw = wallet.signed(7, wallet.nonce(node, 7) + 1, to=wallet.address(1))
    began = time.monotonic()
    status, code, message = gateway.refusal("realtime_sendRawTransaction", raw, 60_000)
    assert 2.9 < time.monotonic() - began < 30
    assert (status, code) == (200, -32000)
    assert message.startswith("realtime transaction expired ")
    assert says("receipt-wait", message)


def test_who_keeps_to_the_rules_sends_deploys_reads_and_listens(node, gateway):
    """As an application does, with nothing but the gateway's address."""

    class Application:
        def rpc(self, method, *params):
            return gateway.call(method, *params)["result"]

    application = Application()
    raw = wallet.signed(
        *(8, int(application.rpc("eth_getTransactionCount", wallet.address(8), "latest"), 16)),
        input=wallet.EMITTER_CODE,
        gas=hex(10_000_000),
    )
    deployed = application.rpc("eth_sendRawTransactionSync", raw)
    address = deployed["contractAddress"]
    assert deployed["status"] == "0x1"
    assert application.rpc("eth_getCode", address, "latest") != "0x"
    with WsClient(node.endpoints["gateway ws"]) as socket:
        socket.call("eth_subscribe", "logs", {"address": address, "fromBlock": "pending"})
        raw = wallet.signed(8, 1 + int(_nonce_of(application, raw), 16), to=address)
        socket.send("realtime_sendRawTransaction", raw)
        news, answer = sorted([socket.receive(), socket.receive()], key=lambda heard: "id" in heard)
        receipt = answer["result"]
    assert news["params"]["result"]["transactionHash"] == receipt["transactionHash"]
    assert application.rpc("eth_getStorageAt", address, "0x0", "latest") == f"0x{42:064x}"
    block = eventually(
        lambda: application.rpc("eth_getBlockByNumber", receipt["blockNumber"], False), "the block"
    )
    logs = application.rpc("eth_getLogs", {"fromBlock": block["number"], "address": address})
    assert [log["address"] for log in logs][-1] == address
    trace = application.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    assert trace["to"] == address


def _nonce_of(application, raw):
    from devnet._engine import keccak256

    digest = "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
    return application.rpc("eth_getTransactionByHash", digest)["nonce"]


def test_a_block_that_there_is_not_is_refused_as_by_the_node(gateway):
    status, code, _ = gateway.refusal("eth_getBalance", TARGET, "0xffffff")
    assert (status, code) == (200, -32001)


def test_a_devnets_own_tools_use_the_nodes_address_and_replicas_may_be_behind(tmp_path):
    options = ("--gateway", "public", "--gateway-port", 0, "--full-nodes", 1, "--replica-lag", 2_000)
    with Network(tmp_path, *options) as network:
        sequencer, replica = network.at("sequencer"), network.at("full-node-1")
        endpoints = network.node("full-node-1")["endpoints"]
        assert endpoints["http"] != endpoints["gateway"]
        public = GatewayClient(port_of(endpoints["gateway"]))
        assert public.call("txpool_status")["error"]["code"] == -32601
        sent = network.home.json("tx", "send", wallet.address(1), "--value", "1")
        assert sequencer.rpc("txpool_status")["pending"] == "0x0"
        receipt = sequencer.rpc("eth_getTransactionReceipt", sent["transactionHash"])
        assert receipt["status"] == "0x1"
        raw = wallet.signed(2, 0, to=wallet.address(1))
        receipt = public.call("realtime_sendRawTransaction", raw)["result"]
        digest = receipt["transactionHash"]
        began = time.monotonic()
        assert sequencer.rpc("eth_getTransactionReceipt", digest) is not None
        assert public.call("eth_getTransactionReceipt", digest)["result"] is None
        eventually(lambda: replica.rpc("eth_getTransactionReceipt", digest), "the replica to show it")
        assert time.monotonic() - began > 0.5
