"""The worker process: real ones, and stand-ins that crash, hang and talk nonsense."""

import json
import sys
from dataclasses import asdict

import pytest

from devnet.jit.child import Child, Died, Limits, Refused
from devnet.jit.elf import Elf
from tests.support.bytecode import assemble, rules

RULES = json.dumps(asdict(rules())).encode()
FIBONACCI = assemble(
    "0 CALLDATALOAD 0 1 loop: DUP3 ISZERO @end JUMPI DUP1 SWAP2 ADD SWAP2 1 SWAP1 SUB SWAP2 SWAP1 @loop JUMP "
    "end: 0 MSTORE 32 0 RETURN"
)


@pytest.fixture
def child():
    worker = Child(Limits(niceness=0))
    yield worker
    worker.close()


def stand_in(program: str, **limits: float) -> Child:
    return Child(Limits(**limits), (sys.executable, "-c", program))


def test_object_is_complete(child):
    compiled = child.compile(FIBONACCI, RULES)
    made = Elf(compiled.body)
    made.check()
    assert made.undefined() == []
    assert compiled.size == made.loaded_size
    assert compiled.facts["loops"] == 1


def test_worker_that_was_started_before_does_the_job(child):
    child.start()
    child.start()
    assert child.compile(FIBONACCI, RULES).size


def test_assembly(child):
    assert b"entry" in child.compile(FIBONACCI, RULES, assembly=True).body


def test_what_would_be_too_large_is_refused_and_the_worker_goes_on(child):
    code = assemble("CALLER MLOAD POP " * 10_000)
    with pytest.raises(Refused, match="longer than"):
        child.compile(code, RULES)
    assert child.compile(FIBONACCI, RULES).size


def test_crash_is_told_and_the_next_job_gets_a_fresh_worker():
    worker = stand_in("import os; os.abort()")
    for _ in range(2):
        with pytest.raises(Died, match="ended with -6"):
            worker.compile(FIBONACCI, RULES)


def test_hang_is_ended():
    worker = stand_in("import time; time.sleep(60)", clock_s=0.3)
    with pytest.raises(Died, match=r"longer than 0.3 s"):
        worker.compile(FIBONACCI, RULES)


def test_nonsense_is_told():
    worker = stand_in("import sys; sys.stdin.buffer.read(4); sys.stdout.buffer.write(b'\\0\\0\\0\\x02ab')")
    with pytest.raises(Died):
        worker.compile(FIBONACCI, RULES)


def test_closed_one_compiles_nothing(child):
    child.close()
    with pytest.raises(Died, match="closed"):
        child.compile(FIBONACCI, RULES)
