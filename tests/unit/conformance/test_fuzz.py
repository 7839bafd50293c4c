"""Random contracts in every way: repeatable, and a wrong compiler is found."""

import json
import sys

import pytest

from devnet.jit.child import Child
from tests.conformance.fuzz import main


@pytest.fixture
def fuzz(monkeypatch, capsys):
    def run(*options):
        monkeypatch.setattr(sys, "argv", ["fuzz", *options])
        return main(), capsys.readouterr().out

    return run


def test_a_seed_gives_the_same_again(fuzz):
    code, told = fuzz("--cases", "20", "--seed", "2")
    assert code == 0
    assert told.startswith("seed 2: 20 cases")
    assert told.endswith("no disagreement\n")
    assert fuzz("--cases", "20", "--seed", "2") == (code, told)


def test_a_wrong_compiler_is_found(fuzz, monkeypatch):
    right = Child.compile

    def compile(self, code, rules, **how):
        # PUSH1 1 becomes PUSH1 2.
        return right(self, code.replace(b"\x60\x01", b"\x60\x02"), rules, **how)

    monkeypatch.setattr(Child, "compile", compile)
    code, told = fuzz("--cases", "500", "--seed", "2")
    assert code == 1
    assert "interpreted and natively" in told
    assert set(json.loads(told.splitlines()[0])) >= {"spec", "accounts", "gas"}
