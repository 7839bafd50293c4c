"""All that is needed to check one block, fetched from a node: the block, its parent's header, witness, records, code.

Blocking; for worker threads, each with connections of its own. Nothing that comes is believed.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from devnet.proving.claim import read_hex
from devnet.proving.code_cache import CodeCache

TIMEOUT_S: Final = 20.0
MAX_BYTES: Final = 512 * 1024 * 1024
WITNESS_VERSION: Final = "v0:"

Json = Any


class Unavailable(Exception):
    """The node does not have it, or not (any more) in a form that can be read."""


@dataclass(frozen=True)
class VerificationInput:
    """Of one block."""

    number: int
    hash: bytes
    """What the node says; checked by the check."""
    block: bytes
    """`eth_getBlockByNumber` with transactions, as JSON."""
    parent: bytes
    witness: str
    """`mega_getBlockWitness`'s answer."""
    records: tuple[bytes, ...]
    """The devnet's log of the block: its parent's record, where there is one, its mini-blocks' and its own."""


def block_records(answer: Mapping[str, Json]) -> tuple[bytes, ...]:
    """What `mega_getBlockRecords` answers, as the records follow each other in the log."""
    parent = answer.get("parent")
    texts = [*([parent] if parent else []), *answer["minis"], answer["block"]]
    return tuple(bytes.fromhex(text[2:]) for text in texts)


class NodeReader:
    """Reads from nodes by URL. May be used by any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._local = threading.local()

    def material(self, url: str, number: int) -> VerificationInput:
        """Everything but the code."""
        block, parent, witness, records = self.batch(
            url,
            [
                ("eth_getBlockByNumber", [hex(number), True]),
                ("eth_getHeaderByNumber", [hex(number - 1)]),
                ("mega_getBlockWitness", [{"blockNumber": hex(number)}]),
                ("mega_getBlockRecords", [hex(number)]),
            ],
        )
        if block is None or parent is None or not witness or records is None:
            raise Unavailable(f"{url} does not have block {number}")
        try:
            return VerificationInput(
                number,
                read_hex(block["hash"], 32),
                json.dumps(block).encode(),
                json.dumps(parent).encode(),
                str(witness),
                block_records(records),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{url} gave something else than block {number}: {error}") from None

    def witness(self, url: str, number: int) -> str:
        """A block's witness alone, as `mega_getBlockWitness` answers."""
        [witness] = self.batch(url, [("mega_getBlockWitness", [{"blockNumber": hex(number)}])])
        if not isinstance(witness, str) or not witness:
            raise Unavailable(f"{url} has no witness of block {number}")
        return witness

    def block_hash(self, url: str, number: int) -> bytes:
        """The hash of the block that a node has under a number."""
        [block] = self.batch(url, [("eth_getBlockByNumber", [hex(number), False])])
        try:
            return read_hex(block["hash"], 32)
        except (ValueError, KeyError, TypeError):
            raise Unavailable(f"{url} does not have block {number}") from None

    def codes(self, url: str, hashes: list[bytes], cache: CodeCache) -> list[tuple[bytes, bytes]]:
        """(hash, code) of each, from the cache or else from the node; what has another hash is not accepted."""
        missing = cache.missing(hashes)
        if missing:
            calls: list[tuple[str, list[Json]]] = [
                ("eth_getCodeByHash", ["0x" + code_hash.hex()]) for code_hash in missing
            ]
            for code_hash, text in zip(missing, self.batch(url, calls), strict=True):
                try:
                    code = bytes.fromhex(str(text)[2:])
                except ValueError:
                    code = b""
                if not cache.put(code_hash, code):
                    raise Unavailable(f"{url} gave other code than that of 0x{code_hash.hex()}")
        found = [(code_hash, cache.get(code_hash)) for code_hash in hashes]
        return [(code_hash, code) for code_hash, code in found if code is not None]

    def batch(self, url: str, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The results of several calls in their order; any error makes all unavailable."""
        body = json.dumps(
            [
                {"jsonrpc": "2.0", "id": index, "method": method, "params": params}
                for index, (method, params) in enumerate(calls)
            ]
        )
        try:
            answers = json.loads(self._post(url, body))
            by_id = {answer["id"]: answer for answer in answers}
            results = [by_id[index] for index in range(len(calls))]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{url}: {error!r}") from None
        for (method, _), answer in zip(calls, results, strict=True):
            if "error" in answer:
                raise Unavailable(f"{url}: {method}: {answer['error'].get('message')}")
        return [answer.get("result") for answer in results]

    def _post(self, url: str, body: str) -> bytes:
        connections: dict[str, http.client.HTTPConnection] = self._local.__dict__.setdefault("open", {})
        kept = url in connections
        connection = connections.get(url)
        if connection is None:
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._timeout_s)
            connections[url] = connection
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse().read(MAX_BYTES + 1)
        except (OSError, http.client.HTTPException):
            connection.close()
            del connections[url]
            if kept:
                return self._post(url, body)
            raise
        if len(answer) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return answer
