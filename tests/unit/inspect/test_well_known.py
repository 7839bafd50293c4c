"""Events and errors of the standards are read whoever they come from."""

import eth_abi
import pytest
from eth_hash.auto import keccak

from megaeth_cli.abi import Interface
from megaeth_cli.inspect.known import ADDRESSES, SYSTEM, predeploy
from megaeth_cli.inspect.reasons import of_revert
from megaeth_cli.output.receipts import log_json, log_text
from megaeth_cli.units import checksummed

ALICE, BOB = (digit * 20 for digit in (b"\x11", b"\x22"))
ALICE_TEXT, BOB_TEXT = checksummed(ALICE), checksummed(BOB)


def log(signature, indexed, types=(), values=(), address="0x" + "99" * 20):
    topics = [keccak(signature.encode()), *(one.rjust(32, b"\0") for one in indexed)]
    return {
        "address": address,
        "topics": [f"0x{topic.hex()}" for topic in topics],
        "data": f"0x{eth_abi.encode(types, values).hex()}",
    }


def shown(one, find=lambda _: None):
    return log_text(one, find)


TRANSFER = "Transfer(address,address,uint256)"


def test_a_transfer_with_two_indexed_parameters_is_of_an_amount_and_with_three_of_a_token():
    erc20 = log(TRANSFER, [ALICE, BOB], ["uint256"], [5])
    erc721 = log(TRANSFER, [ALICE, BOB, b"\x05"])
    assert shown(erc20) == f"Transfer(from: {ALICE_TEXT}, to: {BOB_TEXT}, value: 5)"
    assert shown(erc721) == f"Transfer(from: {ALICE_TEXT}, to: {BOB_TEXT}, tokenId: 5)"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            log("Approval(address,address,uint256)", [ALICE, BOB], ["uint256"], [7]),
            f"Approval(owner: {ALICE_TEXT}, spender: {BOB_TEXT}, value: 7)",
        ),
        (
            log("ApprovalForAll(address,address,bool)", [ALICE, BOB], ["bool"], [True]),
            f"ApprovalForAll(owner: {ALICE_TEXT}, operator: {BOB_TEXT}, approved: true)",
        ),
        (
            log(
                "TransferBatch(address,address,address,uint256[],uint256[])",
                [ALICE, ALICE, BOB],
                ["uint256[]", "uint256[]"],
                [[1, 2], [3, 4]],
            ),
            f"TransferBatch(operator: {ALICE_TEXT}, from: {ALICE_TEXT}, to: {BOB_TEXT}, ids: [1, 2], values: [3, 4])",
        ),
        (log("Upgraded(address)", [BOB]), f"Upgraded(implementation: {BOB_TEXT})"),
    ],
)
def test_events_of_an_unknown_emitter_are_read(one, text):
    assert shown(one) == text


def test_json_has_the_event_too():
    body = log_json(log(TRANSFER, [ALICE, BOB], ["uint256"], [5]), lambda _: None)
    assert (body["event"], body["signature"]) == ("Transfer", TRANSFER)
    assert body["arguments"] == {"from": ALICE_TEXT, "to": BOB_TEXT, "value": "5"}


def test_the_emitters_own_abi_goes_first():
    own = Interface.of_signatures(["event Transfer(address indexed src, address indexed dst, uint256 wad)"])
    one = log(TRANSFER, [ALICE, BOB], ["uint256"], [5])
    assert shown(one, lambda _: own) == f"Transfer(src: {ALICE_TEXT}, dst: {BOB_TEXT}, wad: 5)"


def test_an_event_that_nobody_knows_shows_its_topics():
    assert shown(log("Nobody(uint256)", [ALICE])).startswith("unknown event\ntopic 0  0x")


def test_data_that_does_not_fit_a_well_known_event_is_shown_as_it_is():
    one = log(TRANSFER, [ALICE, BOB])
    assert shown(one).startswith("unknown event")


def test_openzeppelins_errors_are_read_without_an_abi():
    data = keccak(b"ERC20InsufficientBalance(address,uint256,uint256)")[:4] + eth_abi.encode(
        ["address", "uint256", "uint256"], [ALICE_TEXT, 1, 2]
    )
    reason = of_revert(data)
    assert reason.text == f"reverted: ERC20InsufficientBalance(sender: {ALICE_TEXT}, balance: 1, needed: 2)"


def test_every_predeploy_has_a_name_and_all_that_have_functions_an_abi():
    raw = {"MegaSystem", "Create2Deployer", "HistoryStorage", "BeaconRoots"}
    assert {predeploy(address).name for address in SYSTEM if predeploy(address).interface is None} == raw


def test_the_abis_of_the_predeploys_are_those_of_their_code():
    for address in SYSTEM:
        standing = predeploy(address)
        if standing.interface is not None and standing.code:
            selectors = [e.selector for e in standing.interface.entries if e.kind == "function"]
            assert all(selector.lstrip(b"\0").hex() in standing.code for selector in selectors), standing.name


def test_wrapped_ether_has_its_events_and_its_layout():
    weth = predeploy(ADDRESSES["WETH"])
    deposit = log("Deposit(address,uint256)", [ALICE], ["uint256"], [3], ADDRESSES["WETH"])
    assert shown(deposit, lambda _: weth.interface) == f"Deposit(dst: {ALICE_TEXT}, wad: 3)"
    assert [one["label"] for one in weth.layout["storage"]] == ["balanceOf", "allowance"]
