"""What attackers do. Each attack takes about a second at most, and counts what it did; some look at what they got.

Whatever an attacker sends, the node may answer, refuse or hang up. It may not fall silent (`silent`), answer what is no
answer (`garbled`), or say that it is at fault itself (`internal`).
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from websockets.frames import Frame, Opcode

from tests.support import wallet
from tests.support.raw_http import RawHttp, post
from tests.torture.rpc.report import Report
from tests.torture.rpc.words import ACCOUNTS, Words

PATIENCE_S = 60.0
"""After which an answer counts as never given."""
SHORTLY_S = 0.3
INTERNAL_ERROR = -32603
UNREADABLE = (-32700, -32600)
SPIN = {"0x" + "5c" * 20: {"code": "0x5b600056"}}
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass
class Attacker:
    """Somebody with a source of chance, the nodes' ports, and a place to write down what he did and saw."""

    random: random.Random
    ports: tuple[int, ...]
    report: Report

    def __post_init__(self) -> None:
        self.words = Words(self.random)

    def port(self) -> int:
        """One of the nodes."""
        return self.random.choice(self.ports)


def rpc(attacker: Attacker) -> None:
    """The same mutated bodies to every node: each is answered, and what one node can't read no other can."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(RawHttp(port, timeout=PATIENCE_S)) for port in attacker.ports]
        for _ in range(20):
            body = attacker.words.body()
            codes = {_answer_to(attacker, node, body) for node in nodes}
            attacker.report.counts["rpc: bodies"] += 1
            unreadable = codes & set(UNREADABLE)
            if unreadable and len(codes) > 1:
                attacker.report.fault("differing", f"{codes} for {body[:500]!r}")


def _answer_to(attacker: Attacker, node: RawHttp, body: bytes) -> int | None:
    """The code of the error that a body is answered with as a whole, if it is."""
    report = attacker.report
    try:
        status, _, content = node.post(body)
    except TimeoutError:
        report.fault("silent", f"no answer within {PATIENCE_S:g} s to {body[:500]!r}")
        raise
    if status not in (200, 204):
        report.fault("garbled", f"status {status} for {body[:500]!r}")
        return None
    if not content:
        return None
    try:
        answer = json.loads(content)
    except ValueError:
        report.fault("garbled", f"{content[:200]!r} for {body[:500]!r}")
        return None
    answers = answer if isinstance(answer, list) else [answer]
    for each in answers:
        if each.get("error", {}).get("code") == INTERNAL_ERROR:
            report.fault("internal", f"{each['error']} for {body[:500]!r}")
    _check_ids(report, body, answers)
    return answer["error"]["code"] if isinstance(answer, dict) and "error" in answer else None


def _check_ids(report: Report, body: bytes, answers: list[Any]) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(body)
        requests = asked if isinstance(asked, list) else [asked]
        ids = [each["id"] for each in requests if isinstance(each, dict) and "id" in each]
        strangers = [each["id"] for each in answers if each["id"] is not None and each["id"] not in ids]
        if strangers:
            report.fault("garbled", f"ids {strangers} in the answer to {body[:500]!r}")


def http(attacker: Attacker) -> None:
    """Exchanges with something wrong about them: methods, heads, chunks, trailers, spoiled bytes, all at once."""
    random_, words = attacker.random, attacker.words
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
    body = words.body()
    chunked = b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(body[at : at + 9]), body[at : at + 9]) for at in range(0, len(body), 9)
    )
    whole = random_.choice(
        [
            lambda: post(body) * random_.choice([1, 5, 50]),
            lambda: words.spoiled(post(body)),
            lambda: head + chunked + b"0\r\n\r\n",
            lambda: words.spoiled(head + chunked + b"0\r\n\r\n"),
            lambda: head + chunked + b"0\r\n" + b"X-T: y\r\n" * random_.choice([1, 100, 100_000]) + b"\r\n",
            lambda: head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 200_000,
            lambda: head + b"X-Head: " + b"x" * random_.choice([1_000, 70_000, 10**6]),
            lambda: head + b"X: y\r\n" * 20_000,
            lambda: b"GET /metrics HTTP/1.1\r\n\r\n" * 2_000,
            lambda: b"GET /healthz HTTP/1.1\r\n\r\n" * 5_000,
            lambda: random_.choice([b"PUT", b"BREW", b"OPTIONS", b"HEAD"]) + b" / HTTP/1.1\r\n\r\n",
            lambda: random_.randbytes(random_.choice([1, 100, 10_000])),
            lambda: b"\r\n" * 50_000,
        ]
    )()
    _send_and_drain(attacker, whole)
    attacker.report.counts["http: exchanges"] += 1


def websocket(attacker: Attacker) -> None:
    """Frames as nobody sends them: a byte each, of no opcode, unmasked, unfinished, thousands of pings."""
    random_, words = attacker.random, attacker.words
    body = words.body()

    def frame(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
        return Frame(opcode, payload, fin).serialize(mask=True)

    def in_parts(size: int) -> bytes:
        parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        frames = [frame(Opcode.CONT if at else Opcode.TEXT, part, fin=False) for at, part in enumerate(parts)]
        return b"".join(frames) + frame(Opcode.CONT, b"")

    subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe"}
    kinds = [["newHeads"], ["miniBlocks"], ["logs", words.filter()], ["logs", {}], [words.value()]]
    frames = random_.choice(
        [
            lambda: frame(Opcode.TEXT, body) * random_.choice([1, 20]),
            lambda: in_parts(1),
            lambda: in_parts(7),
            lambda: frame(Opcode.TEXT, b"", fin=False) + frame(Opcode.CONT, b"", fin=False) * 20_000,
            lambda: frame(Opcode.PING, b"?") * 20_000,
            lambda: frame(Opcode.PONG, b"") * 20_000,
            lambda: words.spoiled(frame(Opcode.TEXT, body)),
            lambda: bytes([0x80 | random_.randrange(16), 0x80, 0, 0, 0, 0]),
            lambda: b"\x81\xff" + (2**63 - 1).to_bytes(8, "big") + b"\0" * 100,
            lambda: random_.randbytes(1_000),
            lambda: b"".join(
                frame(Opcode.TEXT, words.text({**subscribe, "params": random_.choice(kinds)}))
                for _ in range(200)
            ),
        ]
    )()
    _send_and_drain(attacker, HANDSHAKE + frames)
    attacker.report.counts["websocket: connections"] += 1


def slow(attacker: Attacker) -> None:
    """A client that sends byte by byte and reads nothing, and then goes without a word."""
    data = post(attacker.words.body() * 100)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", attacker.port())) as client:
        for byte in data[:20]:
            client.send(bytes([byte]))
            time.sleep(SHORTLY_S / 20)
        client.setblocking(False)
        client.send(data[20:])
    attacker.report.counts["slow: connections"] += 1


def flood(attacker: Attacker) -> None:
    """More connections than there is room for: some say nothing, some ask, all leave at once."""
    opened = []
    with contextlib.suppress(OSError):
        for _ in range(300):
            client = socket.create_connection(("127.0.0.1", attacker.port()), timeout=PATIENCE_S)
            opened.append(client)
            if attacker.random.random() < 0.3:
                client.sendall(post(attacker.words.body()))
    for client in opened:
        client.close()
    attacker.report.counts["flood: connections"] += len(opened)


def abandon(attacker: Attacker) -> None:
    """Work that is asked for and not waited for: long calls, long searches, large documents to sign."""
    random_ = attacker.random
    calls = [
        ("eth_call", [{"to": next(iter(SPIN)), "gas": hex(20_000_000)}, "latest", SPIN]),
        ("eth_estimateGas", [{"to": next(iter(SPIN)), "gas": hex(20_000_000)}, "latest", SPIN]),
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}]),
        ("eth_signTypedData_v4", [wallet.address(random_.choice(ACCOUNTS)), _large_document(20_000)]),
        ("mega_getMiniBlockRecords", ["0x0", hex(random_.choice([10, 1_000]))]),
        ("eth_feeHistory", ["0x400", "latest", [1, 50, 99]]),
    ]
    method, params = random_.choice(calls)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", attacker.port())) as client:
        client.settimeout(PATIENCE_S)
        client.sendall(post(body) * random_.choice([1, 3]))
        if random_.random() < 0.5:
            client.shutdown(socket.SHUT_WR)
    attacker.report.counts["abandon: calls"] += 1


def _large_document(values: int) -> dict[str, Any]:
    types = {"EIP712Domain": [], "T": [{"name": "a", "type": "uint8[]"}]}
    return {"types": types, "primaryType": "T", "domain": {}, "message": {"a": [1] * values}}


def _send_and_drain(attacker: Attacker, data: bytes) -> None:
    """Send everything at once, read for a moment what comes, and go."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", attacker.port())) as client:
        client.settimeout(SHORTLY_S)
        client.sendall(data)
        end = time.monotonic() + SHORTLY_S
        while time.monotonic() < end and client.recv(65_536):
            pass


ATTACKS: dict[str, Callable[[Attacker], None]] = {
    attack.__name__: attack for attack in (rpc, http, websocket, slow, flood, abandon)
}
