"""Answers of the remote on disk."""

from dataclasses import replace

import pytest

from devnet.fork import ForkCache, ForkPoint
from devnet.storage.errors import Corrupted

POINT = ForkPoint(1, 5, "0x" + "ab" * 32, 100)


def test_what_was_answered_stays(tmp_path):
    asked = []

    def ask(method, params):
        asked.append((method, params))
        return b'"0x7"'

    for _ in range(2):
        with ForkCache(tmp_path, POINT) as cache:
            assert cache.through(ask, "eth_getBalance", '["0x1"]') == b'"0x7"'
            assert cache.through(ask, "eth_getBalance", '["0x2"]') == b'"0x7"'
            assert cache.through(ask, "other", "[]") == b'"0x7"'
    assert asked == [("eth_getBalance", '["0x1"]'), ("eth_getBalance", '["0x2"]'), ("other", "[]")]


@pytest.mark.parametrize("passing", [b"null", b'{"hash":"0x1","blockNumber":null}'])
def test_what_may_change_is_asked_again(tmp_path, passing):
    answers = [passing, b'"there now"']
    with ForkCache(tmp_path, POINT) as cache:
        assert cache.through(lambda *_: answers.pop(0), "m", "[]") == passing
        assert cache.through(lambda *_: answers.pop(0), "m", "[]") == b'"there now"'


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        ("eth_getBalance", b'"rich"'),
        ("eth_getTransactionCount", b"7"),
        ("eth_getStorageAt", b'"0x' + b"0" * 65 + b'"'),
        ("eth_getCode", b'"0x123"'),
        ("eth_getCode", b"null"),
    ],
)
def test_nonsense_is_not_kept(tmp_path, method, nonsense):
    with ForkCache(tmp_path, POINT) as cache:
        assert cache.through(lambda *_: nonsense, method, "[]") == nonsense
        assert cache.through(lambda *_: b'"0x12"', method, "[]") == b'"0x12"'
        assert cache.get(method, "[]") == b'"0x12"'


@pytest.mark.parametrize("other", [{"chain_id": 2}, {"number": 6}, {"hash": "0x" + "cd" * 32}])
def test_another_chain_or_block_has_a_cache_of_its_own(tmp_path, other):
    with ForkCache(tmp_path, POINT) as cache:
        cache.put("m", "[]", b"1")
    with ForkCache(tmp_path, replace(POINT, **other)) as cache:
        assert cache.get("m", "[]") is None


def test_a_damaged_cache_is_no_surprise(tmp_path):
    with ForkCache(tmp_path, POINT) as cache:
        cache.put("m", "[]", b"1")
    for path in tmp_path.glob("*/CURRENT"):
        path.write_text("nothing\n")

    with pytest.raises(Corrupted, match="cache of the fork"):
        ForkCache(tmp_path, POINT)
