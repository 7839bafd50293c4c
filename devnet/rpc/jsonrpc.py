"""JSON-RPC 2.0 messages as bytes: what a request is, and how responses and notifications are written.

The engine has the same rules for the bodies that it answers itself (`engine/src/rpc/transport/envelope.rs`). As there,
ids and the parameters of the engine's methods stay the text that they came as, so that no number is rounded on its way.

Not here: which method answers (`dispatch.py`) and how bytes travel (`http.py`, `ws.py`).
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NoReturn

import orjson

from devnet.rpc.errors import Code, PassedOn, RpcFault, invalid_params, invalid_request, limit_exceeded

MAX_DEPTH: Final = 64
"""Deeper JSON than this is refused before anything walks it."""
MAX_VALUES: Final = 200_000
"""More lists, objects and commas than this hold the loop for too long while they are read."""
MAX_DIGITS: Final = 1000
"""Of a number that is read as a whole one: the time that takes grows with the square."""
NULL: Final = b"null"
NOTIFICATION_TAIL: Final = b"}}"
MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params"})
_NO_PARAMS: Final = "[]"

_NEITHER_BRACKET_NOR_QUOTE: Final = bytes(set(range(256)) - set(b'[]{}"'))
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One down, or one up again."""
_STRING: Final = re.compile(rb'"[^"]*"?')
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SPACES: Final = (" ", "\t", "\n", "\r")
_SPACE: Final = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Request:
    """One call of well-formed shape; `reply_to` is the id as it came, None for a notification."""

    method: str
    params: object
    raw_params: str
    reply_to: bytes | None


@dataclass(frozen=True, slots=True)
class Malformed:
    """One element of a body that can't be a request; `reply_to` is its id as far as known, else null."""

    reply_to: bytes
    fault: RpcFault


Entry = Request | Malformed
Raw = tuple[Any, str]
"""A value, and the text that it was read from."""


def read(body: bytes, max_batch: int) -> Entry | list[Entry]:
    """Read a whole body. Raises `RpcFault` with the one answer to what is neither a request nor a batch."""
    text = _bounded(body)
    at = _skip(text, 0)
    if not text.startswith("[", at):
        entry, at = _entry(text, at)
        _end(text, at)
        return entry
    entries: list[Entry] = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        _end(text, at + 1)
        raise invalid_request("empty batch")
    while True:
        if len(entries) == max_batch:
            raise invalid_request(f"batch too large: more than {max_batch} requests")
        entry, at = _entry(text, at)
        entries.append(entry)
        at = _skip(text, at)
        if text.startswith("]", at):
            _end(text, at + 1)
            return entries
        if not text.startswith(",", at):
            raise _unexpected(text, at, '"," or "]"')
        at = _skip(text, at + 1)


def value(text: str) -> Any:  # noqa: ANN401 any JSON value
    """Read JSON that stands as a text within a request. Raises `RpcFault` for parameters."""
    try:
        found, at = _value(_bounded(text.encode()), _skip(text, 0))
        _end(text, at)
    except RpcFault as fault:
        raise invalid_params(f"the text is no JSON that is read: {fault.message}") from None
    _refuse_surrogates(text)
    return found


def _bounded(body: bytes) -> str:
    """JSON as a text, if it is one that can be walked."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise parse_error("not UTF-8") from None
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > MAX_VALUES:
        raise limit_exceeded(f"too many values in one request: about {values}, at most {MAX_VALUES}")
    if deeper_than(body, MAX_DEPTH):
        raise parse_error(f"nested deeper than {MAX_DEPTH} levels")
    return text


def members(text: str, at: int = 0) -> tuple[list[tuple[str, Raw]], int]:
    """The members of an object that begins at a place, each with its text, and where the object ends.

    Raises `RpcFault`.
    """
    found: list[tuple[str, Raw]] = []
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return found, at + 1
    while True:
        if not text.startswith('"', at):
            raise _unexpected(text, at, "a member's name")
        try:
            name, at = _scan_string(text, at + 1)
        except ValueError as error:
            raise parse_error(str(error)) from None
        at = _skip(text, at)
        if not text.startswith(":", at):
            raise _unexpected(text, at, '":"')
        begin = _skip(text, at + 1)
        value, end = _value(text, begin)
        found.append((name, (value, text[begin:end])))
        at = _skip(text, end)
        if text.startswith("}", at):
            return found, at + 1
        if not text.startswith(",", at):
            raise _unexpected(text, at, '"," or "}"')
        at = _skip(text, at + 1)


def deeper_than(body: bytes, limit: int) -> bool:
    """Say whether brackets outside strings nest deeper than `limit`."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    rest = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NEITHER_BRACKET_NOR_QUOTE)
    # Two quotes side by side are an empty string, or two strings with nothing between: either way they change nothing.
    steps = _STRING.sub(b"", rest.replace(b'""', b"")).translate(_STEPS)
    return max(accumulate(array("b", steps)), default=0) > limit


def positional(request: Request) -> list[object]:
    """Return the parameters as a list; Ethereum's methods know no named ones."""
    if not isinstance(request.params, list):
        raise invalid_params("non-array args")
    _refuse_surrogates(request.raw_params)
    return request.params


def _refuse_surrogates(text: str) -> None:
    """Raise `RpcFault` for JSON with half of a surrogate pair, which no text can be encoded with."""
    if _SURROGATE.search(text):
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise invalid_params(f"params hold what is no Unicode text: {error}") from None


def result_message(reply_to: bytes, result: bytes) -> bytes:
    """Write a response that carries a result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (reply_to, result)


def error_message(reply_to: bytes, error: bytes) -> bytes:
    """Write a response that carries an error object."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (reply_to, error)


def outcome(response: bytes) -> Raw:
    """Read the result that a response carries, and return it with its text. Raises its error: `PassedOn`."""
    found = dict(members(response.decode())[0])
    if "error" in found:
        raise PassedOn(*found["error"])
    return found["result"]


def refusal(fault: RpcFault) -> bytes:
    """Write the answer to something that has no id of its own."""
    return error_message(NULL, fault.to_json())


def notification_head(subscription: str) -> bytes:
    """Write what stands before the payload of one subscription's notifications."""
    return (
        b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"%b","result":'
        % subscription.encode()
    )


def parse_error(why: str) -> RpcFault:
    """Build the fault for a body that is no JSON, or none that is read."""
    return RpcFault(Code.PARSE_ERROR, f"Parse error: {why}")


# --- one element of a body --------------------------------------------------------------------------------


def _entry(text: str, at: int) -> tuple[Entry, int]:
    if not text.startswith("{", at):
        _, end = _value(text, at)
        return Malformed(NULL, invalid_request("a request is an object")), end
    found, end = members(text, at)
    known = [(name, raw) for name, raw in found if name in MEMBERS]
    by_name = dict(known)
    if len(by_name) < len(known):
        twice = next(name for name in by_name if [given for given, _ in known].count(name) > 1)
        return Malformed(NULL, invalid_request(f"duplicate field `{twice}`")), end
    return _judge(by_name), end


def _judge(found: dict[str, Raw]) -> Entry:
    identifier, raw_id = found.get("id", (None, "null"))
    if isinstance(identifier, bool | dict | list):
        return Malformed(NULL, invalid_request("id must be a string, a number or null"))
    reply_to = raw_id.encode()
    if found.get("jsonrpc", (None,))[0] != "2.0":
        return Malformed(reply_to, invalid_request('jsonrpc must be "2.0"'))
    method = found.get("method", (None,))[0]
    if not isinstance(method, str) or not _is_unicode(method):
        return Malformed(reply_to, invalid_request("method must be a string"))
    params, raw_params = found.get("params", ([], _NO_PARAMS))
    if params is None:
        params, raw_params = [], _NO_PARAMS
    if not isinstance(params, list | dict):
        return Malformed(reply_to, invalid_params("params must be an array or an object"))
    return Request(method, params, raw_params, reply_to if "id" in found else None)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, by an escape
        return False
    return True


# --- reading JSON -----------------------------------------------------------------------------------------


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _integer(text: str) -> int | float:
    """A whole number; one with more digits than any type has is no integer, as for the engine, but it is JSON."""
    return int(text) if len(text) <= MAX_DIGITS else float(text)


_decoder = json.JSONDecoder(parse_constant=_constant, parse_int=_integer)
_scan: Callable[[str, int], tuple[Any, int]] = vars(_decoder)["scan_once"]
_scan_string: Callable[[str, int], tuple[str, int]] = vars(_decoder)["parse_string"]


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _scan(text, at)
    except StopIteration:
        raise _unexpected(text, at, "a value") from None
    except ValueError as error:
        raise parse_error(str(error)) from None
    return value, end


def _skip(text: str, at: int) -> int:
    """The next place that is no white space."""
    if text.startswith(_SPACES, at) and (found := _SPACE.match(text, at)):
        return found.end()
    return at


def _end(text: str, at: int) -> None:
    at = _skip(text, at)
    if at < len(text):
        raise _unexpected(text, at, "the end")


def _unexpected(text: str, at: int, wanted: str) -> RpcFault:
    found = repr(text[at]) if at < len(text) else "the end"
    return parse_error(f"{wanted} is expected at character {at}, found {found}")
