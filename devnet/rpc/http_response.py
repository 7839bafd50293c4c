"""HTTP response heads: status line, length, CORS.

Not here: when a response is due (`http.py`) and who is allowed (`access.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from devnet.rpc import jsonrpc
from devnet.rpc.errors import invalid_request
from devnet.rpc.routes import JSON, TEXT, Page

PREFLIGHT_AGE_S: Final = 86_400
_REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


def head(status: int, content_type: str, length: int, origin: bytes | None, keep_alive: bool) -> bytes:
    """Write a response's head. `origin` is the web origin that may read it."""
    lines = [b"HTTP/1.1 %d %b" % (status, _REASONS[status])]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(b"Content-Type: " + content_type.encode())
        lines.append(b"Content-Length: %d" % length)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append(b"Allow: POST, GET, HEAD, OPTIONS")
    if origin is not None:
        lines.append(b"Access-Control-Allow-Origin: " + origin)
        lines.append(b"Vary: Origin")
    if not keep_alive:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def preflight(origin: bytes | None, headers: Mapping[bytes, bytes], keep_alive: bool) -> bytes:
    """Answer a browser's question whether a page of `origin` may send its request."""
    whole = head(HTTPStatus.NO_CONTENT, TEXT, 0, origin, keep_alive)
    if origin is None:
        return whole
    lines = [
        b"Access-Control-Allow-Methods: POST, GET, OPTIONS",
        b"Access-Control-Max-Age: %d" % PREFLIGHT_AGE_S,
    ]
    asked = headers.get(b"access-control-request-headers")
    if asked is not None:
        lines.append(b"Access-Control-Allow-Headers: " + asked)
    if b"access-control-request-private-network" in headers:
        lines.append(b"Access-Control-Allow-Private-Network: true")
    return whole[:-2] + b"\r\n".join(lines) + b"\r\n\r\n"


def text_page(status: int, text: str) -> Page:
    """Make a page for a person."""
    return Page(status, TEXT, text.encode() + b"\n")


def rpc_page(status: int, message: str) -> Page:
    """Make a refusal that a JSON-RPC client can read: an error without an id."""
    return Page(status, JSON, jsonrpc.refusal(invalid_request(message)))


def refusal_of_connection(most: int) -> bytes:
    """Write the whole answer to a client that comes when there are as many as there may be."""
    page = text_page(HTTPStatus.SERVICE_UNAVAILABLE, f"too many connections: {most}")
    return head(page.status, page.content_type, len(page.body), None, keep_alive=False) + page.body
