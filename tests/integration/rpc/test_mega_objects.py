"""docs/json-rpc.md, "What receipts say in addition": the `mega` objects of a node have these members and no others."""

import re
from pathlib import Path

import pytest

from tests.support import wallet
from tests.support.raw_http import RawHttp

PAGE = Path(__file__).parents[3] / "docs" / "json-rpc.md"
SECTION = PAGE.read_text().partition("### What receipts say in addition")[2].partition("\n## ")[0]
TARGET = "0x" + "12" * 20
PLENTY = hex(9_000_000_000)
CODES = {
    "detained": "42505b600256",
    "out of gas": "5b600056",
    "invalid": "fe",
    "reverted": "602a5f5260205ffd",
    "too much state": "5f5b60010180805560015600",
    "too much data": "5b620100005fa0600056",
}
READ_ONCE = "425000"
ERRORS, USAGE = "everywhere", "`mega_txUsage`"
NOT_SEEN = {"callee"}
"""Only the system address gets to see it."""


def rows(head):
    """The rows of a table of the section, by member."""
    table = SECTION.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [row.strip("| ").split(" | ") for row in table]
    return {name.strip("`"): (about, where) for name, about, where in cells}


def error_of(node, code, method="eth_call", gas=PLENTY):
    params = {"to": TARGET, "gas": gas}, "latest", {TARGET: {"code": "0x" + code}}
    with RawHttp(node.port, timeout=60) as http:
        return http.call(method, *params)["error"]


def receipt_of(node, code):
    size = f"60{len(code) // 2:02x}"
    creates = f"0x{size}600c600039{size}6000f3{code}"
    contract = wallet.send(node, 6, input=creates, gas=hex(100_000_000))["contractAddress"]
    return wallet.send(node, 6, to=contract, gas=hex(200_000_000))


def usage_of(node, receipt):
    return node.rpc("mega_txUsage", receipt["transactionHash"])


@pytest.fixture(scope="module")
def errors(node):
    gas = {"out of gas": hex(1_000_000), "reverted": hex(1_000_000)}
    return {name: error_of(node, code, gas=gas.get(name, PLENTY)) for name, code in CODES.items()}


@pytest.fixture(scope="module")
def receipts(node):
    return {name: receipt_of(node, CODES[name]) for name in ("detained", "reverted", "invalid")}


def test_every_member_of_an_object_has_its_row_and_every_row_is_met(node, errors, receipts):
    documented = rows("member")
    everywhere = {name for name, (_, where) in documented.items() if where == ERRORS}
    for error in errors.values():
        assert error["mega"].keys() == everywhere
    for receipt in receipts.values():
        assert everywhere < receipt["mega"].keys() <= documented.keys()
    assert set().union(*(receipt["mega"] for receipt in receipts.values())) == documented.keys()
    for receipt in receipts.values():
        assert usage_of(node, receipt).keys() == everywhere


def test_a_receipt_says_which_limit_came_closest_and_what_detention_left(node, receipts):
    documented = rows("member of `detention`")
    for receipt in receipts.values():
        mega, usage = receipt["mega"], usage_of(node, receipt)
        assert mega["closestLimit"] == usage["closestLimit"]
        assert (mega["detention"] is None) is (usage["detention"] is None) is not mega["detained"]
    short, whole = (
        receipts["detained"]["mega"]["detention"],
        usage_of(node, receipts["detained"])["detention"],
    )
    assert short == {"accesses": ["TIMESTAMP"], "limit": whole["limit"]}
    everywhere = {name for name, (_, where) in documented.items() if where == ERRORS}
    more = {name for name, (_, where) in documented.items() if where == USAGE}
    assert (short.keys(), whole.keys()) == (everywhere, everywhere | more)


def test_what_went_well_says_what_detention_left_it(node):
    receipt = receipt_of(node, READ_ONCE)
    mega = receipt["mega"]
    assert (receipt["status"], mega["detained"], mega["haltReason"]) == ("0x1", True, None)
    assert mega["detention"] == {
        name: value
        for name, value in usage_of(node, receipt)["detention"].items()
        if name in ("accesses", "limit")
    }
    assert mega["closestLimit"]["reached"] is False


def test_the_usage_of_a_transaction_says_where_it_was_detained_and_which_limit_that_met(node, receipts):
    usage = usage_of(node, receipts["detained"])
    assert usage["detention"].keys() == rows("member of `detention`").keys()
    assert usage["closestLimit"].keys() == rows("member of `closestLimit`").keys()
    halt = usage["haltReason"]
    assert usage["closestLimit"] == {
        "dimension": "computeGas",
        "used": halt["actual"],
        "limit": halt["limit"],
        "reached": True,
    }
    detention = usage["detention"]
    place = {"contract": receipts["detained"]["to"], "pc": "0x0", "opcode": "TIMESTAMP"}
    assert place.items() <= detention.items()
    assert (detention["accesses"], detention["limit"]) == (["TIMESTAMP"], halt["limit"])
    assert int(detention["limit"], 16) - int(detention["computeGas"], 16) == 20_000_000


def test_what_was_not_detained_says_what_it_used_most_of(node, receipts):
    usage = usage_of(node, receipts["reverted"])
    assert usage["detention"] is None
    closest = usage["closestLimit"]
    assert closest["reached"] is False
    used, limit = (int(closest[name], 16) for name in ("used", "limit"))
    assert used == int(usage[closest["dimension"]], 16) and used < limit


def test_what_halted_says_its_kind_and_numbers(errors, receipts):
    documented = rows("member of `haltReason`")
    halts = [one["mega"]["haltReason"] for one in (*errors.values(), *receipts.values())]
    seen = set().union(*(halt for halt in halts if halt))
    assert seen == documented.keys() - NOT_SEEN
    kinds = documented["kind"][0]
    assert all(f"`{halt['kind']}`" in kinds for halt in halts if halt)
    detained = errors["detained"]["mega"]
    assert detained["detained"] is True
    halt = detained["haltReason"]
    assert int(halt["actual"], 16) > int(halt["limit"], 16)
    assert halt["accesses"] == ["TIMESTAMP"]


def test_messages_of_halts_and_limits_say_the_numbers(errors):
    limit, actual = (int(errors["detained"]["mega"]["haltReason"][name], 16) for name in ("limit", "actual"))
    assert errors["detained"]["message"] == (
        f"gas detention: {actual} compute gas used, limit {limit} after reading TIMESTAMP"
    )
    assert "state growth limit of 1000" in errors["too much state"]["message"]
    assert re.search(r"data size limit of 13\d{6} is used up", errors["too much data"]["message"])


def test_a_limit_of_a_call_reverts_and_its_kind_and_number_stand_in_the_data(errors):
    kinds = re.findall(r"(\d)\s(?:is\s)?(data size|KV updates|compute gas|state growth)", SECTION)
    assert dict(kinds) == {"0": "data size", "1": "KV updates", "2": "compute gas", "3": "state growth"}
    for name, kind in (("too much state", 3), ("too much data", 0)):
        error = errors[name]
        assert error["code"] == 3
        assert error["mega"]["haltReason"] is None
        assert int(error["data"][10:74], 16) == kind
        assert f"limit of {int(error['data'][74:138], 16)} " in error["message"]


def test_data_has_the_object_where_it_would_be_empty(errors):
    for name in ("detained", "out of gas", "invalid"):
        assert errors[name]["data"] == {"mega": errors[name]["mega"]}
    assert errors["reverted"]["data"] == f"0x{42:064x}"


def test_estimates_and_simulated_calls_have_it_too(node, errors):
    estimated = error_of(node, CODES["invalid"], "eth_estimateGas", hex(1_000_000))
    assert estimated["mega"].keys() == errors["invalid"]["mega"].keys()
    blocks = node.rpc("eth_simulateV1", {"blockStateCalls": [{"calls": [{"to": TARGET}]}]}, "latest")
    assert blocks[0]["calls"][0]["mega"].keys() == errors["invalid"]["mega"].keys()
