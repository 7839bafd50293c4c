"""JSON-RPC 2.0 messages as bytes: what a request is, and how responses and notifications are written.

The engine has the same rules for the bodies that it answers itself (`engine/src/rpc/envelope.rs`).

Not here: which method answers (`dispatch.py`) and how bytes travel (`http.py`, `ws.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from devnet.rpc.errors import RpcFault, invalid_params, invalid_request

NULL: Final = b"null"
NOTIFICATION_TAIL: Final = b"}}"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of well-formed shape; `reply_to` is the rendered id, None for a notification."""

    method: str
    params: list[object] | dict[str, object]
    reply_to: bytes | None


def read_request(item: object) -> Request:
    """Check one element of a body. Raise `RpcFault` when it is no request at all."""
    if not isinstance(item, dict):
        raise invalid_request("a request is an object")
    identifier = item.get("id")
    if isinstance(identifier, bool | dict | list):
        raise invalid_request("id must be a string, a number or null")
    if item.get("jsonrpc") != "2.0":
        raise invalid_request('jsonrpc must be "2.0"')
    method = item.get("method")
    if not isinstance(method, str):
        raise invalid_request("method must be a string")
    params = item.get("params")
    if params is None:
        params = []
    if not isinstance(params, list | dict):
        raise invalid_params("params must be an array or an object")
    return Request(method, params, orjson.dumps(identifier) if "id" in item else None)


def id_of(item: object) -> bytes:
    """Return the id to answer a malformed request with: its own if it has a usable one, else null."""
    if isinstance(item, dict):
        identifier = item.get("id")
        if isinstance(identifier, str | int | float) and not isinstance(identifier, bool):
            return orjson.dumps(identifier)
    return NULL


def positional(request: Request) -> list[object]:
    """Return the parameters as a list; Ethereum's methods know no named ones."""
    if isinstance(request.params, list):
        return request.params
    raise invalid_params("non-array args")


def result_message(reply_to: bytes, result: bytes) -> bytes:
    """Write a response that carries a result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (reply_to, result)


def error_message(reply_to: bytes, error: bytes) -> bytes:
    """Write a response that carries an error object."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (reply_to, error)


def refusal(fault: RpcFault) -> bytes:
    """Write the answer to something that has no id of its own."""
    return error_message(NULL, fault.to_json())


def notification_head(subscription: str) -> bytes:
    """Write what stands before the payload of one subscription's notifications."""
    return (
        b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"%b","result":'
        % subscription.encode()
    )
