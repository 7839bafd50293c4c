"""Each way to fail on MegaETH (docs/explain.md) fails on a real devnet, and one command tells its line and numbers."""

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.contracts.conftest import CommandLine, commands
from tests.support.waiting import eventually

SOURCE = Path(__file__).parent / "sources" / "Ways.sol"
LINES = SOURCE.read_text().splitlines()
PLENTY = 60_000_000


@dataclass(frozen=True)
class Way:
    """How to fail, and what is said of it."""

    call: str
    said: str
    """A pattern that the verdict has to match as a whole."""
    at: str
    """The comment at the line that is told."""
    gas: int = PLENTY
    value: str = "0"


WAYS = {
    "custom": Way(
        "custom 9", r"reverted: `Denied\(who: 0x\w+, n: 9\)` in `Ways.custom`, Ways.sol:{line}", "custom"
    ),
    "message": Way("message false", r'reverted: "not ok" in `Ways.message`, Ways.sol:{line}', "message"),
    "silent": Way("silent false", r"reverted without a reason in `Ways.silent`, Ways.sol:{line}", "silent"),
    "overflow": Way("overflow 3", r"panicked: arithmetic .* in `Ways.overflow`, Ways.sol:{line}", "overflow"),
    "index": Way("index 5", r"panicked: array index .* in `Ways.index`, Ways.sol:{line}", "index"),
    "asserted": Way(
        "asserted 2", r"panicked: an assertion .* in `Ways.asserted`, Ways.sol:{line}", "asserted"
    ),
    "invalid": Way("bad", r"halted: InvalidFEOpcode in `Ways.bad`, Ways.sol:{line}", "invalid", 1_000_000),
    "passed on": Way(
        "passedOn 3",
        r"reverted: `TooSmall\(got: 3, wanted: 10\)` in `Callee.check`, Ways.sol:{line}",
        "passed-on",
    ),
    "stipend": Way(
        "pay {callee}",
        r"halted: out of gas in `Callee.receive`, Ways.sol:{line}; it was given 2,300 gas",
        "stipend",
        value="1",
    ),
    "static write": Way(
        "writeInView 5", r"halted: .* in `Callee.write`, Ways.sol:{line}.*", "static-write", 1_000_000
    ),
    "out of gas": Way(
        "spin 1000", r"halted: OutOfGas.* in `Ways.spin`, Ways.sol:{line}", "out-of-gas", 100_000
    ),
    "compute limit": Way(
        "spin 10000000",
        r"halted: compute gas limit 200,000,000 reached in `Ways.spin`, most of it at Ways.sol:{line} "
        r"\(21,\d\d\d before the first instruction\)",
        "compute-limit",
        250_000_000,
    ),
    "compute budget": Way(
        "spinInside",
        r"reverted: compute gas budget 195,9\d\d,\d\d\d used up in `Callee.burn`, most of it at Ways.sol:{line}; "
        r"a call has 98/100 of what `Ways.spinInside` had left",
        "compute-budget",
        250_000_000,
    ),
    "growth limit": Way(
        "grow 2000",
        r"halted: state growth limit 1,000 reached in `Ways.grow`, Ways.sol:{line}",
        "growth-limit",
    ),
    "growth budget": Way(
        "growInside 2000",
        r"reverted: state growth budget 980 used up in `Callee.grow`, Ways.sol:{line}; .*`Ways.growInside` had left",
        "growth-budget",
    ),
    "data limit": Way(
        "shout 1000000 14",
        r"halted: data size limit 13,107,200 reached in `Ways.shout`, Ways.sol:{line} .*",
        "data-limit",
        1_400_000_000,
    ),
    "detained": Way(
        "late 10000000",
        r"halted: 20,0\d\d,\d\d\d compute gas used in `Ways.late`, most of it at Ways.sol:{line}; "
        r"detained since `block.timestamp` at Ways.sol:{read}, cap 20,0\d\d,\d\d\d",
        "detained",
    ),
    "detained by the oracle": Way(
        "clocked 10000000",
        r"halted: 20,0\d\d,\d\d\d compute gas used in `Ways.clocked`, most of it at Ways.sol:{line}; "
        r"detained since `the oracle's storage` in `Oracle.\w+`, called at Ways.sol:{clock}, cap 20,0\d\d,\d\d\d",
        "detained-by-oracle",
    ),
    "growth by transfers": Way(
        "scatter 1200",
        r"reverted: state growth limit 1,000 reached: `Ways.scatter` had none left for `0x\w+`, "
        r"called at Ways.sol:{line}",
        "scattered",
        value="2000wei",
    ),
    "forbidden": Way(
        "forbidden",
        r"VolatileDataAccessDisabled: block.timestamp .* in `Ways.time`, Ways.sol:{line}.*",
        "forbidden",
    ),
}


def line_of(comment):
    """The number of the line with a comment."""
    [number] = [n for n, text in enumerate(LINES, 1) if comment in text.partition("// ")[2].split()]
    return number


@pytest.fixture(scope="module")
def cli(tmp_path_factory, node):
    """All with one home: what is compiled and deployed once is known to all tests."""
    if shutil.which("npm") is None and shutil.which("solc") is None:
        pytest.skip("neither npm nor solc is here")
    return CommandLine(commands(tmp_path_factory.mktemp("explain")), node.url)


@pytest.fixture(scope="module")
def ways(cli):
    cli.json("deploy", f"{SOURCE}:Ways")
    return cli.call("Ways", "callee")


@pytest.fixture(scope="module")
def failed(cli, ways, node):
    """All transactions that fail, sent after one another; their hashes by way."""
    hashes = {}
    for name, way in WAYS.items():
        call = way.call.format(callee=ways).split()
        hashes[name] = send(cli, "Ways", *call, "--gas-limit", way.gas, "--value", way.value)
    for name, hash_ in hashes.items():
        receipt = eventually(
            lambda hash_=hash_: node.rpc("eth_getTransactionReceipt", hash_), f"{name} to be executed", 180.0
        )
        assert receipt["status"] == "0x0", name
    return hashes


def send(cli, *arguments):
    """Send a transaction and wait for nothing; its hash."""
    return cli.json("tx", "send", *arguments, "--no-wait")["transactionHash"]


def fail(cli, *arguments):
    """Send a transaction that fails; its hash."""
    sent = cli("tx", "send", *arguments, "--json")
    assert sent.code == 1, sent.out + sent.err
    body = json.loads(sent.out)
    assert "transactionHash" in body, body
    return body["transactionHash"]


def explained(cli, *arguments):
    return cli.json("tx", "explain", *arguments, "--no-forks")


@pytest.mark.parametrize("name", WAYS)
def test_a_way_to_fail_is_explained_to_its_line_and_number(cli, failed, name):
    way = WAYS[name]
    found = explained(cli, failed[name])
    places = {"line": way.at, "read": "reads-timestamp", "clock": "reads-oracle"}
    pattern = way.said
    for place, comment in places.items():
        pattern = pattern.replace(f"{{{place}}}", str(line_of(comment)))
    assert re.fullmatch(pattern, found["verdict"]), found["verdict"]
    assert found["at"]["line"] == line_of(way.at)
    assert sum(one["gas"] for one in found["gas"]["shares"]) == found["gas"]["used"]
    assert found["gas"]["used"] == found["gas"]["compute"] + found["gas"]["storage"]


def test_out_of_gas_says_what_is_needed(cli, failed):
    needed = explained(cli, failed["out of gas"])["gasLimitNeeded"]
    assert needed > 100_000
    assert cli.send("Ways", "spin", "1000", "--gas-limit", needed)["status"] == 1


def test_a_deployment_runs_out_of_gas_for_its_code(cli):
    cost = cli.json("deploy", f"{SOURCE}:Large")
    found = explained(cli, cost["transactionHash"])
    shares = {one["kind"]: one["gas"] for one in found["gas"]["shares"]}
    assert shares["code deposit"] > 0.5 * cost["gasUsed"]
    short = cli("deploy", f"{SOURCE}:Large", "--gas-limit", cost["gasUsed"] - 1_000_000, "--json")
    hash_ = re.search(r"0x[0-9a-f]{64}", short.out + short.err)[0]
    found = explained(cli, hash_)
    said = (
        r"halted: OutOfGas.* in `Large.constructor`: its code of [\d,]+ bytes takes [\d,]+ gas .* were left"
    )
    assert re.fullmatch(said, found["verdict"]), found["verdict"]
    assert 0 < found["codeDeposit"]["gas"] - found["codeDeposit"]["left"] <= 1_000_000
    assert found["gasLimitNeeded"] == cost["gasUsed"]


@pytest.mark.parametrize(
    "name", ["custom", "message", "passed on", "growth budget", "detained by the oracle"]
)
def test_what_would_fail_names_the_command_that_says_where(cli, ways, name):
    way = WAYS[name]
    refused = cli("tx", "send", "Ways", *way.call.split(), "--from", "3")
    [command] = re.findall(r"megaeth (tx explain .*?)   says where", refused.err)
    found = cli.json(*shlex.split(command), "--no-forks")
    assert re.fullmatch(
        way.said.format(line=line_of(way.at), read=0, clock=line_of("reads-oracle")), found["verdict"]
    ), found["verdict"]


def test_a_constructor_that_fails_has_its_line_whoever_creates(cli):
    refused = cli("deploy", f"{SOURCE}:Picky", "3")
    assert "with --gas-limit it is sent all the same, and megaeth tx explain HASH says where" in refused.err
    short = cli("deploy", f"{SOURCE}:Picky", "3", "--gas-limit", "5000000", "--json")
    hash_ = re.search(r"0x[0-9a-f]{64}", short.out + short.err)[0]
    cli.json("deploy", f"{SOURCE}:Maker")
    for failed in (hash_, fail(cli, "Maker", "make", "4", "--gas-limit", "5000000")):
        found = explained(cli, failed)
        line = line_of("constructor")
        assert found["verdict"] == f'reverted: "too small" in `Picky.constructor`, Ways.sol:{line}'
        assert found["at"]["line"] == line
        assert "✗ reverted" in cli("trace", failed).out


def test_ether_for_a_function_that_takes_none(cli, ways, node):
    selector = "0x" + "4be1a4f9"  # no function of it
    hash_ = fail(cli, ways, "--data", selector, "--value", "1", "--gas-limit", "1000000")
    found = explained(cli, hash_)
    assert found["verdict"].startswith("reverted without a reason in `Callee.")
    assert "ether that it does not take" in found["hint"]


def test_a_crowded_bucket_makes_a_gas_limit_too_low_and_the_multiplier_is_told(cli, tmp_path, new_node):
    other = new_node(chain__salt_data_buckets=1, chain__bucket_capacity=((65536, 1024),)).start()
    # Another chain of the same id: names are kept by that.
    crowded = CommandLine(commands(tmp_path / "home"), other.url)
    crowded.json("deploy", f"{SOURCE}:Ways")
    hash_ = fail(crowded, "Ways", "grow", "10", "--gas-limit", "500000")
    found = explained(crowded, hash_)
    assert found["at"]["line"] == line_of("crowded")
    good = crowded.send("Ways", "grow", "10")
    [writes] = explained(crowded, good["transactionHash"])["crowding"]
    assert (writes["multiplier"], writes["gasPerMultiplier"]) == (4, 200_000)


def test_what_other_rules_would_have_made_of_it(cli, failed):
    body = cli.json("tx", "explain", failed["growth budget"])
    by_spec = {one["spec"]: one for one in body["elsewhere"]}
    assert next(iter(by_spec)) == "equivalence" and len(by_spec) == 9
    assert by_spec["equivalence"]["outcome"] == "succeeds"
    assert by_spec["rex6"]["gasUsed"] == body["gas"]["used"]
    assert "state growth" in by_spec["rex6"]["outcome"]


def test_a_call_that_is_not_sent_is_explained_alike(cli, ways):
    found = explained(cli, "--call", "Ways", "custom", "9")
    assert found["transaction"] is None
    assert found["at"]["line"] == line_of("custom")
    shown = cli("tx", "explain", "--call", "Ways", "passedOn", "3", "--no-forks")
    assert shown.code == 0, shown.err
    for part in (
        f"{line_of('passed-on'):>5} | revert TooSmall(n, 10);",
        "Callee.check",
        "intrinsic",
        "state growth",
    ):
        assert part in shown.out


def test_what_succeeds_is_told_with_its_limits(cli, ways):
    sent = cli.send("Ways", "grow", "500")
    found = explained(cli, sent["transactionHash"])
    assert found["verdict"] == "succeeded: `Ways.grow`"
    growth = next(one for one in found["limits"] if one["name"] == "state growth")
    assert growth == {"name": "state growth", "used": 500, "limit": 1000, "reached": False}
    call = explained(cli, "--call", "Ways", "late", "5")
    assert call["detention"]["line"] == line_of("reads-timestamp")
    more = explained(cli, "--call", "Ways", "grow", "600")
    assert next(one for one in more["limits"] if one["name"] == "state growth")["used"] == 100


def test_a_call_that_met_a_limit_of_its_own_is_told_of_if_it_was_caught(cli, ways):
    found = explained(cli, "--call", "Ways", "caught")
    assert found["verdict"] == (
        "succeeded: `Ways.caught`; `Callee.grow` within it used up its share of a limit, "
        "98/100 of what `Ways.caught` had left, which went on"
    )


def test_an_estimate_stays_enough_in_crowded_buckets(cli, ways):
    found = cli.json("estimate", "Ways", "grow", "700", "--from", "3")
    gas = [one["gasUsed"] for one in found["crowded"]]
    assert found["gasUsed"] == found["computeGas"] + found["storageGas"] <= found["gasLimit"]
    assert found["binding"] == "state growth"
    assert int(found["feeWei"]) == found["gasUsed"] * found["gasPriceWei"]
    slots = next(one["used"] for one in found["limits"] if one["name"] == "state growth")
    assert [used - gas[0] for used in gas] == [0, 20_000 * slots, 60_000 * slots, 140_000 * slots]
    assert found["safeGasLimit"] == max(one["gasLimit"] for one in found["crowded"])
    shown = cli("estimate", "Ways", "grow", "700", "--from", "3")
    assert shown.code == 0, shown.err
    assert f"{found['safeGasLimit']:,} to pass in crowded buckets" in shown.out


def test_an_estimate_of_what_fails_says_why(cli, ways):
    refused = cli("estimate", "Ways", "custom", "9")
    assert refused.code == 1
    assert "Denied" in refused.err
