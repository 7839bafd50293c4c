"""No tool prints a number of the EVM's rules that it could ask the rules for: those change with hardforks."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet._engine import allowance_at
from devnet.config import MIN_BUCKET_SLOTS, SPECS

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = 10_000
"""Smaller numbers mean something else too often; shares of a hundred are looked for by their sign."""
NOT_OF_THE_RULES = {
    ("devnet/config.py", 60_000),  # milliseconds
    ("devnet/roles/chain_log.py", 60_000),  # milliseconds
    ("devnet/roles/console_log.py", 60_000),  # milliseconds
    ("devnet/rpc/call_after.py", 60_000),  # milliseconds
    ("megaeth_cli/lint/rules/code_size.py", 24_576),  # Ethereum's, for an example
    ("devnet/config.py", 1_000_000_000),  # ether
    ("devnet/rpc/metrics.py", 1_000_000_000),  # nanoseconds
}


def allowance(spec: str) -> dict:
    return json.loads(allowance_at(json.dumps({"chainId": 1, "spec": spec}).encode(), 0))


def rule_numbers() -> set[int]:
    """What the rules of every spec allow, and what they add to Ethereum's price of a transaction."""
    found = {0}
    for spec in SPECS:
        told = allowance(spec)
        plain = allowance("equivalence")["intrinsicGas"]
        names = ("intrinsicGas", "detainedComputeGas", "codeBytes", "initcodeBytes")
        limits = told["limits"] + told["blockLimits"]
        found |= {one or 0 for one in [*(told[name] for name in names), *limits]}
        found.add(told["intrinsicGas"] - plain)
    return {number for number in found if number >= SMALLEST}


def shares() -> set[str]:
    return {"/".join(map(str, told["callShare"])) for told in map(allowance, SPECS) if told["callShare"]}


def constants(source: str) -> Iterator[int | str]:
    """Numbers and texts in a source but its docstrings."""
    tree = ast.parse(source)
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in told and isinstance(node.value, int | str):
            yield node.value


def of_the_rules(source: str) -> set[int | str]:
    """The rules' numbers that a source holds."""
    numbers, parts = rule_numbers(), shares()
    spelled = {form: number for number in numbers for form in (f"{number:,}", str(number))}
    found: set[int | str] = set()
    for constant in constants(source):
        if isinstance(constant, str):
            found |= {number for form, number in spelled.items() if form in constant.split()}
            found |= {part for part in parts if part in constant}
        elif constant in numbers:
            found.add(constant)
    return found


@pytest.mark.parametrize("package", ["devnet", "megaeth_cli"])
def test_no_source_holds_a_number_of_the_rules(package):
    found = {
        (str(path.relative_to(ROOT)), number)
        for path in (ROOT / package).rglob("*.py")
        for number in of_the_rules(path.read_text())
    }
    assert found - NOT_OF_THE_RULES == set()


def test_what_is_looked_for_is_found():
    assert {60_000, 39_000, 20_000_000, 200_000_000} <= rule_numbers()
    assert shares() == {"98/100"}
    source = '"""At least 60,000."""\nHINT = f"{name} needs 60,000 gas, a call 98/100"\nSTORAGE = 39_000\n'
    assert of_the_rules(source) == {60_000, "98/100", 39_000}


def test_the_smallest_bucket_is_salts():
    rules = {"chainId": 1, "spec": SPECS[-1]}
    assert json.loads(allowance_at(json.dumps(rules).encode(), 0))["bucketSlots"] == MIN_BUCKET_SLOTS
