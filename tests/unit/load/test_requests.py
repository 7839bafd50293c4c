"""Requests that are signed ahead of a load by another process, and inclusion as nonces tell it."""

import re
from array import array
from types import SimpleNamespace

import pytest

from megaeth_cli.load.connections import Connection
from megaeth_cli.load.inclusion import Receipts, latencies, read_nonces, watched
from megaeth_cli.load.requests import Calls, SigningChild
from megaeth_cli.load.senders import Terms, dealt, derived
from megaeth_cli.load.wire import Endpoint, LoadError

HERE = Endpoint("127.0.0.1", 8545)
TERMS = Terms(chain_id=1, gas_limit=21_000, max_fee_wei=1)
RAW = re.compile(rb'"0x([0-9a-f]+)"')


def signed(messages):
    """All transactions of some requests."""
    return [bytes.fromhex(raw.decode()) for message in messages for raw in RAW.findall(message)]


def calls(group):
    return Calls(group, TERMS, [bytes(20)])


@pytest.mark.parametrize("size", [1, 7])
def test_what_is_signed_ahead_is_what_would_be_signed_at_once(size):
    count = 7 * 50
    groups = [calls(group) for group in dealt(derived(b"funder", 5), 2)]
    child = SigningChild(HERE, False, groups, count, size)
    try:
        found = [signed(filter(None, child.requests(connection))) for connection in range(2)]
    finally:
        child.close()
    fresh = [calls(group) for group in dealt(derived(b"funder", 5), 2)]
    assert found == [group.raws(count) for group in fresh]


def test_lanes_that_are_not_read_don_t_hold_up_others():
    groups = [calls(group) for group in dealt(derived(b"funder", 2), 2)]
    child = SigningChild(HERE, False, groups, 5_000, 100)
    try:
        assert len(signed(filter(None, child.requests(1)))) == 5_000
    finally:
        child.close()


def test_watched_senders_are_spread_over_the_lanes():
    assert watched([["a"]] * 3) == [(0, 0), (1, 0), (2, 0)]
    assert len(watched([["a"]] * 100)) == 8


def test_inclusion_is_counted_from_the_request_that_a_transaction_was_in():
    transport = SimpleNamespace()
    connection = Connection(transport, iter(()), weight=2)
    connection.began = array("d", [0.0, 10.0])
    # Two senders take turns: the second one's transactions are the second in each of two requests.
    assert list(latencies(connection, 1, 2, [5.0, 11.0])) == [5.0, 1.0]
    # What was included without having been sent here is somebody else's.
    assert list(latencies(connection, 1, 2, [5.0, 11.0, 12.0])) == [5.0, 1.0]


def test_nonces_are_read_in_order():
    assert read_nonces(b'[{"id":1,"result":"0x2"},{"id":0,"result":"0x1"}]', 2) == [1, 2]
    assert read_nonces(b'{"id":0,"result":"0xa"}', 1) == [10]
    with pytest.raises(LoadError, match="no nonces"):
        read_nonces(b'{"id":0,"error":{"message":"busy"}}', 1)


def test_transactions_that_fail_void_the_load():
    transport = SimpleNamespace(message=lambda body: body)
    receipts = Receipts(transport, [b'"0x02"', b'"0x03"'])
    receipts.answered(b'[{"result":{"status":"0x1"}},{"result":null}]', 0.0)
    with pytest.raises(LoadError, match="fail"):
        receipts.answered(b'[{"result":{"status": "0x0"}}]', 0.0)
