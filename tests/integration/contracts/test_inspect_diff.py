"""inspect-diff names every slot that a transaction changed."""

import json
import re

import pytest

from tests.integration.contracts.conftest import CONTRACTS
from tests.support.wallet import ACCOUNTS

ALICE, BOB, CAROL = (account.address for account in ACCOUNTS[:3])


def variables(diff, name):
    """Variable -> (before, after) of the contract with that name."""
    [account] = [one for one in diff["accounts"] if one["name"] == name]
    return {
        each["name"]: (each["before"], each["after"])
        for slot in account["storage"]
        for each in slot["variables"]
    }


def nameless(diff, name):
    [account] = [one for one in diff["accounts"] if one["name"] == name]
    return [slot for slot in account["storage"] if not slot["variables"]]


@pytest.fixture
def changed(cli):
    """Send a transaction and return what it changed."""

    def send(*arguments):
        return cli.json("inspect-diff", cli.send(*arguments)["transactionHash"])

    return send


def test_a_transfer_changes_two_balances_and_logs_itself(cli, changed):
    cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    diff = changed("Token", "transfer", BOB, "5ether")
    assert variables(diff, "Token") == {
        f"balanceOf[{ALICE}]": (str(1000 * 10**18), str(995 * 10**18)),
        f"balanceOf[{BOB}]": ("0", str(5 * 10**18)),
    }
    assert [log["event"] for log in diff["logs"]] == ["Transfer"]
    [sender] = [one for one in diff["accounts"] if one["address"] == ALICE]
    assert sender["nonce"]["after"] == sender["nonce"]["before"] + 1


def test_nested_mappings_are_named_with_both_keys(cli, changed):
    cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    diff = changed("Token", "approve", CAROL, "7")
    assert variables(diff, "Token") == {f"allowance[{ALICE}][{CAROL}]": ("0", "7")}


def test_a_deployment_shows_its_variables_and_its_code(cli):
    name = "A name that is longer than the thirty-one bytes of one slot"
    receipt = cli.json("deploy", CONTRACTS / "Token.sol", name, "MEGA", "1")
    diff = cli.json("inspect-diff", receipt["transactionHash"])
    found = variables(diff, "Token")
    assert found["name"] == ('""', json.dumps(name))
    assert found["symbol"] == ('""', '"MEGA"')
    [account] = [one for one in diff["accounts"] if one["name"] == "Token"]
    assert not account["existed"] and account["codeHash"]["after"]


def test_packed_fields_fixed_arrays_structs_and_dynamic_arrays_are_named(cli, changed):
    cli.deploy("GameGrid")
    diff = changed("GameGrid", "join", "3", "4", "7")
    assert variables(diff, "GameGrid") == {
        f"players[{ALICE}].x": ("0", "3"),
        f"players[{ALICE}].y": ("0", "4"),
        f"players[{ALICE}].colour": ("0", "7"),
        f"players[{ALICE}].seat": ("0", "1"),
        "seats.length": ("0", "1"),
        "seats[0]": ("0x" + "0" * 40, ALICE),
        "paint[259]": ("0", "7"),
        "standing[3][4]": ("0x" + "0" * 40, ALICE),
    }


def test_a_contract_that_a_factory_made_is_known_by_its_code(cli, changed):
    gold = cli.deploy("Token", "Gold", "GLD", "1000")
    silver = cli.deploy("Token", "Silver", "SLV", "1000")
    cli.deploy("AmmRouter")
    for token in (gold, silver):
        cli.send(token, "approve", "AmmRouter", "1000ether")
    diff = changed("AmmRouter", "addLiquidity", gold, silver, "100ether", "400ether")
    pair = variables(diff, "AmmPair")
    assert pair["reserve0"][0] == "0" and pair["reserve1"][0] == "0"
    assert pair["totalShares"] == ("0", str(200 * 10**18))
    assert nameless(diff, "AmmPair") == [] and nameless(diff, "AmmRouter") == []
    assert {log.get("event") for log in diff["logs"]} >= {"PairMade", "Mint", "Transfer"}


def test_storage_of_every_shape_is_named(cli, source, changed):
    path = source(
        """
        contract Shapes {
            struct Point { uint64 x; int64 y; bytes4 tag; mapping(string => uint256) notes; }
            enum Mood { Calm, Angry }
            uint128 a; bool b; Mood mood; address owner;
            bytes blob;
            uint16[] small;
            Point[] points;
            Point[3] trio;
            mapping(bytes32 => mapping(uint8 => Point)) deep;
            mapping(int256 => bool) signed;
            function all(string calldata note, bytes32 key, bytes calldata data) external {
                a = 5; b = true; mood = Mood.Angry; owner = msg.sender; blob = data;
                small.push(1); small.push(2);
                points.push(); points[0].x = 1; points[0].notes[note] = 9;
                trio[2].y = -7; trio[1].tag = 0x12345678;
                deep[key][4].notes[note] = 3; signed[-5] = true; signed[int256(uint256(key))] = true;
            }
        }
        """
    )
    cli.json("deploy", path)
    key, data = "0x" + "ab" * 32, "0x" + "cd" * 40
    found = variables(changed("Shapes", "all", "hi there", key, data), "Shapes")
    assert found["a"] == ("0", "5") and found["b"] == ("false", "true")
    assert found["mood"] == ("Mood.Calm", "Mood.Angry")
    assert found["owner"][1] == ALICE
    assert found["blob"] == ("0x", data)
    assert found["small.length"] == ("0", "2") and found["small[1]"] == ("0", "2")
    assert found["points[0].x"] == ("0", "1") and found["points[0].notes['hi there']"] == ("0", "9")
    assert found["trio[2].y"] == ("0", "-7") and found["trio[1].tag"] == ("0x00000000", "0x12345678")
    assert found[f"deep[{key}][4].notes['hi there']"] == ("0", "3")


def test_blocks_mini_blocks_and_latest_are_looked_at_too(cli, node):
    cli.deploy("Counter")
    receipt = cli.send("Counter", "setNumber", "9")
    latest = cli("inspect-diff", "latest")
    assert latest.code == 0, latest.err
    assert "number (uint256)  0 -> 9" in latest.out
    assert re.search(r"\n  Counter 0x\w{40}\n    NumberChanged\(", latest.out)
    mini = cli.json("inspect-diff", f"mini:{receipt['miniBlock']}")
    assert variables(mini, "Counter") == {"number": ("0", "9")}
    node.sealed(receipt["blockNumber"])
    block = cli.json("inspect-diff", str(receipt["blockNumber"]))
    assert receipt["transactionHash"] in block["transactions"]


def test_raw_shows_keys_and_values_as_they_are(cli):
    address = cli.deploy("Counter")
    receipt = cli.send("Counter", "setNumber", "9")
    raw = cli("inspect-diff", receipt["transactionHash"], "--raw")
    assert f"{address.lower()} 0x{0:064x} 0x{0:064x} 0x{9:064x}" in raw.out.lower()


@pytest.mark.parametrize("what", ["0x" + "12" * 32, "99999999", "mini:99999999"])
def test_what_the_chain_does_not_have_is_an_error(cli, what):
    result = cli("inspect-diff", what)
    assert result.code in (1, 6)
    assert "no diff of" in result.err
