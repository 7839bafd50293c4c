"""What the benchmark of native code runs does what it says, and sized contracts have their size."""

import json
from collections import deque

import pytest

from bench.programs import SPEC, compute, orders, runtime, swaps, transfers
from bench.sized import SIZES
from devnet._engine import keccak256, native_rules, run_code
from devnet.jit.child import Child, Limits
from devnet.jit.policy import Policy
from devnet.jit.selection import Wanted

FILLED = "0x" + keccak256(b"Filled(uint32,address,address,uint8,uint96)").hex()


@pytest.fixture
def native_objects():
    child = Child(Limits(niceness=0))
    yield child
    child.close()


def ran(program, n):
    """The report of `run(n)`, interpreted."""
    report = json.loads(run_code(json.dumps(program.request(n)).encode()))
    assert report["status"] == "success", report
    return report


def result(report):
    return int(report["output"], 16)


def fills(n):
    """What the driver's orders trade, by the rules of the book: the best price first, then first come, first served."""
    asks, numbers, found = {}, 0, []
    for i in range(n):
        if i % 3 != 2:
            numbers += 1
            asks.setdefault(100 + (i & 7), deque()).append([numbers, 10**15 + i])
            continue
        wanted = 15 * 10**14
        while wanted:
            tick = min(asks)
            order = asks[tick][0]
            part = min(wanted, order[1])
            found.append((order[0], tick, part))
            wanted -= part
            order[1] -= part
            if not order[1]:
                asks[tick].popleft()
            if not asks[tick]:
                del asks[tick]
    return found


@pytest.mark.parametrize("n", [2, 3, 50])
def test_orders_trade_by_price_and_time(n):
    report = ran(orders(n), n)
    logged = [log for log in report["logs"] if log["topics"][0] == FILLED]
    found = [
        (int(log["topics"][1], 16), int(log["data"][2:66], 16), int(log["data"][66:], 16)) for log in logged
    ]
    assert found == fills(n)
    assert result(report) == sum(amount for _, _, amount in found)


def test_computing_programs_compute():
    a, b = 0, 1
    for _ in range(100):
        a, b = b, a + b
    assert result(ran(compute("", "FibonacciUnchecked", 100), 100)) == a
    assert result(ran(compute("", "Sieve", 100), 100)) == 25
    assert result(ran(transfers(3), 3)) == result(ran(swaps(3), 3)) == 3


def test_everything_that_a_program_runs_is_compiled_with_it():
    for program in (transfers(1), swaps(1), orders(1)):
        used = {account.get("codeHash") for account in ran(program, 2)["state"].values()}
        known = {f"0x{keccak256(code).hex()}" for code in program.codes()}
        assert known <= used | {f"0x{keccak256(runtime(program.source, program.contract)).hex()}"}


@pytest.mark.parametrize("sized", SIZES, ids=lambda one: one.name)
def test_sized_contracts_have_about_their_size(sized):
    assert len(sized.runtime()) == pytest.approx(sized.kib * 1024, rel=0.15)


def test_only_what_is_used_of_a_large_contract_becomes_native_and_that_runs_natively_to_its_end(
    native_objects,
):
    sized = next(one for one in SIZES if one.kib == 24)
    code = sized.runtime()
    policy = Policy("on")
    wanted = Wanted(whole=False, counts=sized.used(code), most=policy.most(0))
    made = native_objects.compile(code, native_rules(SPEC), wanted=wanted)
    assert made.facts["compiled"] <= policy.most(0) < made.facts["left_out"]
    request = sized.computing(code, 20)
    interpreted = json.loads(run_code(json.dumps(request).encode()))
    objects = {f"0x{keccak256(code).hex()}": f"0x{made.body.hex()}"}
    report = json.loads(run_code(json.dumps(request | {"native": objects}).encode()))
    [counted] = report.pop("native")
    assert report == interpreted
    assert (counted["runs"], counted["missedGas"]) == (1, 0)
    assert counted["nativeGas"] > 10 * counted["interpretedGas"]
