"""`megaeth compare`: a real contract, compiled, deployed and called under each set of rules. No node runs."""

import json
import shutil
from pathlib import Path

import pytest

from devnet.config import SPECS
from megaeth_cli.errors import ExitStatus
from tests.integration.contracts.conftest import BOB, CONTRACTS
from tests.support.cli import compiler_variables

TRIED = Path(__file__).parent / "sources" / "Tried.sol"


@pytest.fixture
def compare(megaeth):
    if shutil.which("npm") is None and shutil.which("solc") is None:
        pytest.skip("neither npm nor solc is here")

    def run(*arguments):
        return megaeth("compare", *arguments, **compiler_variables())

    return run


@pytest.fixture
def rows(compare):
    """Each call's results by rules; and the exit code."""

    def run(*arguments):
        result = compare(*arguments, "--json")
        return {row["call"]: row["results"] for row in json.loads(result.out)["rows"]}, result.code

    return run


def test_tests_run_each_after_setup_under_every_fork(rows):
    found, code = rows(f"{TRIED}:Tried")

    assert code == ExitStatus.FAILURE, "one of them succeeds on Ethereum only"
    assert set(found) == {
        "deployment", "setUp()", "testReady()", "testReadyAgain()", "testManySlots()", "testReverts()", "testCheats()"
    }  # fmt: skip
    assert all(list(one) == list(SPECS) for one in found.values())
    assert all(
        one["succeeds"] for call in ("testReady()", "testReadyAgain()") for one in found[call].values()
    )
    many = found["testManySlots()"]
    assert many["equivalence"]["succeeds"] and not many["rex6"]["succeeds"]
    assert "state growth limit" in many["rex6"]["failure"]
    assert found["testReverts()"]["rex6"]["failure"] == "reverted: Unready(got: 7)", "a library was linked"
    assert "cheatcodes" in found["testCheats()"]["equivalence"]["failure"]
    deployment = found["deployment"]
    assert deployment["rex6"]["gasUsed"] > 10 * deployment["equivalence"]["gasUsed"]
    assert (
        deployment["rex6"]["gasUsed"] == deployment["rex6"]["computeGas"] + deployment["rex6"]["storageGas"]
    )


def test_calls_see_what_those_before_them_did(rows):
    transfer = f"transfer({BOB}, 5)"
    found, code = rows(
        CONTRACTS / "Token.sol", "MegaCoin", "MEGA", "1000", "--call", transfer, "--call", transfer
    )

    assert code == 0
    first, second = found[transfer]["rex6"], found[f"{transfer} #2"]["rex6"]
    assert first["computeGas"] > second["computeGas"], "only the first makes a slot"
    assert found[f"{transfer} #2"]["equivalence"]["gasUsed"] < 60_000 < second["gasUsed"]


def test_forks_that_make_no_difference_share_a_column(compare):
    out = compare(CONTRACTS / "Token.sol", "MegaCoin", "MEGA", "1000", "--call", f"transfer({BOB}, 5)").out

    heading = next(line for line in out.splitlines() if "Ethereum" in line)
    assert heading.split("  ")[-1].strip() == "rex to rex6"
    assert "mini-rex" in heading


def test_a_chosen_test_runs_alone(rows):
    found, code = rows(f"{TRIED}:Tried", "--function", "testReady")

    assert code == 0
    assert set(found) == {"deployment", "setUp()", "testReady()"}


def test_what_has_no_code_is_not_compared(compare, source):
    file = source("abstract contract Base { function testIt() public virtual; }\ncontract Other {}")
    result = compare(f"{file}:Base")

    assert result.code == ExitStatus.COMPILE
    assert "Base cannot be deployed" in result.err and "abstract" in result.err


def test_a_contract_without_tests_wants_calls(compare):
    result = compare(CONTRACTS / "Token.sol", "MegaCoin", "MEGA", "1000")

    assert result.code == ExitStatus.USAGE
    assert "has no tests" in result.err and "--call" in result.err


def test_a_constructor_that_fails_leaves_nothing_to_call(compare, rows, source):
    refuses = source("contract Refuses { constructor() { revert('no'); } function testIt() public {} }")
    found, code = rows(refuses)

    assert code == 0, "it fails everywhere"
    assert found["deployment"]["rex6"]["failure"] == 'reverted: "no"'
    assert found["testIt()"]["rex6"]["gasUsed"] is None
    assert "fails" in compare(refuses).out
