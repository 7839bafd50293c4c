"""The service with an engine and a worker that the test plays."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from devnet.jit.cache import Cache
from devnet.jit.child import Compiled, Died, Refused
from devnet.jit.policy import GAS_PER_BYTE, LARGEST, MAX_COMPILATIONS, SHORTEST, WHOLE, Policy
from devnet.jit.selection import EVERYTHING, Part, Wanted
from devnet.jit.service import JitService

RULES = b'{"spec":"rex6","static_gas":[],"exp_byte_gas":50}'
COLD, HOT, HUGE = b"\x0c" * 32, b"\x0f" * 32, b"\xff" * 32
OTHER, TINY, LARGE = b"\xaa" * 32, b"\xbb" * 32, b"\xcc" * 32
SIZES = {COLD: 100, HOT: 200, HUGE: LARGEST + 1, OTHER: 100, TINY: 2, LARGE: WHOLE + 1}
CODE = {code_hash: bytes(size) for code_hash, size in SIZES.items()}
PRICE = Policy("on").price(SIZES[LARGE])
SEEN = b"\1\0\0\0"


class PlayedEngine:
    def __init__(self) -> None:
        self.gas: dict[bytes, int] = {}
        self.loaded: dict[bytes, bytes] = {}
        self.news = threading.Event()
        self.idle = threading.Event()
        self.fresh = False
        self.watched: list[bytes] = []
        self.seen: dict[bytes, bytes] = {}
        self.missed: dict[bytes, int] = {}
        self.while_watched: dict[bytes, int] = {}
        """The gas that is spent after a contract began to be watched."""
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens elsewhere before the first look."""

    def native_wait(self, seconds: float) -> bool:
        if self.fresh:
            self.fresh = False
            return True
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

    def native_watch(self, code_hash: bytes) -> None:
        self.watched.append(code_hash)
        self.seen[code_hash] = SEEN
        self.fresh = bool(self.while_watched)
        for one, gas in self.while_watched.items():
            if one in self.loaded:
                self.missed[one] = self.missed.get(one, 0) + gas
            self.gas[one] = self.gas.get(one, 0) + gas

    def native_seen(self, code_hash: bytes) -> bytes | None:
        return self.seen.get(code_hash)

    def native_unwatch(self, code_hash: bytes) -> None:
        del self.seen[code_hash]

    def native_missing(self, limit: int) -> list[tuple[bytes, int]]:
        return [one for one in self.missed.items() if one[0] in self.loaded][:limit]

    def native_status(self) -> bytes:
        return b"[]"

    def native_code(self, code_hash: bytes) -> bytes | None:
        return CODE.get(code_hash)


class PlayedWorker:
    def __init__(self) -> None:
        self.started = False
        self.jobs: list[bytes] = []
        self.answer: bytes | Exception = b"object"
        self.facts: dict[str, Any] = {}
        self.wanted: list[Wanted] = []
        self.takes: tuple[int, ...] | None = None
        """The blocks that it says it took; if not given, one more each time."""

    def start(self) -> None:
        self.started = True

    def compile(
        self, code: bytes, rules: bytes, *, wanted: Wanted = EVERYTHING, assembly: bool = False
    ) -> Compiled:
        self.jobs.append(code)
        self.wanted.append(wanted)
        if isinstance(self.answer, Exception):
            raise self.answer
        kept = (*wanted.kept, len(self.jobs)) if self.takes is None else self.takes
        facts = {"whole": wanted.whole, "kept": kept, "compiled": 10, "left_out": 20}
        return Compiled(self.answer, len(self.answer), 0.1, facts | self.facts)

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


def test_small_contract_is_compiled_whole_and_of_a_large_one_what_it_executes(run, worker, engine):
    run({COLD: 100 * GAS_PER_BYTE})
    assert (worker.wanted, engine.watched) == ([Wanted(whole=True)], [])
    engine.while_watched = {LARGE: PRICE}
    status = run({LARGE: PRICE // 2})[f"0x{LARGE.hex()}"]
    assert (engine.watched, engine.seen) == ([LARGE], {})
    assert (worker.wanted[1].whole, worker.wanted[1].counts) == (False, SEEN)
    assert (status["state"], status["nativeBytes"], status["leftOutBytes"]) == ("native", 10, 20)


def test_contract_that_has_not_been_watched_for_long_is_not_compiled_yet(run, worker, engine):
    status = run({LARGE: 10 * PRICE})[f"0x{LARGE.hex()}"]
    assert (status["state"], engine.watched, worker.jobs) == ("waiting", [LARGE], [])
    assert "recorded" in status["reason"]


def test_what_was_left_out_is_compiled_when_it_has_paid_and_no_more_often_than_allowed(run, worker, engine):
    prices = [Policy("on").price(SIZES[LARGE], times) for times in range(MAX_COMPILATIONS)]
    engine.while_watched = {LARGE: prices[0]}
    run({LARGE: prices[0]})
    assert len(worker.jobs) == 1
    engine.missed = {LARGE: prices[1] // 4}
    run({LARGE: 2**60})
    assert len(worker.jobs) == 1
    engine.while_watched = {LARGE: prices[-1]}

    def miss() -> None:
        engine.missed[LARGE] += prices[-1]

    engine.meanwhile = miss
    status = run({LARGE: 2**60})[f"0x{LARGE.hex()}"]
    # Each time what is native stays so, and more comes to it.
    assert [one.kept for one in worker.wanted] == [(), (1,), (1, 2), (1, 2, 3)]
    assert [one.most for one in worker.wanted] == [
        Policy("on").most(times) for times in range(MAX_COMPILATIONS)
    ]
    assert status["compilations"] == MAX_COMPILATIONS


def test_contract_with_nothing_more_to_compile_stays_as_it_is(run, worker, engine):
    engine.while_watched = {LARGE: PRICE}
    run({LARGE: PRICE})
    engine.missed = {LARGE: 2**40}
    engine.while_watched = {LARGE: 2**40}
    worker.takes = (1,)
    status = run({LARGE: 2**60})[f"0x{LARGE.hex()}"]
    assert (len(worker.jobs), status["state"], status["compilations"]) == (2, "native", 1)


@pytest.mark.parametrize("end", [Died("crashed"), Refused("too long")])
def test_contract_of_which_no_more_can_be_compiled_keeps_what_it_has(run, worker, engine, end):
    engine.while_watched = {LARGE: PRICE}
    run({LARGE: PRICE})
    engine.missed = {LARGE: 2**40}
    engine.while_watched = {LARGE: 2**40}
    worker.answer = end
    status = run({LARGE: 2**60})[f"0x{LARGE.hex()}"]
    assert (status["state"], engine.loaded) == ("native", {LARGE: b"object"})
    assert str(end) in status["reason"]


def test_contract_that_another_node_has_compiled_is_watched_no_longer(run, worker, engine, tmp_path):
    def theirs() -> None:
        if engine.watched:
            Cache(tmp_path, "rex6").store(LARGE, SIZES[LARGE], b"theirs", size=6, seconds=0.5)

    engine.while_watched = {LARGE: PRICE}
    engine.meanwhile = theirs
    status = run({LARGE: PRICE // 2})[f"0x{LARGE.hex()}"]
    assert (status["fromCache"], engine.watched, engine.seen, worker.jobs) == (True, [LARGE], {}, [])


def test_part_that_another_node_has_compiled_is_taken_if_it_is_more(run, worker, engine, tmp_path):
    engine.while_watched = {LARGE: PRICE}
    run({LARGE: PRICE})
    engine.while_watched = {LARGE: 2**40}
    engine.missed = {LARGE: 2**40}
    more = Part(whole=False, kept=(1, 7), compiled=30, times=2)

    def theirs() -> None:
        engine.meanwhile = lambda: None
        Cache(tmp_path, "rex6").store(LARGE, SIZES[LARGE], b"theirs", size=6, seconds=0.5, part=more)

    worker.takes = (1, 7)
    engine.meanwhile = theirs
    status = run({LARGE: 2**60})[f"0x{LARGE.hex()}"]
    assert (status["nativeBytes"], status["fromCache"]) == (30, True)
    assert engine.loaded == {LARGE: b"theirs"}


def test_on_another_processor_everything_is_interpreted_and_the_status_says_why(
    engine, worker, tmp_path, monkeypatch
):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    engine.gas = {COLD: 2**60}
    service = JitService(engine, RULES, tmp_path, Policy("eager"), child=worker, failure=[].append)
    service.start()
    status = service.status()
    service.stop()
    assert (status["mode"], status["contracts"], worker.jobs) == ("off", [], [])
    assert status["unavailable"] == "native code is for x86-64, and this is aarch64"
