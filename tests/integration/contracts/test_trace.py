"""`megaeth trace` of real transactions and calls: names, arguments, events, failures, gas, variables."""

import json
from pathlib import Path

import pytest

from tests.support.wallet import ACCOUNTS

PROXY = Path(__file__).parent / "Proxy.sol"
ALICE, BOB = (account.address for account in ACCOUNTS[:2])
OUTER = """
contract Inner {
    error TooSmall(uint256 got, uint256 wanted);
    mapping(address => uint256) public kept;
    function check(uint256 n) external pure returns (uint256) {
        if (n < 10) revert TooSmall(n, 10);
        return n * 2;
    }
    function write(address who, uint256 n) external { kept[who] = n; }
}
contract Outer {
    Inner public inner = new Inner();
    event Passed(uint256 indexed n, string what);
    function run(uint256 n) external {
        emit Passed(n, "before");
        uint256 m = inner.check(n);
        inner.write(msg.sender, m);
        emit Passed(m, "after");
    }
    function many(uint256 count) external {
        for (uint256 n; n < count; n++) inner.write(address(uint160(n + 1)), n + 1);
    }
}
"""


@pytest.fixture
def outer(cli, source):
    cli.json("deploy", f"{source(OUTER, 'Outer.sol')}:Outer")


def tree(result):
    assert result.out, result.err
    return [line.rstrip() for line in result.out.splitlines()]


def test_a_transaction_is_told_call_by_call_with_names_and_events(cli, outer):
    sent = cli.send("Outer", "run", "21")
    shown = cli("trace", sent["transactionHash"])
    assert shown.code == 0, shown.err
    lines = tree(shown)
    assert lines[2].startswith("Outer.run(n: 21)  ")
    assert f"{sent['computeGas']:,} compute + {sent['storageGas']:,} storage" in lines[2]
    assert lines[3] == '├─ event Passed(n: 21, what: "before")'
    assert lines[4].startswith("├─ static Inner.check(n: 21)  ")
    assert lines[5] == "│  └─ ← 42"
    assert lines[6].startswith(f"├─ Inner.write(who: {ALICE}, n: 42)  ")
    assert lines[7] == '└─ event Passed(n: 42, what: "after")'
    assert f"kept[{ALICE}] (uint256)  0 -> 42" in cli("trace", sent["transactionHash"], "-v").out


def test_a_call_that_is_not_sent_is_told_alike(cli, outer):
    failing = cli("trace", "--call", "Outer", "run", "3", "--from", "1")
    assert failing.code == 1
    lines = tree(failing)
    assert lines[-2:] == [
        "│  └─ ✗ reverted: TooSmall(got: 3, wanted: 10)",
        "└─ ✗ reverted: TooSmall(got: 3, wanted: 10)",
    ]
    good = cli("trace", "--call", "Outer", "run", "30", "--from", "1", "-v")
    assert good.code == 0, good.err
    assert f"kept[{BOB}] (uint256)  0 -> 60" in good.out


def test_programs_get_gas_in_both_dimensions_arguments_and_the_failure(cli, outer):
    result = cli("trace", "--call", "Outer", "run", "3", "--json")
    assert result.code == 1
    root = json.loads(result.out)["trace"]
    assert root["gasUsed"] == root["computeGas"] + root["storageGas"]
    [inner] = root["calls"]
    assert inner["arguments"] == {"n": "3"}
    assert inner["failure"]["arguments"] == {"got": "3", "wanted": "10"}


def test_a_creation_names_what_it_makes(cli, outer, source):
    made = cli.json("deploy", f"{source(OUTER, 'Outer.sol')}:Outer")
    lines = tree(cli("trace", made["transactionHash"]))
    assert lines[2].startswith("create Outer.constructor()  ")
    assert lines[3].startswith("├─ create Inner.constructor()  ")
    assert "bytes of code at" in lines[4]


def test_what_repeats_itself_is_folded_and_can_be_filtered(cli, outer):
    lines = tree(cli("trace", "--call", "Outer", "many", "300"))
    assert lines[3].startswith("├─ Inner.write(who: 0x0000000000000000000000000000000000000001, n: 1)")
    assert lines[4].startswith("└─ ... 299 more calls like this one")
    assert len(tree(cli("trace", "--call", "Outer", "many", "300", "--all"))) == 303
    assert "Inner.check" in cli("trace", "--call", "Outer", "run", "20", "--filter", "check").out
    assert "Inner.write" not in cli("trace", "--call", "Outer", "run", "20", "--filter", "check").out
    assert "... 2 calls" in cli("trace", "--call", "Outer", "run", "20", "--depth", "1").out


def test_a_proxy_is_read_by_its_implementation(cli):
    vault = cli.json("deploy", f"{PROXY}:Vault")["address"]
    cli.json("deploy", f"{PROXY}:Door", vault, "0x")
    lines = tree(cli("trace", "--call", "Door", "add", "0"))
    assert lines[2].startswith("Door.add(n: 0)")
    assert any(
        line.startswith(("├─ delegate Vault.add(n: 0)", "└─ delegate Vault.add(n: 0)")) for line in lines
    )


def test_calls_behind_proxies_are_filtered_by_the_implementations_name_and_address(cli):
    vault = cli.json("deploy", f"{PROXY}:Vault")["address"]
    door = cli.json("deploy", f"{PROXY}:Door", vault, "0x")["address"]
    cloner = cli.json("deploy", f"{PROXY}:Cloner")["address"]
    cli.send(cloner, "clone", vault)
    clone = cli.call(cloner, "newest")
    for proxy in (door, clone):
        sent = cli.send(proxy, "add", "0")["transactionHash"]
        for text in ("Vault", vault, "add"):
            assert "─ delegate Vault.add(n: 0)" in cli("trace", sent, "--filter", text).out
        assert "delegate" not in cli("trace", sent, "--filter", proxy).out, (
            "that one is in the account's code"
        )
        nothing = cli("trace", sent, "--filter", "Cloner")
        assert "delegate" not in nothing.out
        assert "no call has Cloner in its contract, function or address" in nothing.err


def test_a_call_of_what_has_no_code_says_so(cli):
    account = ACCOUNTS[6].address
    none = f"there is no contract at {account}: the account has no code, and nothing is executed"
    traced = cli("trace", "--call", account, "total()(uint256)")
    assert traced.code == 0 and none in traced.err
    assert none in cli("tx", "explain", "--no-forks", "--call", account, "total()(uint256)").err
    sha256 = "0x" + "2".rjust(40, "0")
    assert "no contract" not in cli("trace", "--call", sha256, "hash()").err


def test_a_plain_transfer_is_one_line(cli):
    sent = cli.send("--to", BOB, "--value", "1ether")
    lines = tree(cli("trace", sent["transactionHash"]))
    assert lines[2].startswith(f"{BOB} {{1 ETH}}  60,000 gas")
