"""A node that answers anything at all: every command ends with a message, never with a fault of its own."""

import io
import json
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megaeth_cli.app import run
from megaeth_cli.chain import answers
from megaeth_cli.env import Environment
from megaeth_cli.errors import ExitStatus
from tests.support.scripted_node import scripted_node
from tests.unit.cli.test_contract_commands import (
    ALICE,
    ANSWERS,
    HASH,
    TOKEN,
    block,
    receipt,
    state_diff,
    transaction,
)
from tests.unit.traces.trees import call

ACCOUNT = {"nonce": "0x1", "balance": "0x0", "codeHash": HASH}
SLOT = {"slot": HASH, "before": "0x0", "after": "0x5"}
GOOD = {
    **ANSWERS,
    "eth_blockNumber": "0xc",
    "eth_call": "0x" + "00" * 31 + "05",
    "eth_getTransactionByHash": transaction(),
    "eth_getTransactionReceipt": receipt(),
    "eth_sendRawTransaction": HASH,
    "realtime_sendRawTransaction": receipt(),
    "eth_getBlockByHash": block(),
    "eth_getCodeByHash": "0x6000",
    "eth_createAccessList": {"accessList": [{"address": TOKEN, "storageKeys": [HASH]}], "gasUsed": "0x1"},
    "mega_getStateDiff": state_diff(
        transactions=[HASH],
        accounts=[{"address": TOKEN, "before": ACCOUNT, "after": ACCOUNT, "storage": [SLOT]}],
    ),
    "mega_getBlockWitness": "v0:AAAA",
    "mega_getBlockRecords": {"parent": "0x00", "block": "0x00", "minis": ["0x00"]},
    "mega_getChainRules": {"chainId": 6343, "spec": "rex6"},
    "mega_getAttestations": [{"name": "prover-1"}],
    "debug_traceTransaction": call(TOKEN, "0x", call(), error="execution reverted"),
    "eth_getBlockReceipts": [receipt()],
    "txpool_status": {"pending": "0x1"},
    "txpool_contentFrom": {"pending": {"1": {}}},
    "txpool_inspect": {"pending": {ALICE: {"1": "0x00: 1 wei + 60000 gas \u00d7 5 wei"}}},
}
TRACES = {
    "callTracer": call(TOKEN, "0x", call(), error="out of gas"),
    "prestateTracer": {
        TOKEN: {"balance": "0x0", "nonce": 1, "code": "0x00", "storage": {HASH: HASH}},
        ALICE.lower(): {"balance": "0xffffffff"},
    },
    None: {"structLogs": [{"pc": 0, "op": "CALL", "gas": 9, "gasCost": 2, "depth": 1}]},
}
TRACE_PAIRS = [list(pair) for pair in TRACES.items()]
COMMANDS = [
    ("accounts",),
    ("call", TOKEN, "x()(uint256)"),
    ("tx", "show", HASH),
    ("tx", "send", "--to", ALICE, "--value", "1wei"),
    ("tx", "send", TOKEN, "f(uint256)", "1"),
    ("inspect-diff", "latest"),
    ("inspect-diff", HASH),
    ("inspect-diff", "--raw", "5"),
    ("verify", "block", "latest"),
    ("rpc", "eth_blockNumber"),
    ("trace", HASH),
    ("trace", HASH, "-v"),
]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["0x", HASH, ALICE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """Every place within a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def replaced(value, path, other):
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


def plain(method):
    return GOOD[method]() if callable(GOOD[method]) else GOOD[method]


PLACES = [(method, path) for method in sorted(GOOD) for path in places(plain(method))]


@settings(max_examples=150)
@given(place=st.sampled_from(PLACES), other=ANYTHING, command=st.sampled_from(COMMANDS))
def test_no_answer_makes_a_command_fail_by_itself(place, other, command):
    check(command, place[0], replaced(plain(place[0]), place[1], other))


def check(command, method, answer, **others):
    with tempfile.TemporaryDirectory() as home, scripted_node(**{**GOOD, **others, method: answer}) as node:
        variables = {"MEGAETH_HOME": home, "PATH": "/nowhere"}
        env = Environment(io.StringIO(), io.StringIO(), io.StringIO(), variables, verbosity=2)
        code = run([*command, "--rpc-url", node.url], env)
    assert node.asked
    assert code != ExitStatus.INTERNAL, env.stderr.getvalue()


@settings(max_examples=60)
@given(
    place=st.sampled_from([one for one in places(TRACE_PAIRS) if len(one) > 1 and one[1] == 1]),
    other=ANYTHING,
)
def test_no_trace_makes_an_explanation_fail_by_itself(place, other):
    told = dict(replaced(TRACE_PAIRS, place, other))
    check(
        ("tx", "explain", HASH, "--no-forks"),
        "debug_traceTransaction",
        lambda hash_, options: told.get(options.get("tracer")),
    )


@settings(max_examples=60)
@given(
    place=st.sampled_from([one for one in PLACES if one[0].startswith(("txpool_", "eth_getBlockR"))]),
    other=ANYTHING,
)
def test_no_pool_makes_what_waits_fail_by_itself(place, other):
    method, path = place
    waits = {"eth_getTransactionReceipt": None, "eth_getTransactionCount": "0x1"}
    check(("tx", "show", HASH), method, replaced(plain(method), path, other), **waits)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_answers_that_are_varied_are_good_ones(command):
    for method in sorted(GOOD):
        assert answers.fault(method, plain(method)) is None
    check(command, "eth_chainId", hex(6343))


def test_it_says_where_an_answer_is_wrong(megaeth, monkeypatch):
    wrong = receipt()
    wrong["logs"][0]["topics"][1] = "0x12"
    with scripted_node(**{**GOOD, "eth_getTransactionReceipt": wrong}) as node:
        monkeypatch.setenv("MEGAETH_RPC_URL", node.url)
        result = megaeth("tx", "show", HASH, "--json")
    assert result.code == ExitStatus.RPC
    error = json.loads(result.out)["error"]
    assert "answers eth_getTransactionReceipt in a form that it cannot have" in error["what"]
    assert error["why"] == "the result.logs[0].topics[1] is '0x12', not 32 bytes in hex"


@given(ANYTHING)
def test_no_value_confuses_the_shapes(value):
    for method in answers._SHAPES:
        why = answers.fault(method, value)
        assert why is None or why
