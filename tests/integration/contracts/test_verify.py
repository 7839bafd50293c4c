"""verify block checks what the sequencer sealed: statelessly, or by re-executing each mini-block."""

from devnet.proving.checker import check, read_input
from tests.support.wallet import ACCOUNTS

BOB = ACCOUNTS[1].address


def test_a_block_with_transactions_is_what_it_claims_to_be(cli, node):
    cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    receipt = cli.send("Token", "transfer", BOB, "5")
    node.sealed(receipt["blockNumber"])
    result = cli("verify", "block", str(receipt["blockNumber"]))
    assert result.code == 0, result.err + result.out
    report = cli.json("verify", "block", str(receipt["blockNumber"]))
    assert report["ok"] and report["block"] == receipt["blockNumber"]
    names = {check["name"] for check in report["checks"]}
    assert {"state witness", "state root", "state diffs", "receipts root"} <= names
    assert report["effort"]["transactions"] >= 1


def test_each_mini_block_is_compared_on_request(cli, node):
    receipt = cli.send("--to", BOB, "--value", "1")
    node.sealed(receipt["blockNumber"])
    report = cli.json("verify", "block", str(receipt["blockNumber"]), "--reexecute")
    assert report["ok"]
    assert "mini-block signatures" in {check["name"] for check in report["checks"]}


def test_a_range_of_blocks_is_verified(cli, node):
    node.sealed(3)
    reports = cli.json("verify", "block", "--range", "1..3")
    assert [one["block"] for one in reports] == [1, 2, 3]


def test_a_block_whose_claim_was_changed_fails_with_the_difference(cli, node):
    receipt = cli.send("--to", BOB, "--value", "1")
    node.sealed(receipt["blockNumber"])
    honest = node.rpc("mega_getBlockInput", hex(receipt["blockNumber"]))
    raw = read_input(honest)
    assert check(raw).ok
    state_root = node.rpc("eth_getBlockByNumber", hex(receipt["blockNumber"]), False)["stateRoot"]
    root = bytes.fromhex(state_root[2:])
    assert root in raw
    report = check(raw.replace(root, b"\x11" * 32))
    assert not report.ok
    assert report.first_difference is not None


def test_a_block_that_does_not_exist_is_an_error(cli):
    result = cli("verify", "block", "99999999")
    assert result.code in (1, 6)
    assert "99999999" in result.err
