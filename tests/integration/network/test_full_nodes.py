"""Two full nodes beside the sequencer: fresh reads, forwarded transactions, deaths and returns."""

import asyncio
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from tests.support import wallet
from tests.support.network import Network
from tests.support.raw_http import RawHttp
from tests.support.waiting import eventually

JSON_RPC = Path(__file__).parents[3] / "docs" / "json-rpc.md"
METHOD = re.compile(r"`((?:eth|net|web3|rpc|mega|txpool|realtime|personal)_\w+)`")
NODES = ["sequencer", "full-node-1", "full-node-2"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    with Network(tmp_path_factory.mktemp("network"), "--full-nodes", 2, "--block-time", 0.5) as running:
        yield running


@pytest.mark.parametrize("method", ["realtime_sendRawTransaction", "eth_sendRawTransactionSync"])
def test_a_transaction_through_a_full_node_is_there_when_the_answer_is(network, method):
    node = network.at("full-node-1")
    raw = wallet.signed(1, wallet.nonce(node, 1), to=wallet.address(2), value="0x1")
    receipt = node.rpc(method, raw)
    assert node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])["status"] == "0x1"


def test_a_raw_transaction_through_a_full_node_reaches_every_node(network):
    node = network.at("full-node-2")
    digest = node.rpc(
        "eth_sendRawTransaction", wallet.signed(2, wallet.nonce(node, 2), to=wallet.address(1), value="0x1")
    )
    for name in NODES:
        eventually(
            lambda name=name: network.at(name).rpc("eth_getTransactionReceipt", digest), f"it on {name}"
        )


def test_a_full_node_signs_for_the_development_accounts(network):
    node = network.at("full-node-1")
    transfer = {"from": wallet.address(3), "to": wallet.address(4), "value": "0x1"}
    digests = [node.rpc("eth_sendTransaction", transfer) for _ in range(5)]
    assert len(set(digests)) == 5
    for digest in digests:
        eventually(lambda digest=digest: node.rpc("eth_getTransactionReceipt", digest), digest)


def test_the_sequencers_refusal_comes_through_as_it_is(network):
    from megaeth_cli.chain.rpc_client import RpcError

    raw = wallet.signed(5, 10_000_000, to=wallet.address(1), value=hex(10**30))
    with pytest.raises(RpcError) as through:
        network.at("full-node-1").rpc("eth_sendRawTransaction", raw)
    with pytest.raises(RpcError) as straight:
        network.at("sequencer").rpc("eth_sendRawTransaction", raw)
    assert (through.value.code, through.value.message) == (straight.value.code, straight.value.message)


def test_a_full_node_tells_subscribers_of_mini_blocks(network):
    url = network.node("full-node-2")["endpoints"]["ws"]

    async def hear():
        async with websockets.connect(url) as socket:
            await socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["miniBlocks"]}')
            assert "result" in json.loads(await socket.recv())
            sent = asyncio.get_running_loop().run_in_executor(
                None, lambda: network.at("sequencer").transfer(6)["transactionHash"]
            )
            heard = []
            while not sent.done() or sent.result() not in heard:
                news = json.loads(await socket.recv())
                heard += [one["hash"] for one in news["params"]["result"]["transactions"]]
            return True

    assert asyncio.run(asyncio.wait_for(hear(), 60))


def test_a_full_node_tells_what_enters_the_sequencers_pool(network):
    node, sequencer = network.at("full-node-1"), network.at("sequencer")
    hashes, bodies = (node.rpc("eth_newPendingTransactionFilter", full) for full in (False, True))
    waits = wallet.signed(8, wallet.nonce(sequencer, 8) + 1, to=wallet.address(1), value="0x7")
    url = network.node("full-node-1")["endpoints"]["ws"]

    async def subscribed(socket, *params):
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params}
        await socket.send(json.dumps(request))
        return json.loads(await socket.recv())["result"]

    async def hear():
        async with websockets.connect(url) as socket:
            subscriptions = [
                await subscribed(socket, "newPendingTransactions"),
                await subscribed(socket, "newPendingTransactions", True),
            ]
            digest = await asyncio.to_thread(sequencer.rpc, "eth_sendRawTransaction", waits)
            news = [json.loads(await socket.recv())["params"] for _ in subscriptions]
            heard = {one["subscription"]: one["result"] for one in news}
            return digest, [heard[one] for one in subscriptions]

    digest, (told, body) = asyncio.run(asyncio.wait_for(hear(), 60))
    assert told == digest == body["hash"]
    assert body["value"] == "0x7" and body["blockHash"] is None
    assert node.rpc("eth_getFilterChanges", hashes) == [digest]
    assert [one["hash"] for one in node.rpc("eth_getFilterChanges", bodies)] == [digest]
    assert node.rpc("eth_getFilterChanges", bodies) == []


def test_two_nodes_have_the_same_state(network):
    network.at("sequencer").transfer(7)
    target = network.node("sequencer")["height"] + 1
    for name in NODES:
        network.until_height(name, target)
    done = network.home.run("inspect-diff", "--node", "full-node-1", "--against", "sequencer", "--json")
    assert done.returncode == 0, done.stdout
    compared = json.loads(done.stdout)
    assert compared["equal"]
    assert compared["values"] > 0
    assert network.home.run("inspect-diff", "--node", "full-node-1").returncode == 0


def test_a_killed_full_node_comes_back_from_its_own_disk(network):
    receipt = network.at("full-node-1").transfer(8)
    pid = network.kill("full-node-1")
    network.until_back("full-node-1", pid)
    node = network.at("full-node-1")
    assert node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])["status"] == "0x1"
    assert "asking sequencer for the genesis" in network.log("full-node-1")
    assert network.log("full-node-1").count("asking") == 1, "it has the genesis on its disk"
    network.until_height("full-node-1", network.node("sequencer")["height"] + 1)


def test_a_full_node_goes_on_when_another_one_is_away(network):
    network.run("stop", "full-node-1")
    assert network.node("full-node-1")["state"] == "stopped"
    network.until_height("full-node-2", network.node("sequencer")["height"] + 2)
    network.run("start", "full-node-1")
    network.until_height("full-node-1", network.node("sequencer")["height"] + 1)


def methods():
    return sorted(set(METHOD.findall(JSON_RPC.read_text().partition("## Subscriptions")[0])))


def test_a_full_node_answers_every_method_that_there_is_as_the_sequencer_does(network):
    def codes(name):
        with RawHttp(port_of(network, name), timeout=60) as http:
            return {method: http.call(method, {}).get("error", {}).get("code") for method in methods()}

    there = codes("sequencer")
    assert {"mega_depositTransaction", "eth_sendRawTransaction", "eth_call"} <= there.keys()
    assert codes("full-node-1") == there


def test_a_full_nodes_headers_are_the_sequencers(network):
    network.at("full-node-1").transfer(9)
    target = network.node("sequencer")["height"] + 1
    network.until_height("full-node-1", target)
    heads = [
        network.at(name).rpc("eth_getHeaderByNumber", hex(target)) for name in ("sequencer", "full-node-1")
    ]
    assert heads[0] == heads[1]
    assert {"txOffset", "miniBlockCount", "miniBlockOffset", "signature"} <= heads[0].keys()


def test_what_a_validator_reports_to_a_node_shows_there(network):
    node = network.at("full-node-1")
    assert node.rpc("mega_getValidatedChain") == {"anchor": None, "tip": None}
    network.until_height("full-node-1", 3)
    first, last = (
        [number, node.rpc("eth_getBlockByNumber", hex(number), False)["hash"]] for number in (1, 3)
    )
    answer = node.rpc("mega_setValidatedBlocks", first, last)
    assert answer == {"accepted": True, "lastValidatedBlock": last}
    assert node.rpc("mega_getValidatedChain") == {"anchor": None, "tip": last}
    for tag in ("safe", "finalized"):
        assert node.rpc("eth_getBlockByNumber", tag, False)["number"] == "0x3"
    assert network.node("full-node-1")["validated_height"] == 3
    assert "validated_height" not in network.node("sequencer")
    assert "full-node-1: stateless validators report 3 as checked" in network.run("status").stdout


def test_a_full_nodes_filters_say_what_it_has_taken_over(network):
    node = network.at("full-node-2")
    emitter = wallet.deploy_emitter(node, 9)
    logs, blocks = node.rpc("eth_newFilter", {"fromBlock": "latest"}), node.rpc("eth_newBlockFilter")
    receipt = wallet.send(node, 9, to=emitter)
    [log] = node.rpc("eth_getFilterChanges", logs)
    assert (log["address"], log["transactionHash"]) == (emitter, receipt["transactionHash"])
    network.until_height("full-node-2", int(receipt["blockNumber"], 16))
    sealed = node.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)["hash"]
    assert sealed in node.rpc("eth_getFilterChanges", blocks)
    assert node.rpc("eth_getFilterChanges", logs) == []


def test_a_full_node_that_keeps_up_is_not_syncing(network):
    assert network.at("full-node-2").rpc("eth_syncing") is False


def test_a_deposit_through_a_full_node_is_forced_in(network):
    deposit = {"from": wallet.address(6), "to": wallet.address(7), "value": "0x5"}
    digest = network.at("full-node-1").rpc("mega_depositTransaction", deposit)
    for name in NODES:
        receipt = eventually(
            lambda name=name: network.at(name).rpc("eth_getTransactionReceipt", digest), f"it on {name}"
        )
        assert receipt["status"] == "0x1"


@pytest.mark.parametrize("depth", [65, 255, 300, 1000, 3000])
@pytest.mark.parametrize("method", ["eth_sendRawTransaction", "eth_getTransactionCount"])
def test_a_body_that_is_nested_too_deep_is_refused_by_every_node(network, depth, method):
    body = b'{"jsonrpc":"2.0","id":1,"method":"%b","params":%b}' % (
        method.encode(),
        b"[" * depth + b"]" * depth,
    )
    for name in ("sequencer", "full-node-1"):
        with RawHttp(port_of(network, name)) as http:
            assert json.loads(http.post(body)[2])["error"]["code"] == -32700
            assert http.call("eth_chainId")["result"] == hex(wallet.CHAIN_ID)


def port_of(network, name):
    return urlsplit(network.node(name)["endpoints"]["http"]).port
