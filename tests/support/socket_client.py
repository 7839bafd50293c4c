"""A WebSocket client that keeps answers and news apart."""

import json
from collections import deque

from websockets.sync.client import connect

RECEIVE_S = 30


class SocketClient:
    """Calls and subscriptions over one WebSocket."""

    def __init__(self, url):
        self._socket = connect(url, proxy=None, max_size=None)
        self._next_id = 0
        self._news = deque()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def call(self, method, *params):
        """Make one call; return the response object."""
        self._next_id += 1
        body = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": list(params)}
        self._socket.send(json.dumps(body))
        while True:
            message = self._receive()
            if message.get("id") == self._next_id:
                return message
            self._news.append(message["params"])

    def subscribe(self, *params):
        return self.call("eth_subscribe", *params)["result"]

    def next(self, subscription):
        """Return the next piece of news of one subscription; those of others are kept."""
        for message in self._news:
            if message["subscription"] == subscription:
                self._news.remove(message)
                return message["result"]
        while True:
            params = self._receive()["params"]
            if params["subscription"] == subscription:
                return params["result"]
            self._news.append(params)

    def _receive(self):
        return json.loads(self._socket.recv(timeout=RECEIVE_S))
