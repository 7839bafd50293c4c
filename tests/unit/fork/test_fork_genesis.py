"""What the document of a forked chain takes from the remote: asked side by side, put together in order."""

import json
import threading

import pytest

from devnet.fork import ForkPoint, RemoteSilentError, fork_genesis
from devnet.fork.side_by_side import AT_ONCE, side_by_side
from devnet.genesis import derive, predeploys

POINT = ForkPoint(chain_id=1, number=40, hash="0x" + "ab" * 32, timestamp=7)
ACCOUNTS = derive("test test test test test test test test test test test junk", 30)


def document(ask, spec="rex6"):
    return fork_genesis(POINT, ACCOUNTS, 10**18, {}, ask, spec=spec, crowded={})


def test_accounts_have_the_nonces_of_the_remote_each_its_own():
    nonces = {account.address.lower(): hex(7 * at) for at, account in enumerate(ACCOUNTS)}

    def ask(method, params):
        address, block = json.loads(params)
        assert block == hex(POINT.number)
        return json.dumps("0x" if method == "eth_getCode" else nonces[address]).encode()

    alloc = document(ask)["alloc"]
    assert {address: alloc[address]["nonce"] for address in nonces} == nonces


def test_predeploys_are_added_where_the_remote_has_nothing():
    there = set(list(predeploys())[::2])

    def ask(method, params):
        address = json.loads(params)[0]
        return (b'"0x00"' if address in there else b'"0x"') if method == "eth_getCode" else b'"0x0"'

    alloc = document(ask)["alloc"]
    missing = set(predeploys()) - there
    assert missing and missing <= set(alloc)
    assert not (there & set(alloc)) - {account.address.lower() for account in ACCOUNTS}


def test_under_ethereums_rules_no_code_is_asked_for():
    methods = []

    def ask(method, params):
        methods.append(method)
        return b'"0x0"'

    document(ask, spec="equivalence")
    assert methods == ["eth_getTransactionCount"] * len(ACCOUNTS)


def test_a_nonce_that_is_none_is_told():
    with pytest.raises(RemoteSilentError, match="garbage"):
        document(lambda method, params: b'"0x"' if method == "eth_getCode" else b'"many"')


def test_questions_are_under_way_together_and_answered_in_order():
    together = threading.Barrier(AT_ONCE, timeout=10)

    def ask(number):
        together.wait()
        return number * number

    assert side_by_side(ask, range(2 * AT_ONCE)) == [number * number for number in range(2 * AT_ONCE)]


def test_after_the_first_failure_nothing_more_is_asked():
    asked = []

    def ask(number):
        asked.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        side_by_side(ask, range(1_000))
    assert len(asked) < 1_000
