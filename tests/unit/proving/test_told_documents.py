"""What tells no state, or no block, is refused as such and blames nobody else."""

import json

import pytest

from devnet.errors import UserError
from devnet.proving import prestate

ADDRESS = "0x" + "11" * 20


@pytest.mark.parametrize(
    "account",
    [
        {"balance": -1},
        {"balance": hex(2**256)},
        {"nonce": 2**64},
        {"storage": {"0x0": hex(2**400)}},
        {"storage": {"-1": "0x0"}},
        {"storage": ["0x0"]},
        {"code": "0x6"},
    ],
)
def test_what_no_account_can_have_is_refused(tmp_path, account):
    path = tmp_path / "state.json"
    path.write_text(json.dumps({ADDRESS: account}))
    with pytest.raises(UserError, match="tells no state"):
        prestate.load(path)


@pytest.mark.parametrize("answer", [False, True])
def test_a_block_alone_is_said_to_lack_the_state(tmp_path, answer):
    block = {"number": "0x1", "parentHash": "0x" + "11" * 32, "transactions": []}
    path = tmp_path / "1145.json"
    path.write_text(json.dumps({"result": block} if answer else block))
    with pytest.raises(UserError, match="nothing of the state before it") as failure:
        prestate.load(path)
    assert str(tmp_path) in failure.value.hint


def test_the_largest_numbers_are_told(tmp_path):
    path = tmp_path / "state.json"
    largest = {"balance": hex(2**256 - 1), "nonce": 2**64 - 1, "storage": {hex(2**256 - 1): hex(2**256 - 1)}}
    path.write_text(json.dumps({ADDRESS: largest}))
    state = prestate.load(path).state
    assert state.account(bytes.fromhex(ADDRESS[2:]))[:2] == (2**64 - 1, b"\xff" * 32)
    assert state.slot(bytes.fromhex(ADDRESS[2:]), b"\xff" * 32) == b"\xff" * 32


@pytest.mark.parametrize(
    "text", ['{"prestate": {}, "block": []}', '{"prestate": {}, "block": 5}', "[" * 100_000]
)
def test_a_file_without_a_block_is_no_fault_of_the_program(megaeth, tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text)
    result = megaeth("replay", path, "3")
    assert result.code != 70, result.err
    assert str(path) in result.err
    assert "fault in megaeth" not in result.err


@pytest.mark.parametrize("without", ["hash", "transactions"])
def test_a_block_without_a_member_is_named(megaeth, tmp_path, without):
    block = {"number": "0x3", "hash": "0x" + "22" * 32, "transactions": []}
    del block[without]
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"prestate": {}, "block": block}))
    result = megaeth("replay", path, "3")
    assert "has no block as nodes tell one" in result.err, result.err
