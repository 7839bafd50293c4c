"""Inclusion as the senders' nonces tell it: never missed by a load that is over soon, never claimed too early."""

import json

import pytest

from megaeth_cli.load.requests import Calls
from megaeth_cli.load.run import Shape, send
from megaeth_cli.load.senders import Terms, dealt, derived
from tests.support.keep_alive_server import server

TERMS = Terms(chain_id=1, gas_limit=21_000, max_fee_wei=1)
CONNECTIONS = 5  # two connections, the watch, the drain, the receipts


class Chain:
    """Takes transfers, and includes them all once somebody has asked `lag` times for the nonces of all senders.

    Who watches a few senders only, while the load runs, sees nothing until then.
    """

    def __init__(self, senders, each, lag):
        self.senders, self.each, self.lag = senders, each, lag

    def answer(self, body):
        asked = json.loads(body)
        if not isinstance(asked, list):
            return json.dumps(self._one(asked)).encode()
        self.lag -= len(asked) == self.senders
        return json.dumps([self._one(one) for one in asked]).encode()

    def _one(self, asked):
        results = {
            "eth_sendRawTransaction": "0x" + "00" * 32,
            "eth_getTransactionReceipt": {"status": "0x1"},
            "eth_getTransactionCount": hex(0 if self.lag > 0 else self.each),
        }
        return {"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]}


@pytest.mark.parametrize("lag", [1, 20])
def test_whatever_is_included_has_a_latency(lag):
    groups = [Calls(part, TERMS, [bytes(20)]) for part in dealt(derived(b"funder", 6), 2)]
    with server(Chain(senders=6, each=4, lag=lag).answer, CONNECTIONS) as (endpoint, _):
        outcome = send(endpoint, groups, Shape(connections=2, count=24))
    assert outcome.clean
    assert outcome.inclusion.of == 8, "all of the two senders that are watched"
    assert outcome.inclusion.p50 > 0
