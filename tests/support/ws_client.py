"""A JSON-RPC client over a WebSocket that can have many requests on the wire and hear notifications."""

import json

import websockets.sync.client

from tests.support.node import RpcFailure


class WsClient:
    """Asks one thing after the other over a WebSocket."""

    def __init__(self, url):
        self._socket = websockets.sync.client.connect(url, max_size=None, proxy=None)
        self._next = 0

    def send(self, method, *params):
        self._next += 1
        self._socket.send(
            json.dumps({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        )
        return self._next

    def receive(self):
        return json.loads(self._socket.recv())

    def call(self, method, *params):
        return self.results([self.send(method, *params)])[0]

    def calls(self, method, every_params):
        """Many calls of one method, on the wire at once."""
        return self.results([self.send(method, *params) for params in every_params])

    def results(self, identifiers):
        found = {}
        while len(found) < len(identifiers):
            answer = self.receive()
            if "error" in answer:
                raise RpcFailure(answer["error"])
            if "id" in answer:
                found[answer["id"]] = answer["result"]
        return [found[identifier] for identifier in identifiers]

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
