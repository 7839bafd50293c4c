"""What contracts take, return, log and revert with agrees with what `megaeth abi` says of it."""

from pathlib import Path

import pytest

WHO = Path(__file__).parent / "sources" / "Who.sol"
EVENTS = """
struct Part { uint8 n; bytes data; }
contract Events {
    event Many(string indexed name, uint16[] indexed numbers, Part[2] indexed parts, bytes3 tag);
    event Rest(address[] who, Part part);
    function log(
        string calldata name, uint16[] calldata numbers, Part[2] calldata parts, bytes3 tag, address[] calldata who
    ) external {
        emit Many(name, numbers, parts, tag);
        emit Rest(who, parts[1]);
    }
    function pack(int24 a, string calldata s, uint16[] calldata numbers, address who, bool b) external pure
        returns (bytes memory) { return abi.encodePacked(a, s, numbers, who, b); }
}
"""
ACCOUNT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def who(cli):
    return cli.json("deploy", WHO)["address"]


def test_functions_are_values_of_a_type_of_their_own(cli, who):
    value = f"{ACCOUNT.lower()}a9059cbb"
    assert cli.call("Who", "hook", value) == "0xa9059cbb"
    assert cli.call("Who", "hook(function(uint256) external)(bytes4)", value) == "0xa9059cbb"
    receipt = cli.send("Who", "emitIt")
    [log] = receipt["logs"]
    assert (log["signature"], log["arguments"]["f"][:42]) == ("Hooked(function)", who.lower())
    refused = cli("call", "Who", "failIt")
    assert f"reverted: Bad(f: {who.lower()}" in refused.err


def test_result_types_that_are_written_win(cli, who):
    assert cli.call("Who", "owner()(bytes32)").startswith("0x" + "0" * 24)


def test_topics_and_data_are_those_that_a_contract_logs(cli, source):
    cli.json("deploy", source(EVENTS))
    values = ["a name", "[1,2,65535]", '[(1,0x1234),{"n": 7, "data": "0x"}]', "0x112233"]
    logs = cli.send("Events", "log", *values, f"[{ACCOUNT}]")["logs"]
    many = cli.json("abi", "encode", "Many", *values, "--contract", "Events")
    rest = cli.json("abi", "encode", "Rest", f"[{ACCOUNT}]", "(7,0x)", "--contract", "Events")
    assert [(log["topics"], log["data"]) for log in logs] == [
        (one["topics"], one["data"]) for one in (many, rest)
    ]
    given = [part for topic in many["topics"] for part in ("--topic", topic)]
    read = cli.json("abi", "decode", many["data"], *given, "--contract", "Events")
    assert read["signature"] == "Many(string,uint16[],(uint8,bytes)[2],bytes3)"
    assert read["values"][3] == {"name": "tag", "type": "bytes3", "value": "0x112233"}


def test_packing_is_that_of_contracts(cli, source):
    cli.json("deploy", source(EVENTS))
    values = ["-5", "text", "[1,2]", ACCOUNT, "true"]
    packed = cli.json("abi", "encode", "--packed", "(int24,string,uint16[],address,bool)", *values)["data"]
    assert cli.call("Events", "pack", *values) == packed


def test_an_account_may_be_named_in_arguments(cli, who):
    encoded = cli.json("abi", "encode", "(address)", "Who")["data"]
    assert encoded == f"0x{who[2:].lower():0>64}"
