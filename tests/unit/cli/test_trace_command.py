"""`megaeth trace`, with a node that the test plays. Real traces are in tests/integration/contracts."""

import json

import pytest

from megaeth_cli.errors import ExitStatus
from megaeth_cli.traces.frame import REVERTED
from megaeth_cli.units import keccak
from tests.support.scripted_node import Refusal, scripted_node
from tests.unit.cli.test_contract_commands import ANSWERS, HASH, receipt, transaction
from tests.unit.traces.trees import ALICE, TOKEN, VAULT, call, nested

TWO = "0x12345678" + f"{5:064x}" + f"{7:064x}"


@pytest.fixture
def trace(megaeth):
    """Runs `megaeth trace ...` against a node with this tree."""

    def run(tree, *arguments, **answers):
        known = ANSWERS | {
            "eth_getTransactionByHash": transaction(),
            "eth_getTransactionReceipt": receipt(),
            "debug_traceTransaction": tree,
            "debug_traceCall": tree,
            "eth_blockNumber": "0xc",
            "eth_getCode": lambda address, block: "0x",
        }
        with scripted_node(**(known | answers)) as node:
            return megaeth("trace", *arguments, "--rpc-url", node.url)

    return run


def test_a_selector_that_nobody_knows_is_shown_as_it_is(trace):
    shown = trace(call(TOKEN, TWO), HASH)
    assert shown.code == ExitStatus.SUCCESS, shown.err
    assert ".0x12345678(0x" in shown.out
    assert "1,000 gas = 800 compute + 200 storage" in shown.out


def test_a_selector_is_named_by_a_file_of_signatures(trace, tmp_path, monkeypatch):
    monkeypatch.setattr("megaeth_cli.abi.interface.Entry.selector", property(lambda _: b"\x12\x34\x56\x78"))
    (tmp_path / "known.txt").write_text("# ours\nput(uint256 slot, uint256 value)\n\n")
    assert ".put?(slot: 5, value: 7)" in trace(call(TOKEN, TWO), HASH, "--selectors", "known.txt").out
    (tmp_path / "known.json").write_text('{"0x12345678": "put(uint256,uint256)"}')
    assert ".put?(5, 7)" in trace(call(TOKEN, TWO), HASH, "--selectors", "known.json").out
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "selectors.txt").write_text("put(uint256,uint256)")
    assert ".put?(5, 7)" in trace(call(TOKEN, TWO), HASH).out
    (tmp_path / "none.txt").write_text("not a signature")
    refused = trace(call(TOKEN, TWO), HASH, "--selectors", "none.txt")
    assert refused.code == ExitStatus.USAGE
    assert "holds no signatures" in refused.err


def test_what_is_told_to_the_console_is_read(trace):
    console = f"0x{b'console.log'.rjust(20, bytes(1)).hex()}"
    words = (b"\0" * 31 + b"\x40", (7).to_bytes(32, "big"), b"\0" * 31 + b"\x04", b"n %d".ljust(32, b"\0"))
    data = f"0x{keccak(b'log(string,uint256)')[:4].hex()}{b''.join(words).hex()}"
    shown = trace(call(TOKEN, TWO, call(console, data, kind="STATICCALL")), HASH)
    assert 'static console.log("n 7")' in shown.out
    assert "console.log" in trace(call(TOKEN, TWO, call(console, data)), HASH, "--filter", "console").out


def test_the_standards_functions_are_known_by_their_selectors(trace):
    data = "0xa9059cbb" + ALICE[2:].rjust(64, "0") + f"{5:064x}"
    assert ".transfer?(to: 0x" in trace(call(TOKEN, data), HASH).out.replace("recipient", "to")


def test_events_stand_between_the_calls(trace):
    logs = [
        {"address": TOKEN, "topics": [], "data": "0x01", "position": "0x0"},
        {"address": TOKEN, "topics": [], "data": "0x02", "position": "0x1"},
    ]
    lines = trace(call(TOKEN, "0x", call(VAULT), logs=logs), HASH).out.splitlines()
    assert [line.split()[1] for line in lines[3:6]] == ["event", line_of(lines[4]), "event"]
    assert lines[3].endswith("0x01") and lines[5].endswith("0x02")


def line_of(line):
    return line.split()[1]


def test_a_failure_is_told_where_it_is_and_by_the_exit_code(trace):
    reason = "0x08c379a0" + f"{32:064x}" + f"{6:064x}" + b"not ok".hex().ljust(64, "0")
    shown = trace(call(TOKEN, "0x", call(VAULT, error=REVERTED, output=reason)), HASH)
    assert (shown.code, '✗ reverted: "not ok"' in shown.out) == (ExitStatus.SUCCESS, True)
    shown = trace(call(error="out of gas"), HASH)
    assert (shown.code, "✗ halted: out of gas" in shown.out) == (ExitStatus.FAILURE, True)


def test_ten_thousand_frames_are_folded(trace):
    shown = trace(call(TOKEN, "0x", *[call(VAULT)] * 9_999), HASH)
    assert "... 9,998 more calls like this one  9,998,000 gas" in shown.out
    assert len(shown.out.splitlines()) < 10
    assert len(trace(call(TOKEN, "0x", *[call(VAULT)] * 9_999), HASH, "--all").out.splitlines()) > 9_999


def test_calls_as_deep_as_they_can_be_come_over_the_wire(trace):
    shown = trace(nested(1024), HASH, "--depth", "3")
    assert shown.code == ExitStatus.SUCCESS, shown.err
    assert "... 1 call, 1,020 within them" in shown.out


def test_programs_get_the_tree_with_what_is_folded_counted(trace):
    body = json.loads(trace(call(TOKEN, TWO, *[call(VAULT)] * 5), HASH, "--json").out)
    assert body["transaction"] == HASH
    assert body["frames"] == 6
    first, rest = body["trace"]["calls"]
    assert (first["gasUsed"], first["computeGas"], first["storageGas"]) == (1000, 800, 200)
    assert rest == {"folded": 4, "frames": 4}


def test_text_of_strangers_steers_no_terminal(trace):
    shown = trace(call(error="out\n\x1b[31mof gas"), HASH)
    assert "out\\n\\u001b[31mof gas" in shown.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to look at"),
        ((HASH, HASH), "one hash"),
        (("0x12",), "not a transaction hash"),
        (("--call", TOKEN), "a contract and a function"),
        (("--call", TOKEN, "f(uint256)", "1", "--block", "soon"), "not a block"),
    ],
)
def test_what_is_wrong_is_said(trace, arguments, said):
    refused = trace(call(), *arguments)
    assert refused.code == ExitStatus.USAGE
    assert said in refused.err


def test_a_node_without_traces_is_named(trace):
    for refusal in (Refusal(-32601, "no such method"), Refusal(-32000, "rpc method is not whitelisted")):
        refused = trace(refusal, HASH)
        assert refused.code == ExitStatus.RPC
        assert "gives no traces" in refused.err


def test_a_transaction_without_receipt_has_no_trace_yet(trace):
    refused = trace(call(), HASH, eth_getTransactionReceipt=None)
    assert refused.code == ExitStatus.FAILURE
    assert "has not been executed" in refused.err


@pytest.mark.parametrize(("number", "name"), [(3, "ripemd160"), (11, "bls12G1Add"), (17, "bls12MapFp2ToG2")])
def test_a_precompiles_input_is_shown_whole(trace, number, name):
    shown = trace(call(TOKEN, "0x", call(f"0x{number:040x}", "0x0102030405")), HASH)
    assert f"{name}(0x0102030405)" in shown.out


def test_a_call_of_an_account_without_code_says_so(trace):
    nothing = call(VAULT, "0x1234567801", gasUsed="0x0")
    remark = "an account without code: nothing is executed"
    assert remark in trace(call(TOKEN, "0x", nothing), HASH).out
    assert remark not in trace(call(TOKEN, "0x", call(VAULT, "0x", gasUsed="0x0")), HASH).out
    assert remark not in trace(call(TOKEN, "0x", nothing), HASH, eth_getCode=lambda *_: "0x5b").out


@pytest.mark.parametrize("entry", [{"type": "function", "name": None, "inputs": 3}, "x"])
def test_a_file_that_is_no_abi_is_refused_with_the_entry(trace, tmp_path, entry):
    good = {"type": "function", "name": "put", "inputs": []}
    (tmp_path / "wrong.json").write_text(json.dumps([good, entry]))
    refused = trace(call(), "--call", TOKEN, "put()", "--abi", "wrong.json")
    assert "is not an ABI: entry 2" in refused.err


def test_a_node_without_traces_of_calls_gives_a_gas_limit_and_the_command_that_tells_more(trace, megaeth):
    refusal = Refusal(-32000, "rpc method is not whitelisted")
    refused = trace(refusal, "--call", TOKEN, "put(uint256)", "5", debug_traceCall=refusal)
    assert "gives no traces of calls" in refused.err
    assert "megaeth devnet up --fork-url http://127.0.0.1:" in refused.err
    answers = {"eth_estimateGas": "0x11170", "eth_gasPrice": "0xf4240", "eth_blockNumber": "0xc"}
    with scripted_node(**(ANSWERS | answers | {"debug_traceCall": refusal})) as node:
        shown = megaeth("estimate", TOKEN, "put(uint256)", "5", "--rpc-url", node.url)
        estimated = megaeth("estimate", TOKEN, "put(uint256)", "5", "--json", "--rpc-url", node.url)
    assert shown.code == estimated.code == ExitStatus.SUCCESS, shown.err + estimated.err
    assert "70,000 now" in shown.out and "--fork-url" in shown.err
    assert json.loads(estimated.out)["gasLimit"] == 70_000
    assert json.loads(estimated.out)["computeGas"] is None
