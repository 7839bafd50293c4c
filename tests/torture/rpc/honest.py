"""Clients that mean well, and know what they must hear: whatever others do meanwhile, they get it."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import WebSocketException

from devnet._engine import keccak256
from tests.support import wallet
from tests.support.node import Node
from tests.support.raw_http import RawHttp
from tests.support.socket_client import SocketClient
from tests.torture.rpc.report import Report

PATIENCE_S = 60.0
PAUSE_S = 0.05
REFUSED_FOR_S = 60.0
"""So long a client may be turned away while all places are taken, until that counts as a fault."""

Call = Callable[..., dict[str, Any]]


class Honest(threading.Thread):
    """One client of one node, over HTTP or a WebSocket, that comes again when it is hung up on."""

    def __init__(self, node: Node, sender: int, seed: int, *, over_websocket: bool) -> None:
        super().__init__(name=f"honest client {sender} of {node.name}")
        self.report = Report(seed)
        self._node = node
        self._sender = sender
        self._random = random.Random(seed)
        self._over_websocket = over_websocket
        self._stopping = threading.Event()
        self._sent = 0

    def stop(self) -> None:
        """Have it ask nothing more."""
        self._stopping.set()

    def run(self) -> None:
        """Ask until told to stop."""
        heard = time.monotonic()
        while not self._stopping.is_set():
            try:
                with self._connect() as client:
                    while not self._stopping.wait(PAUSE_S):
                        self._ask(client.call)
                        heard = time.monotonic()
            except TimeoutError:
                self.report.fault("silent", f"{self.name} waited {PATIENCE_S:g} s for an answer")
                heard = time.monotonic()
            except (OSError, EOFError, WebSocketException, AssertionError):
                self.report.counts["honest: turned away"] += 1
                if time.monotonic() - heard > REFUSED_FOR_S:
                    self.report.fault("refused", f"{self.name} was not let in for {REFUSED_FOR_S:g} s")
                    heard = time.monotonic()
                self._stopping.wait(PAUSE_S)
            except Exception as error:
                self.report.fault("wrong", f"{self.name}: {error!r}")

    def _connect(self) -> contextlib.AbstractContextManager[Any]:
        if self._over_websocket:
            return SocketClient(self._node.ws_url)
        return RawHttp(self._node.port, timeout=PATIENCE_S)

    def _ask(self, call: Call) -> None:
        question = self._random.choice(
            [self._constants, self._hash, self._arithmetic, self._signature, self._transfer, self._refusals]
        )
        question(call)

    def _expect(self, call: Call, expected: object, method: str, *params: object) -> None:
        answer = self._timed(call, method, *params)
        self.report.counts["honest: answers"] += 1
        found = answer.get("result", answer.get("error", {}).get("code"))
        if found != expected:
            shown = json.dumps(params)[:300]
            self.report.fault("wrong", f"{self.name}: {method} {shown}: {str(answer)[:300]}, not {expected}")

    def _timed(self, call: Call, method: str, *params: object) -> dict[str, Any]:
        began = time.monotonic()
        answer = call(method, *params)
        self.report.slowest_s = max(self.report.slowest_s, time.monotonic() - began)
        return answer

    # --- questions whose answers are known ----------------------------------------------------------------

    def _constants(self, call: Call) -> None:
        self._expect(call, hex(wallet.CHAIN_ID), "eth_chainId")
        self._expect(call, str(wallet.CHAIN_ID), "net_version")
        self._expect(call, "0x0", "eth_getBalance", "0x" + "f" * 40, "latest")

    def _hash(self, call: Call) -> None:
        data = self._random.randbytes(self._random.choice([0, 10, 5_000]))
        self._expect(call, "0x" + keccak256(data).hex(), "web3_sha3", "0x" + data.hex())

    def _arithmetic(self, call: Call) -> None:
        """PUSH a PUSH b ADD, returned."""
        first, second = self._random.randrange(2**15), self._random.randrange(2**15)
        code = f"0x61{first:04x}61{second:04x}0160005260206000f3"
        account = "0x" + "ad" * 20
        override = {account: {"code": code}}
        self._expect(call, f"0x{first + second:064x}", "eth_call", {"to": account}, "latest", override)

    def _signature(self, call: Call) -> None:
        account = wallet.address(self._sender)
        message = "0x" + self._random.randbytes(20).hex()
        signed = self._timed(call, "eth_sign", account, message)
        self._expect(call, signed.get("result"), "personal_sign", message, account)

    def _refusals(self, call: Call) -> None:
        self._expect(call, -32601, "eth_nonsense")
        self._expect(call, -32602, "eth_getBalance", "0x12")

    def _transfer(self, call: Call) -> None:
        """A transaction is executed once, and everybody who is asked knows it."""
        raw, digest = wallet.signed_with_hash(self._sender, self._sent, to="0x" + "e0" * 20, value="0x1")
        answer = self._timed(call, "realtime_sendRawTransaction", raw)
        if "the sequencer cannot be reached" in str(answer):  # it is full: said so, and tried again
            self.report.counts["honest: not forwarded"] += 1
            return
        self.report.counts["honest: transactions"] += 1
        receipt = answer.get("result")
        if receipt is None and "already" not in str(answer) and "nonce too low" not in str(answer):
            self.report.fault("wrong", f"{self.name}: a transfer was answered with {str(answer)[:300]}")
            return
        self._sent += 1
        found = self._timed(call, "eth_getTransactionReceipt", digest).get("result")
        if found is None or found["status"] != "0x1":
            self.report.fault("wrong", f"{self.name}: the receipt of {digest} is {found}")
