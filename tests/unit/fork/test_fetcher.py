"""The engine's questions, answered."""

import queue

import pytest

from devnet.fork import Fetcher, ForkCache, ForkPoint, RemoteFault, RemoteSilentError

POINT = ForkPoint(1, 5, "0x" + "ab" * 32, 100)


class Questions:
    """An engine that asks, and keeps what it is told."""

    def __init__(self):
        self.open = queue.Queue()
        self.told = queue.Queue()

    def fork_question(self, timeout_ms):
        try:
            return self.open.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return None

    def fork_answer(self, question, result):
        self.told.put((question, result))

    def fork_failure(self, question, code, message, data=None):
        self.told.put((question, code, message, data))


class Said:
    """A remote that gives or raises what the parameters say."""

    def ask(self, method, params):
        outcomes = {
            "fault": RemoteFault(-32601, "no such method", b"7"),
            "silence": RemoteSilentError("nobody answers", "timeout"),
        }
        if params in outcomes:
            raise outcomes[params]
        return f'"{method} {params}"'.encode()

    def close(self):
        """Hang up."""


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("[]", (1, b'"m []"')),
        ("fault", (1, -32601, "no such method", b"7")),
        ("silence", (1, -32000, "nobody answers: timeout", None)),
    ],
)
def test_each_question_is_answered_or_told_why_not(tmp_path, params, told):
    engine, died = Questions(), []
    fetcher = Fetcher(engine, Said(), ForkCache(tmp_path, POINT), died.append)
    fetcher.start()
    engine.open.put((1, "m", params))

    assert engine.told.get(timeout=10) == told

    fetcher.stop(10)
    assert died == []
    # What was answered is kept; the cache is closed, so that it can be opened again.
    with ForkCache(tmp_path, POINT) as cache:
        assert (cache.get("m", params) is not None) == (len(told) == 2)
