"""An engine without a chain, for tests of framing only: it echoes, now or later.

Answers that take HTTP's short way say so in a header of their own; messages that take WebSocket's are counted.
"""

import json
import os
import threading

from websockets.frames import Frame, Opcode

from devnet._engine import SealedBlock, SealedMini

SHORT_WAY = b"Way: short\r\n"


class FakeEngine:
    """Answers `now_*` methods at once and `later_*` methods when told to; knows no others."""

    def __init__(self):
        self._completed = []
        self._ear, self._hammer = os.pipe()
        self._held = []
        self._heads = {}
        self._lock = threading.Lock()
        self.hold = False
        self.lone_messages = 0
        self.calls = []
        self.minis = {}
        self.pending = []
        self.told = []
        self.cancelled = []

    def methods(self):
        return ["now_echo", "later_echo", "now_large"]

    def submit(self, body, token):
        try:
            message = json.loads(body)
        except ValueError:
            return b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
        items = message if isinstance(message, list) else [message]
        if any(item["method"] not in self.methods() for item in items):
            return False
        responses = [self._answer(item) for item in items if "id" in item]
        response = b",".join(responses)
        if isinstance(message, list) and response:
            response = b"[" + response + b"]"
        return self._now_or_later(any(item["method"].startswith("later") for item in items), token, response)

    def cancel(self, connection):
        self.cancelled.append(connection)

    def learn_head(self, message, length):
        self._heads[message[: len(message) - length]] = length

    def submit_http(self, message, token):
        head, end, body = message.partition(b"\r\n\r\n")
        if self._heads.get(head + end) != len(body):
            return False
        answer = self.submit(body, (token, _framed))
        return _framed(answer) if isinstance(answer, bytes) else answer

    def submit_ws(self, data, token):
        head, mask, masked = data[:2], data[2:6], data[6:]
        if len(masked) > 125 or head != bytes((0x81, 0x80 | len(masked))):
            return False
        self.lone_messages += 1
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
        answer = self.submit(body, (token, _text_frame))
        return _text_frame(answer) if isinstance(answer, bytes) else answer

    def submit_one(self, method, params, id, token):
        item = {"method": method, "params": json.loads(params)}
        response = self._answer({**item, "id": json.loads(id)}) if id else b""
        return self._now_or_later(method.startswith("later"), token, response)

    def _now_or_later(self, later, token, response):
        if not later:
            return response
        if self.hold:
            with self._lock:
                self._held.append((token, response))
        else:
            self._complete([(token, response)])
        return True

    def _answer(self, item):
        result = item.get("params", [])
        if item["method"] == "now_large":
            result = "x" * result[0]
        elif item["method"] not in self.methods():
            result = json.loads(self.call(item["method"], json.dumps(result)))
        return json.dumps({"jsonrpc": "2.0", "id": item["id"], "result": result}).encode()

    def held(self):
        with self._lock:
            return len(self._held)

    def held_tokens(self):
        with self._lock:
            return [token[0] if isinstance(token, tuple) else token for token, _ in self._held]

    def release(self, *, newest_first=False):
        """Complete everything that is held, in one list."""
        with self._lock:
            items, self._held = self._held, []
        self._complete(items[::-1] if newest_first else items)

    def _complete(self, items):
        with self._lock:
            self._completed += items
        os.write(self._hammer, b"!")

    def completions(self):
        os.read(self._ear, 1)
        with self._lock:
            items, self._completed = self._completed, []
        return [
            (token[0], token[1](response)) if isinstance(token, tuple) else (token, response)
            for token, response in items
        ]

    def wakeup_fd(self):
        return self._ear

    def stop(self):
        os.close(self._ear)
        os.close(self._hammer)

    def call(self, method, params):
        self.calls.append((method, json.loads(params)))
        return b"null"

    def call_at_once(self, method, params):
        return self.call(method, params) if method.startswith("now") else None

    def mini_json(self, number):
        self.calls.append(("mini_json", number))
        return self.minis.get(number, b'{"mini_block_number":"%b"}' % hex(number).encode())

    def head_json(self, block):
        self.calls.append(("head_json", block))
        return b'{"number":"%b"}' % hex(block).encode()

    def logs_json(self, filter, mini):
        self.calls.append(("logs_json", mini))
        return [b'{"filter":%b,"mini":%d,"removed":false}' % (filter, mini)]

    def state_changes_json(self, mini, addresses):
        named = [b"0x" + address.hex().encode() for address in addresses]
        return [b'{"address":"%b"}' % address for address in named or [b"any"]]

    def pending_hashes(self, cursor):
        return len(self.pending), self.pending[cursor:]

    def published(self, sealed_us):
        self.told.append(sealed_us)

    def metrics(self):
        return {"pool_admitted": 7, "pool_pending": 2}

    def pipeline(self):
        took = {"count": 4, "sum_ns": 30_000_000, "max_ns": 20_000_000, "buckets": [[1023, 1], [10485759, 3]]}
        stages = [
            {"name": "recover", "depth": 3, "capacity": 65536, **took},
            {"name": "log", "depth": None, "capacity": None, **took},
        ]
        intervals = {"target_us": 10_000, "on_time": 3, **took, "late": {"close": took}}
        return json.dumps({"stages": stages, "intervals": intervals}).encode()


def _framed(body):
    if not body:
        return b"HTTP/1.1 204 No Content\r\n%b\r\n" % SHORT_WAY
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (SHORT_WAY, len(body), body)


def _text_frame(body):
    return Frame(Opcode.TEXT, body).serialize(mask=False) if body else b""


def mini(number, index=1, tx_count=0, block=1):
    return SealedMini(number, block, index, 1_000_000 + number, b"", [bytes(32)] * tx_count)


def block(number):
    return SealedBlock(number, bytes(32), b"", [], b"")
