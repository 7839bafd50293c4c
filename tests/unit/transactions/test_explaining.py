"""The command that is to be typed next names the function and its arguments as command lines take them."""

import shlex

import pytest

from megaeth_cli.abi import Interface
from megaeth_cli.contracts.calls import read_arguments
from megaeth_cli.transactions.explaining import explain_call
from tests.support.wallet import ACCOUNTS
from tests.unit.cli.test_contract_commands import ALICE, BOB

INTERFACE = Interface.of_signatures(
    [
        "function put(uint256 n, string text)",
        "function put(int8[] xs)",
        "function move((address to, uint256 n) order, bytes data)",
        "function many(uint256[] xs)",
    ]
)
PUT, PUT_MANY, MOVE, MANY = INTERFACE.entries
TARGET = f"0x{BOB[2:].lower()}"


class Network:
    """Knows one contract; `usual` signs where nobody is named."""

    def interface_at(self, address):
        return INTERFACE


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(
        "megaeth_cli.transactions.explaining.caller", lambda network, sender: bytes.fromhex(ALICE[2:])
    )

    def make(data, sender=ALICE, **more):
        return shlex.split(
            explain_call(Network(), {"from": sender, "to": TARGET, "data": f"0x{data.hex()}", **more})
        )

    return make


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        (PUT, [5, 'it\'s "so"']),
        (PUT_MANY, [[-1, 2]]),
        (MOVE, [(bytes.fromhex(BOB[2:]), 7), b"\x01\x02"]),
    ],
)
def test_what_is_printed_reads_as_what_was_called(command, entry, values):
    words = command(entry.encode_call(values))
    assert words[:5] == ["megaeth", "tx", "explain", "--call", BOB]
    name, *texts = words[5:]
    assert name == (entry.signature if entry.name == "put" else entry.name)
    assert entry.encode_call(read_arguments(entry, texts, None)) == entry.encode_call(values)


def test_who_calls_and_with_what_is_said_where_it_is_not_usual(command):
    words = command(MANY.encode_call([[]]), sender=ACCOUNTS[3].address.lower(), value="0x5")
    assert words[5:] == ["many", "[]", "--from", ACCOUNTS[3].address, "--value", "5"]


def test_what_nobody_can_read_or_is_long_has_words_in_its_place(command):
    for data in (b"\x01\x02\x03\x04", MANY.encode_call([[2**255] * 20])):
        assert command(data)[5:] == ["FUNCTION", "ARGS"]
