"""JSON-RPC to another node over HTTP, on the event loop: a few keep-alive connections, bytes in and bytes out.

For node to node on a devnet. (The command line has its own: `megaeth_cli/chain/rpc_client.py`.)
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import orjson

from devnet.rpc.errors import RpcFault

TIMEOUT_S = 30.0
MAX_IDLE = 16
MAX_HEAD_BYTES = 64 * 1024


class NodeSilentError(Exception):
    """The other node does not answer."""

    def __init__(self, what: str, *, was_sent: bool = True) -> None:
        """`was_sent`: it may have got the request."""
        super().__init__(what)
        self.was_sent = was_sent


class NodeClient:
    """Calls one node. To be used on one event loop."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S, user_agent: bytes = b"") -> None:
        """`user_agent`: what it says it is, if anything."""
        parts = urlsplit(url)
        self._said = b"User-Agent: %b\r\n" % user_agent if user_agent else b""
        self.url = url
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout_s = timeout_s
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._closed = False

    async def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 any JSON value
        """The result of one method; raises `RpcFault` with the node's error, or NodeSilentError."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = orjson.loads(await self.post(orjson.dumps(request)))
        if error := answer.get("error"):
            raise RpcFault(int(error["code"]), str(error["message"]))
        return answer["result"]

    async def post(self, body: bytes) -> bytes:
        """The response to a whole body. A request is repeated once if a kept connection turns out to be dead."""
        was_sent = False
        try:
            async with asyncio.timeout(self._timeout_s):
                while self._idle:
                    connection = self._idle.popleft()
                    was_sent = True
                    try:
                        return await self._exchange(connection, body)
                    except (OSError, EOFError):
                        continue
                connection = await asyncio.open_connection(self._host, self._port)
                was_sent = True
                return await self._exchange(connection, body)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            what = f"{self.url} does not answer: {error or 'timeout'}"
            raise NodeSilentError(what, was_sent=was_sent) from error

    async def _exchange(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes
    ) -> bytes:
        reader, writer = connection
        try:
            writer.write(
                b"POST / HTTP/1.1\r\nHost: %b:%d\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (self._host.encode(), self._port, self._said, len(body))
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            headers = _headers(head)
            answer = await reader.readexactly(int(headers[b"content-length"]))
            _refuse_failure(head, answer)
        except BaseException:
            writer.close()
            raise
        is_last = self._closed or headers.get(b"connection", b"").lower() == b"close"
        if is_last or len(self._idle) >= MAX_IDLE:
            writer.close()
        else:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is kept, and keep nothing more: what is being asked is still answered."""
        self._closed = True
        while self._idle:
            self._idle.popleft()[1].close()


def _headers(head: bytes) -> dict[bytes, bytes]:
    found = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    if b"content-length" not in found:
        raise ValueError("an answer without a length")
    return found


def _refuse_failure(head: bytes, answer: bytes) -> None:
    """Raise ValueError for the answer of a node that has no room, or stops: it is no JSON-RPC."""
    status = head.split(maxsplit=2)[1].decode()
    if status.startswith("5"):
        raise ValueError(f"{status} {answer[:200].decode(errors='replace').strip()}")
