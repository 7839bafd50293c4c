"""`megaeth abi`: building and reading calldata without a node."""

import json

import eth_abi
import pytest
from eth_hash.auto import keccak

from megaeth_cli.errors import ExitStatus

BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TRANSFER = "transfer(address to,uint256 amount)"
CALL = "0xa9059cbb" + eth_abi.encode(["address", "uint256"], [BOB, 5]).hex()
ABI = [
    {
        "type": "function",
        "name": "transfer",
        "inputs": [{"type": "address", "name": "to"}, {"type": "uint256", "name": "amount"}],
        "outputs": [{"type": "bool", "name": "ok"}],
    },
    {"type": "function", "name": "f", "inputs": [{"type": "uint8", "name": "a"}]},
    {"type": "function", "name": "f", "inputs": [{"type": "int8", "name": "a"}]},
    {"type": "constructor", "inputs": [{"type": "string", "name": "name"}]},
    {"type": "error", "name": "TooLittle", "inputs": [{"type": "uint256", "name": "needed"}]},
    {
        "type": "event",
        "name": "Sent",
        "inputs": [{"type": "address", "name": "to", "indexed": True}, {"type": "uint256", "name": "amount"}],
    },
]


@pytest.fixture
def abi(tmp_path):
    path = tmp_path / "Token.json"
    path.write_text(json.dumps({"contractName": "Token", "abi": ABI}))
    return ("--abi", path)


def ok(result):
    assert result.code == 0, result.err
    return result.out.strip()


def test_calldata_is_built_and_read_by_signature(megaeth):
    assert ok(megaeth("abi", "encode", TRANSFER, BOB, "5")) == CALL
    assert ok(megaeth("abi", "decode", CALL, TRANSFER)).split() == [
        *("transfer(address,uint256)", "address", "to", BOB, "uint256", "amount", "5")
    ]
    body = json.loads(ok(megaeth("abi", "decode", CALL, TRANSFER, "--json")))
    assert body["values"][1] == {"name": "amount", "type": "uint256", "value": "5"}


def test_names_are_looked_up_in_an_abi_file(megaeth, abi):
    assert ok(megaeth("abi", "encode", "transfer", BOB, "5", *abi)) == CALL
    assert ok(megaeth("abi", "decode", CALL, *abi)).startswith("transfer(address,uint256)\n  address to")
    name = eth_abi.encode(["string"], ["Mega"]).hex()
    assert ok(megaeth("abi", "encode", "constructor", "Mega", *abi)) == f"0x{name}"
    assert '"Mega"' in ok(megaeth("abi", "decode", f"0x{name}", "constructor", *abi))


def test_an_abi_may_be_a_bare_list(megaeth, tmp_path):
    path = tmp_path / "abi.json"
    path.write_text(json.dumps(ABI))
    assert ok(megaeth("abi", "encode", "transfer", BOB, "5", "--abi", path)) == CALL


def test_revert_data_are_read_by_their_selector(megaeth, abi):
    error = "0x" + keccak(b"TooLittle(uint256)")[:4].hex() + f"{7:064x}"
    assert ok(megaeth("abi", "decode", error, *abi)).split()[-3:] == ["uint256", "needed", "7"]
    reason = "0x08c379a0" + eth_abi.encode(["string"], ["not the owner"]).hex()
    assert '"not the owner"' in ok(megaeth("abi", "decode", reason))
    assert ok(megaeth("abi", "encode", "error TooLittle(uint256)", "7")) == error


def test_events_have_topics_and_data(megaeth, abi):
    topics = ["0x" + keccak(b"Sent(address,uint256)").hex(), "0x" + BOB[2:].lower().rjust(64, "0")]
    body = json.loads(ok(megaeth("abi", "encode", "Sent", BOB, "9", *abi, "--json")))
    assert (body["topics"], body["data"]) == (topics, f"0x{9:064x}")
    given = [part for topic in topics for part in ("--topic", topic)]
    found = json.loads(ok(megaeth("abi", "decode", body["data"], *given, *abi, "--json")))
    assert (found["kind"], [one["value"] for one in found["values"]]) == ("event", [BOB, "9"])


def test_results_are_read_by_the_result_types(megaeth, abi):
    assert ok(megaeth("abi", "decode", f"0x{1:064x}", "transfer", "--result", *abi)).split()[-3:] == [
        *("bool", "ok", "true")
    ]
    assert ok(megaeth("abi", "decode", f"0x{1:064x}", "f()(uint8)", "--result")).split()[-2:] == [
        "uint8",
        "1",
    ]
    assert ok(megaeth("abi", "decode", f"0x{1:064x}", "(uint8)", "--result")).split()[-2:] == ["uint8", "1"]


def test_arguments_alone_are_plain_or_packed(megaeth):
    assert ok(megaeth("abi", "encode", "(uint8,bool)", "1", "true")) == f"0x{1:064x}{1:064x}"
    assert ok(megaeth("abi", "encode", "(uint8,string,int16)", "1", "ab", "-2", "--packed")) == "0x016162fffe"


def test_selectors_and_topics_of_a_whole_abi_are_listed(megaeth, abi):
    lines = ok(megaeth("abi", "selectors", *abi)).splitlines()
    assert lines[0] == "0xa9059cbb  transfer(address,uint256)"
    assert lines[-1] == f"0x{keccak(b'Sent(address,uint256)').hex()}  event Sent(address,uint256)"
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "transfer", "1"], "of which contract?"),
        (["encode", "transfer(address", "1"], "not a signature"),
        (["encode", "(uint7)", "1"], "not a list of types"),
        (["encode", "f(uint8)", "256"], "argument 1 (uint8) of f: 256 is out of range"),
        (["encode", "f(uint8)"], "takes 1 argument"),
        (["encode", "f((uint8))", "(1)", "--packed"], "--packed: not with these types"),
        (["decode", "0x1", "f(uint8)"], "odd number"),
        (["decode", "0x12345678"], "nothing known has the selector 0x12345678"),
        (["decode", "0x", "f(uint8)", "--result"], "f(uint8) returns nothing"),
        (["selectors"], "whose selectors?"),
        (["encode", "f", "--abi", "missing.json"], "no such file"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(megaeth, arguments, message):
    result = megaeth("abi", *arguments)
    assert result.code == ExitStatus.USAGE
    assert message in result.err


def test_names_that_an_abi_has_not_or_has_twice_are_told(megaeth, abi):
    assert "did you mean transfer?" in megaeth("abi", "encode", "transfr", BOB, "5", *abi).err
    twice = megaeth("abi", "encode", "f", "1", *abi)
    assert "there are several called f" in twice.err and "function f(int8 a)" in twice.err


@pytest.mark.parametrize("content", ["{}", "[1]", "nonsense", '"abi"'])
def test_a_file_without_an_abi_is_refused(megaeth, tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    assert megaeth("abi", "selectors", "--abi", "x.json").code == ExitStatus.USAGE


def test_data_of_something_else_are_refused(megaeth):
    result = megaeth("abi", "decode", CALL, "approve(address,uint256)")
    assert result.code == ExitStatus.FAILURE
    assert "they begin with 0xa9059cbb" in result.err


PADDED_BOB = "0x" + BOB[2:].lower().rjust(64, "0")
TRANSFER_TOPIC = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
FIVE = f"0x{5:064x}"


def test_well_known_calls_are_read_without_an_abi(megaeth):
    assert ok(megaeth("abi", "decode", CALL)).split() == [
        *("transfer(address,uint256)", "address", "to", BOB, "uint256", "value", "5")
    ]


@pytest.mark.parametrize(("topics", "data", "last"), [(2, FIVE, "value"), (3, "0x", "tokenId")])
def test_well_known_events_are_read_without_an_abi(megaeth, topics, data, last):
    given = [TRANSFER_TOPIC, PADDED_BOB, PADDED_BOB, FIVE][: topics + 1]
    shown = ok(megaeth("abi", "decode", data, *(part for one in given for part in ("--topic", one))))
    assert shown.splitlines()[0] == "Transfer(address,address,uint256)"
    assert shown.split()[-3:] == ["uint256", last, "5"]


@pytest.mark.parametrize(
    ("signature", "values", "text"),
    [
        ("Panic(uint256)", [0x11], "panicked: arithmetic overflow or underflow (Panic 0x11)"),
        (
            "NotIntercepted()",
            [],
            "NotIntercepted: this function of a system contract answers direct calls only",
        ),
    ],
)
def test_errors_of_the_compiler_and_of_the_evm_show_what_they_mean(megaeth, signature, values, text):
    types = ["uint256"] * len(values)
    data = "0x" + (keccak(signature.encode())[:4] + eth_abi.encode(types, values)).hex()
    for given in ([data], [data, signature]):
        assert ok(megaeth("abi", "decode", *given)).splitlines()[-1].split("meaning")[-1].strip() == text
        assert json.loads(ok(megaeth("abi", "decode", *given, "--json")))["meaning"] == text


def test_errors_of_the_system_contracts_are_read_without_an_abi(megaeth):
    data = "0x" + keccak(b"FutureBlock()")[:4].hex()
    assert ok(megaeth("abi", "decode", data)) == "FutureBlock()"


def test_a_topic_that_nothing_has_is_not_told_about_revert_data(megaeth):
    result = megaeth("abi", "decode", "0x", "--topic", "0x" + "12" * 32)
    assert result.code == ExitStatus.USAGE
    assert "nothing known has the topic 0x1212" in result.err and "Panic" not in result.err


def test_a_topic_in_the_place_of_data_is_recognised(megaeth):
    result = megaeth("abi", "decode", TRANSFER_TOPIC)
    assert "it is the topic of Transfer(address,address,uint256): give it with --topic" in result.err
