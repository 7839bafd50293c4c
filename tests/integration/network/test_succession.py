"""The leader dies, stalls, wakes up again and hands over; whatever a client was told stays true. Real processes, one
devnet for all of it.
"""

import json
import os
import signal
import threading
import time
from urllib.request import urlopen

import pytest

from megaeth_cli.chain.rpc_client import RpcClient
from tests.support import wallet
from tests.support.network import Network
from tests.support.waiting import eventually

TAKEOVER_S = 1.0


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("succession")
    options = ("--standby", 2, "--durable-on", 2, "--full-nodes", 1, "--block-time", "0.25")
    with Network(path, *options) as network:
        yield network


@pytest.fixture
def leader(network):
    """The name of who leads, when both others can take over."""
    return until_led(network)


CANDIDATES = ("sequencer", "standby-1", "standby-2")
ALL = (*CANDIDATES, "full-node-1")


def leadership(network, name):
    return network.node(name).get("leadership") or {}


def until_led(network, but=""):
    """Until somebody else than that leads, whom all others follow, and nothing waits for anybody."""

    def led():
        nodes = {node["name"]: node for node in network.home.nodes()}
        told = {name: nodes[name].get("leadership") or {} for name in ALL}
        names = {one.get("leader") for one in told.values()}
        [name] = names if len(names) == 1 else [None]
        if name is None or name == but or not told[name].get("leads") or told[name]["missing"]:
            return None
        follow = all(nodes[other].get("upstream") == name for other in ALL if other != name)
        return name if follow else None

    return eventually(led, "all to follow one leader")


class Client:
    """Sends transfers one after another through one node; keeps every receipt that it was given."""

    def __init__(self, network, through, sender):
        self._url = network.node(through)["endpoints"]["http"]
        self._sender = sender
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.receipts, self.errors, self.error = [], [], None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def wait_for(self, count):
        """So many more receipts."""
        wanted = len(self.receipts) + count
        eventually(lambda: len(self.receipts) >= wanted or self.error, f"{count} more receipts")

    def _run(self):
        try:
            while not self._stop.is_set():
                self._send()
        except Exception as error:
            self.error = error

    def _send(self):
        try:
            with RpcClient(self._url) as rpc:
                nonce = int(rpc.call("eth_getTransactionCount", wallet.address(self._sender), "latest"), 16)
                raw = wallet.signed(self._sender, nonce, to=wallet.address(9), value="0x1")
                self.receipts.append(rpc.call("realtime_sendRawTransaction", raw))
        except Exception as error:
            self.errors.append((time.monotonic(), repr(error)))
            time.sleep(0.02)


def nothing_lost(network, *clients):
    """All nodes have every transaction of which a client has a receipt, in the block that it names."""
    receipts = [receipt for client in clients for receipt in client.receipts]
    assert receipts
    newest = max(int(receipt["blockNumber"], 16) for receipt in receipts)
    for name in ALL:
        network.until_height(name, newest)
        node = network.at(name)
        for receipt in receipts:
            found = node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])
            assert found is not None, (name, receipt)
            for member in ("blockNumber", "transactionIndex", "status", "gasUsed"):
                assert found[member] == receipt[member], (name, found, receipt)
    heads = [network.at(name).rpc("eth_getBlockByNumber", hex(newest), False) for name in ALL]
    assert all(head == heads[0] for head in heads)


def until_another_leads(network, leader, number):
    """Sends the leader's process a signal; who leads then, and after how long a full node knows it."""
    url = network.node("full-node-1")["endpoints"]["http"] + "/healthz"
    pid = network.node(leader)["pid"]

    def other():
        with urlopen(url, timeout=10) as answer:
            name = json.load(answer)["leadership"]["leader"]
        return name if name != leader else None

    began = time.monotonic()
    os.kill(pid, number)
    return pid, eventually(other, "another one to lead"), time.monotonic() - began


def test_a_standby_leads_when_the_leader_is_killed_and_nothing_is_lost(network, leader):
    term = leadership(network, leader)["term"]
    with Client(network, "full-node-1", 0) as client:
        client.wait_for(5)
        pid, other, took_s = until_another_leads(network, leader, signal.SIGKILL)
        client.wait_for(10)
    assert took_s < TAKEOVER_S
    assert leadership(network, other)["term"] > term
    network.until_back(leader, pid)
    assert until_led(network) == other
    nothing_lost(network, client)


def test_a_leader_that_wakes_up_again_steps_down_and_shows_nothing(network, leader):
    with Client(network, "full-node-1", 0) as client, Client(network, leader, 1) as own:
        client.wait_for(5)
        own.wait_for(5)
        pid, other, took_s = until_another_leads(network, leader, signal.SIGSTOP)
        try:
            client.wait_for(10)
        finally:
            os.kill(pid, signal.SIGCONT)
        network.until_back(leader, pid)
        assert until_led(network) == other
        own.wait_for(5)
    assert took_s < TAKEOVER_S + 0.6, "the time that a lease is valid comes on top"
    assert f"{leader} begins anew from its disk" in network.log(leader)
    nothing_lost(network, client, own)


def test_the_lead_is_handed_over_and_clients_notice_a_pause_only(network, leader):
    others = [name for name in CANDIDATES if name != leader]
    with Client(network, "full-node-1", 0) as client, Client(network, leader, 1) as own:
        for to in (others[0], leader, others[1]):
            client.wait_for(5)
            own.wait_for(5)
            network.run("promote", to)
            assert until_led(network) == to
        client.wait_for(5)
        own.wait_for(5)
    assert client.errors == own.errors == []
    nothing_lost(network, client, own)


def test_nothing_is_shown_while_too_few_disks_have_it(network, leader):
    others = [name for name in CANDIDATES if name != leader]
    pids = {name: network.node(name)["pid"] for name in others}
    with Client(network, leader, 0) as client:
        client.wait_for(5)
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: leadership(network, leader).get("missing") == 1, "a standby to be missing")
            height, count = network.node(leader)["mini_block"], len(client.receipts)
            time.sleep(0.3)
            assert network.node(leader)["mini_block"] == height
            assert len(client.receipts) == count
        finally:
            for pid in pids.values():
                os.kill(pid, signal.SIGCONT)
        client.wait_for(5)
    assert until_led(network)
    nothing_lost(network, client)


def test_a_chain_that_is_rolled_back_is_so_on_all_nodes_and_goes_on_after_its_leader(network, leader):
    node = network.at("full-node-1")
    identifier = node.rpc("evm_snapshot")
    before = int(node.rpc("eth_getBalance", wallet.address(8), "latest"), 16)
    wallet.send(node, 0, to=wallet.address(8), value="0x5")
    assert node.rpc("evm_revert", identifier) is True
    for name in ALL:
        eventually(
            lambda name=name: (
                int(network.at(name).rpc("eth_getBalance", wallet.address(8), "latest"), 16) == before
            ),
            f"{name} to be back",
        )
    pid = network.kill(leader)
    other = until_led(network, but=leader)
    network.until_back(leader, pid)
    with Client(network, "full-node-1", 0) as client:
        client.wait_for(5)
    assert until_led(network) == other
    nothing_lost(network, client)


def test_nothing_of_it_is_an_incident(network):
    assert network.home.json("devnet", "incidents")["incidents"] == []


# --- one standby ------------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    """A sequencer and one standby, in sync; who leads then, and the other one."""
    with Network(tmp_path, "--standby", 1, "--block-time", "0.25") as network:
        eventually(lambda: leadership(network, "sequencer").get("durable_on") == 2, "both to be in sync")
        yield network


def test_one_standby_goes_on_alone_and_who_lacks_what_was_shown_does_not_lead(pair):
    url = pair.node("standby-1")["endpoints"]["http"]
    with Client(pair, "standby-1", 0) as client:
        client.wait_for(3)
        # Dead for good: its process is stopped by hand, so that nobody starts it again.
        pair.run("stop", "sequencer")
        client.wait_for(5)
        told = leadership(pair, "standby-1")
        assert (told["leads"], told["durable_on"], told["in_sync"]) == (True, 1, ["standby-1"])
        pair.run("stop", "standby-1")
    pair.home.run("devnet", "start", "sequencer")
    time.sleep(1.0)
    assert not leadership(pair, "sequencer").get("leads")
    pair.run("start", "standby-1")
    eventually(lambda: leadership(pair, "standby-1").get("durable_on") == 2, "both to be in sync again")
    assert pair.node("standby-1")["endpoints"]["http"] == url
    for name in ("sequencer", "standby-1"):
        node = pair.at(name)
        for receipt in client.receipts:
            found = node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])
            assert found["blockNumber"] == receipt["blockNumber"]
