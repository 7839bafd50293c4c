"""The service with an engine and a worker that the test plays."""

import threading
from collections.abc import Callable

import pytest

from devnet.jit.cache import Cache
from devnet.jit.child import Compiled, Died, Refused
from devnet.jit.policy import GAS_PER_BYTE, LARGEST, SHORTEST, Policy
from devnet.jit.service import JitService

RULES = b'{"spec":"rex6","static_gas":[],"exp_byte_gas":50}'
COLD, HOT, HUGE = b"\x0c" * 32, b"\x0f" * 32, b"\xff" * 32
OTHER, TINY = b"\xaa" * 32, b"\xbb" * 32
CODE = {COLD: bytes(100), HOT: bytes(200), HUGE: bytes(LARGEST + 1), OTHER: bytes(100), TINY: bytes(2)}


class PlayedEngine:
    def __init__(self) -> None:
        self.gas: dict[bytes, int] = {}
        self.loaded: dict[bytes, bytes] = {}
        self.news = threading.Event()
        self.idle = threading.Event()
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens elsewhere before the first look."""

    def native_wait(self, seconds: float) -> bool:
        self.idle.set()
        came = self.news.wait(seconds)
        self.news.clear()
        return came

    def native_candidates(self, limit: int) -> list[tuple[bytes, int, int]]:
        self.meanwhile()
        hottest = sorted(self.gas.items(), key=lambda one: -one[1])
        return [(code_hash, gas, 1) for code_hash, gas in hottest if code_hash not in self.loaded][:limit]

    def load_native(self, code_hash: bytes, object: bytes) -> None:
        if object == b"bad":
            raise RuntimeError("not an object")
        self.loaded[code_hash] = object

    def native_status(self) -> bytes:
        return b"[]"

    def native_code(self, code_hash: bytes) -> bytes | None:
        return CODE.get(code_hash)


class PlayedWorker:
    def __init__(self) -> None:
        self.started = False
        self.jobs: list[bytes] = []
        self.answer: bytes | Exception = b"object"
        self.facts: dict[str, int | None] = {}

    def start(self) -> None:
        self.started = True

    def compile(self, code: bytes, rules: bytes, *, assembly: bool = False) -> Compiled:
        self.jobs.append(code)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Compiled(self.answer, len(self.answer), 0.1, self.facts)

    def close(self) -> None:
        return


@pytest.fixture
def engine():
    return PlayedEngine()


@pytest.fixture
def worker():
    return PlayedWorker()


@pytest.fixture
def run(engine, worker, tmp_path):
    """Runs a service until it has nothing more to do; gives its status by code hash."""

    def go(gas: dict[bytes, int], mode: str = "on") -> dict[str, dict]:
        engine.gas = gas
        engine.idle.clear()
        errors: list[BaseException] = []
        service = JitService(engine, RULES, tmp_path, Policy(mode), child=worker, failure=errors.append)
        service.start()
        if mode != "off":
            assert engine.idle.wait(10)
        service.stop()
        engine.news.set()
        assert errors == []
        return {one["codeHash"]: one for one in service.status()["contracts"]}

    return go


def test_contract_is_compiled_once_its_gas_has_paid(run, engine, worker):
    assert run({COLD: 100 * GAS_PER_BYTE - 1})[f"0x{COLD.hex()}"]["state"] == "waiting"
    assert engine.loaded == {}
    run({COLD: 100 * GAS_PER_BYTE})
    assert engine.loaded == {COLD: b"object"}


def test_compiler_is_started_before_a_contract_has_paid_for_its_work(run, worker):
    run({COLD: 9 * GAS_PER_BYTE})
    assert not worker.started
    run({COLD: 10 * GAS_PER_BYTE})
    assert worker.started
    assert worker.jobs == []


def test_hottest_goes_first(run, worker):
    run({COLD: 300 * GAS_PER_BYTE, HOT: 400 * GAS_PER_BYTE})
    assert worker.jobs == [CODE[HOT], CODE[COLD]]


def test_eager_compiles_at_first_sight_and_off_never(run, worker):
    run({COLD: 1}, "off")
    assert worker.jobs == []
    run({COLD: 1}, "eager")
    assert worker.jobs == [CODE[COLD]]


def test_what_is_too_large_is_refused_without_a_worker(run, worker):
    status = run({HUGE: 2**60})[f"0x{HUGE.hex()}"]
    assert status["state"] == "refused"
    assert str(LARGEST) in status["reason"]
    assert worker.jobs == []


@pytest.mark.parametrize("end", [Died("it took more than 30 s"), Refused("too long")])
def test_contract_that_the_compiler_gave_up_is_interpreted_for_good(run, worker, engine, end):
    worker.answer = end
    status = run({COLD: 2**60})[f"0x{COLD.hex()}"]
    assert (status["state"], status["reason"]) == ("failed" if isinstance(end, Died) else "refused", str(end))
    worker.answer = b"object"
    # Not even after a restart.
    run({COLD: 2**60})
    assert len(worker.jobs) == 1
    assert engine.loaded == {}


def test_contract_that_leaves_at_once_stays_interpreted_unless_eager(run, worker, engine):
    worker.facts = {"longest_run": SHORTEST - 1}
    status = run({COLD: 2**60})[f"0x{COLD.hex()}"]
    assert (status["state"], engine.loaded) == ("refused", {})
    worker.facts = {"longest_run": SHORTEST}
    assert run({HOT: 2**60})[f"0x{HOT.hex()}"]["state"] == "native"
    worker.facts = {"longest_run": None}
    assert run({OTHER: 2**60})[f"0x{OTHER.hex()}"]["state"] == "native"
    worker.facts = {"longest_run": 1}
    assert run({TINY: 1}, "eager")[f"0x{TINY.hex()}"]["state"] == "native"


def test_object_that_the_engine_refuses_costs_the_contract_its_native_code(run, worker, engine):
    worker.answer = b"bad"
    assert run({COLD: 2**60})[f"0x{COLD.hex()}"]["state"] == "failed"
    assert engine.loaded == {}


def test_restarted_service_is_warm_at_once(run, worker, engine):
    run({COLD: 2**60})
    engine.loaded.clear()
    status = run({})[f"0x{COLD.hex()}"]
    assert engine.loaded == {COLD: b"object"}
    assert status["fromCache"]
    assert len(worker.jobs) == 1


def test_what_another_node_has_compiled_or_given_up_is_not_compiled_again(run, worker, engine, tmp_path):
    engine.meanwhile = lambda: Cache(tmp_path, "rex6").store(COLD, 100, b"theirs", size=6, seconds=0.5)
    # However little was spent on it here.
    status = run({COLD: 1})[f"0x{COLD.hex()}"]
    assert (status["state"], status["fromCache"]) == ("native", True)
    assert engine.loaded == {COLD: b"theirs"}
    engine.meanwhile = lambda: Cache(tmp_path, "rex6").refuse(HOT, 200, "too long")
    assert run({HOT: 2**60})[f"0x{HOT.hex()}"]["reason"] == "too long"
    assert worker.jobs == []


def test_on_another_processor_everything_is_interpreted_and_the_status_says_why(
    engine, worker, tmp_path, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    engine.gas = {COLD: 2**60}
    service = JitService(engine, RULES, tmp_path, Policy("eager"), child=worker)
    service.start()
    status = service.status()
    service.stop()
    assert (status["mode"], status["contracts"], worker.jobs) == ("off", [], [])
    assert status["unavailable"] == "native code is for x86-64, and this is aarch64"
