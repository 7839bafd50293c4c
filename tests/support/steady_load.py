"""Transfers at an even rate, from a thread of their own, while a test looks at something else."""

import os
import random
import threading
import time

from devnet._engine import sign_transfers
from devnet.genesis import DEFAULT_MNEMONIC, derive
from tests.support.raw_http import RawHttp

PULSE_S = 0.05
GAS_LIMIT = 2_000_000
"""Enough in a crowded bucket too, where a new account costs more."""
MAX_FEE_WEI = 2_000_000


class SteadyLoad:
    """`with SteadyLoad(node, 500) as load:`; half of the recipients are new. The node needs `accounts` dev accounts."""

    def __init__(self, node, per_second, accounts=100, chain_id=6343):
        self.sent = 0
        self._node, self._chain_id = node, chain_id
        self._each = max(1, round(per_second * PULSE_S))
        self._accounts = derive(DEFAULT_MNEMONIC, accounts)
        self._nonces = [0] * accounts
        self._random = random.Random(5)
        self._error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self):
        try:
            due = time.monotonic()
            with RawHttp(self._node.port, timeout=60) as http:
                while not self._stop.is_set():
                    for raw in self._some():
                        answer = http.call("eth_sendRawTransaction", "0x" + raw.hex())
                        assert "result" in answer, answer
                    self.sent += self._each
                    due += PULSE_S
                    self._stop.wait(max(0.0, due - time.monotonic()))
        except Exception as error:
            self._error = error

    def _some(self):
        chosen = self._random.sample(range(len(self._accounts)), self._each)
        raws = sign_transfers(
            [self._accounts[index].key for index in chosen],
            [self._nonces[index] for index in chosen],
            [self._recipient() for _ in chosen],
            len(chosen),
            chain_id=self._chain_id,
            gas_limit=GAS_LIMIT,
            max_fee_per_gas=MAX_FEE_WEI,
            value=self._random.randrange(10**9, 10**15),
        )
        for index in chosen:
            self._nonces[index] += 1
        return raws

    def _recipient(self):
        if self._random.random() < 0.5:
            return os.urandom(20)
        return bytes.fromhex(self._random.choice(self._accounts).address[2:])
