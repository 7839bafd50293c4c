"""A node that may open few files goes on whatever number of clients knock."""

import contextlib
import resource

import pytest

from tests.support import wallet
from tests.support.raw_http import RawHttp, request
from tests.support.waiting import eventually

LIMIT = 400
"""Of which 256 are neither the store's nor the clients'."""
CLIENTS = 600


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no other process's limits can be set here")
def test_a_node_with_few_descriptors_refuses_clients_and_keeps_its_store(new_node):
    node = new_node(blocks__block_time_s=0.1, storage__fsync=False)
    node.spawn()
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    eventually(node._is_ready, "the node to become ready")
    with contextlib.ExitStack() as clients, RawHttp(node.port, timeout=60) as honest:
        assert honest.call("eth_chainId")["result"]
        opened = [clients.enter_context(RawHttp(node.port, timeout=60)) for _ in range(CLIENTS)]
        for client in opened:
            client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(OSError):  # of those whose 503 was destroyed by their own late request
            assert {client.response()[0] for client in opened} <= {200, 503}
        height = int(honest.call("eth_blockNumber")["result"], 16)
        receipt = wallet.send(Over(honest), 0, to=wallet.address(1), value="0x1")
        assert receipt["status"] == "0x1"
        eventually(lambda: int(honest.call("eth_blockNumber")["result"], 16) > height + 5, "blocks to go on")
    eventually(lambda: status_for_a_newcomer(node) == 200, "room for a client")
    eventually(lambda: "refused" in node.log(), "the log to tell of those who were turned away")
    assert node.stop() == 0
    assert "connections at a time" in node.log()
    assert "oo many open files" not in node.log()


def status_for_a_newcomer(node):
    with contextlib.suppress(OSError), RawHttp(node.port) as client:
        return client.post(request("eth_chainId"))[0]


class Over:
    """A node as `wallet` wants it, asked over a connection that is open already."""

    def __init__(self, http):
        self._http = http

    def rpc(self, method, *params):
        return self._http.call(method, *params)["result"]
