"""A block executes upon a state that a file tells, without a witness; what the file leaves out is named."""

import json
from itertools import count

import pytest
import zstandard

from devnet import _engine
from megaeth_cli.errors import ExitStatus
from tests.conformance.chain.recordings import captured, outcomes
from tests.conformance.chain.table import AGREE, DISAGREE, Table
from tests.integration.contracts.conftest import BOB


@pytest.fixture
def verify(megaeth, node, tmp_path):
    """Verify with a file that tells this."""
    names = count()

    def run(told, *arguments):
        path = tmp_path / f"{next(names)}.json"
        path.write_text(json.dumps(told))
        return megaeth("verify", "block", *arguments, "--prestate", path, "--rpc-url", node.url)

    return run


def test_a_block_and_its_receipts_are_what_execution_gives(verify, told):
    result = verify(told)
    assert result.code == 0, result.err + result.out
    for name in (
        "receipt logs",
        "receipt cumulative gas used",
        "receipts root",
        "block gas used",
        "prestate",
    ):
        assert name in result.out
    assert "state root" not in result.out
    assert "state roots were not checked" in result.err


def test_the_state_may_come_alone_or_as_traces(verify, told, node):
    number = str(int(told["block"]["number"], 16))
    accounts = told["prestate"]["accounts"]
    for state in (accounts, {"accounts": accounts}, [{"result": accounts}, {"result": {BOB: {}}}]):
        result = verify(state, number)
        assert result.code == 0, result.err + result.out
    assert verify(accounts).code == ExitStatus.USAGE


def test_what_is_left_out_is_named(verify, told):
    left_out = told["block"]["transactions"][-1]["from"]
    del told["prestate"]["accounts"][left_out.lower()]
    result = verify(told)
    assert result.code == ExitStatus.FAILURE
    assert "prestate" in result.err and left_out.lower() in result.err.lower()


def test_another_state_gives_other_receipts(verify, told):
    sender = told["prestate"]["accounts"][told["block"]["transactions"][-1]["from"].lower()]
    sender["nonce"] += 1
    result = verify(told)
    assert result.code == ExitStatus.FAILURE
    assert "execution" in result.err


def test_a_receipt_that_says_otherwise_fails(verify, told):
    told["receipts"][-1]["gasUsed"] = "0x1"
    result = verify(told)
    assert result.code == ExitStatus.FAILURE
    assert "receipt gas used" in result.err


@pytest.mark.parametrize("text", ["", "[", '{"accounts": {"0x12": {}}}', '{"prestate": 5}'])
def test_a_file_that_tells_no_state_is_refused(megaeth, node, tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    result = megaeth("verify", "block", "1", "--prestate", path, "--rpc-url", node.url)
    assert result.code == ExitStatus.FAILURE
    assert "tells no state" in result.err


def capture_of(told):
    """The same as mega-evme captures it."""
    block, number = told["block"], int(told["block"]["number"], 16)
    hashes = [one["hash"] for one in block["transactions"]]
    asked = {("eth_getBlockByNumber", hex(number), False): {**block, "transactions": hashes}}
    asked |= {("eth_getTransactionByHash", one["hash"]): one for one in block["transactions"]}
    asked |= {("eth_getTransactionReceipt", one["transactionHash"]): one for one in told["receipts"]}
    for address, account in told["prestate"]["accounts"].items():
        asked[("eth_getBalance", address, hex(number - 1))] = account["balance"]
        asked[("eth_getTransactionCount", address, hex(number - 1))] = hex(account["nonce"])
        asked[("eth_getCode", address, hex(number - 1))] = account["code"]
        for slot, value in account["storage"].items():
            asked[("eth_getStorageAt", address, hex(int(slot, 16)), hex(number - 1))] = value

    def entry(question, answer):
        text = f"{question[0]}\0{json.dumps(question[1:], separators=(',', ':'))}"
        value = json.dumps({"jsonrpc": "2.0", "id": 1, "result": answer})
        return {"key": "0x" + _engine.keccak256(text.encode()).hex(), "value": value}

    return {"version": 1, "chain_id": 6343, "cache": [entry(*one) for one in asked.items()]}


@pytest.mark.parametrize("kind", ["capture", "prestate"])
def test_the_conformance_run_executes_what_others_have_recorded(told, tmp_path, kind):
    number = int(told["block"]["number"], 16)

    def write(told):
        if kind == "capture":
            (tmp_path / f"{number}.cache.json").write_text(json.dumps(capture_of(told)))
        else:
            data = json.dumps({**told, "version": 1, "chain_id": 6343}).encode()
            (tmp_path / f"{number}.json.zst").write_bytes(zstandard.compress(data))

    def run():
        table = Table()
        for outcome in outcomes(tmp_path):
            table.add(outcome)
        return table

    write(told)
    table = run()
    assert table.exit_code() == AGREE, table.differing
    [(key, row)] = table.rows.items()
    assert key == (kind, 6343, "Rex6")
    assert (row.first, row.blocks, row.passed, row.parts) == (number, 1, 1, 0)

    last = told["receipts"][-1]
    last["cumulativeGasUsed"] = hex(int(last["cumulativeGasUsed"], 16) + 1)
    write(told)
    table = run()
    assert table.exit_code() == DISAGREE
    assert "receipt cumulative gas used" in table.differing[0].difference


def test_a_capture_of_the_first_transactions_is_compared_as_far_as_it_goes(told, tmp_path):
    told["block"]["transactions"].append({"hash": "0x" + "77" * 32})
    capture = capture_of(told)
    capture["cache"] = [one for one in capture["cache"] if '"hash": "0x7777' not in one["value"][:90]]
    outcome = captured("part.cache.json", json.dumps(capture).encode())
    assert outcome.difference is None
    assert outcome.transactions == outcome.of - 1
