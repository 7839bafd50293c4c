"""A server without a chain behind it, as a prover has: it tells of itself, and has nothing else to tell."""

import asyncio
import json

import pytest

from devnet.rpc.server import RpcServer
from devnet.rpc.settings import ServerSettings
from tests.support.raw_http import RawHttp, request


def ask(work):
    """What a client finds; `work` is given a connection."""

    async def body():
        server = RpcServer(None, ServerSettings(port=0), lambda: {"ready": True})
        await server.start()
        try:

            def client():
                with RawHttp(server.port) as http:
                    return work(http)

            return await asyncio.to_thread(client)
        finally:
            await server.stop()

    return asyncio.run(body())


def test_what_it_knows_of_itself_it_answers():
    assert ask(lambda http: http.call("net_version"))["result"] == "6343"
    namespaces = ask(lambda http: http.call("rpc_modules"))["result"]
    assert namespaces == {"net": "1.0", "rpc": "1.0", "web3": "1.0"}


@pytest.mark.parametrize(
    "method", ["eth_blockNumber", "eth_sendTransaction", "eth_subscribe", "mega_getMiniBlock"]
)
def test_what_is_asked_of_a_chain_does_not_exist(method):
    assert ask(lambda http: http.call(method))["error"]["code"] == -32601
    batch = ask(lambda http: json.loads(http.post([request(method, id=1), request("net_version", id=2)])[2]))
    assert [entry.get("result") for entry in batch] == [None, "6343"]


def test_its_metrics_are_its_own():
    def page(http):
        http.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return http.response()[2].decode()

    text = ask(page)
    assert "megaeth_rpc_connections 1" in text
    assert "megaeth_pool_pending" not in text
