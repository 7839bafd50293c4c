"""JSON-RPC error codes and the one exception that Python's methods raise.

Not here: the engine's own errors (`devnet._engine.RpcError`), which render themselves.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import orjson

MAX_NAME = 100
"""Of a name that somebody made up, so many characters are told back."""


class Code(IntEnum):
    """Codes of JSON-RPC 2.0, and geth's for everything that a server refuses."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    SERVER_ERROR = -32000
    SYNC_UNREADY = 5
    """EIP-7966: nobody is ready to take the transaction."""
    NOT_LEADING = -32050
    """This node does not lead, or does no more; whoever passes requests on asks who does."""
    METHOD_NOT_SUPPORTED = -32004
    """EIP-1474's; of MegaETH's public endpoint, as the next two."""
    LIMIT_EXCEEDED = -32005
    RESPONSE_TOO_LARGE = -32020
    PAYLOAD_TOO_LARGE = -32099


class RpcFault(Exception):
    """A request that cannot be answered: becomes the `error` object of its response."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message

    def to_json(self) -> bytes:
        """Render the error object."""
        message = self.message.encode(errors="replace").decode()  # it may quote what is no Unicode text
        return b'{"code":%d,"message":%b}' % (self.code, orjson.dumps(message))


class PassedOn(RpcFault):
    """An error object that somebody else has answered with, passed on as it is."""

    def __init__(self, error: dict[str, Any], rendered: str) -> None:
        super().__init__(int(error.get("code", Code.INTERNAL_ERROR)), str(error.get("message", "")))
        self._rendered = rendered.encode()

    def to_json(self) -> bytes:
        """The same object."""
        return self._rendered


def invalid_request(message: str) -> RpcFault:
    """Build the fault for something that is no JSON-RPC request."""
    return RpcFault(Code.INVALID_REQUEST, message)


def invalid_params(message: str) -> RpcFault:
    """Build the fault for parameters of a wrong number, type or form."""
    return RpcFault(Code.INVALID_PARAMS, message)


def method_not_found(method: str) -> RpcFault:
    """Build geth's wording for an unknown method, which clients match on."""
    name = method if len(method) <= MAX_NAME else method[:MAX_NAME] + "..."
    return RpcFault(Code.METHOD_NOT_FOUND, f"the method {name} does not exist/is not available")


def refused(message: str) -> RpcFault:
    """Build the fault for a well-formed request that the node does not fulfil."""
    return RpcFault(Code.SERVER_ERROR, message)


def not_leading(leader: str) -> RpcFault:
    """Build the fault for what only the leader takes, and this node is none. `leader`: who is; empty: nobody knows."""
    who = f"{leader} does" if leader else "and who does is not known yet"
    return RpcFault(Code.NOT_LEADING, f"this node does not lead: {who}")


def limit_exceeded(message: str) -> RpcFault:
    """Build the fault for more than the node does at once."""
    return RpcFault(Code.LIMIT_EXCEEDED, message)


def overdue(what: str, limit_s: float) -> RpcFault:
    """Build the fault for what has been worked on for too long."""
    return refused(f"{what} was not answered within {limit_s:g} s; whether it took effect is not known")
