"""How methods that are composed in Python call the engine."""

import asyncio
import threading

import pytest

from devnet.rpc.backend import Backend


class Engine:
    """Answers `now_*` at once, and `later_*` when it is called; `*_refused` with an error."""

    def __init__(self):
        self.threads = []

    def call_at_once(self, method, params):
        return self.call(method, params) if method.startswith("now") else None

    def call(self, method, params):
        self.threads.append(threading.get_ident())
        if method.endswith("refused"):
            raise LookupError(method)
        return params


def called(engine, method, *params):
    async def call():
        backend = Backend(engine, 1)
        try:
            return await backend.call(method, *params)
        finally:
            backend.close()

    return asyncio.run(call())


@pytest.mark.parametrize("when", ["now", "later"])
def test_a_call_has_the_same_result_and_the_same_error_wherever_it_runs(when):
    assert called(Engine(), f"{when}_echo", "0x1", {"a": None}) == ["0x1", {"a": None}]
    with pytest.raises(LookupError):
        called(Engine(), f"{when}_refused")


def test_only_what_takes_long_leaves_the_event_loop():
    here = threading.get_ident()
    for method, stays in (("now_echo", True), ("later_echo", False)):
        engine = Engine()
        called(engine, method)
        assert [thread == here for thread in engine.threads] == [stays], method
