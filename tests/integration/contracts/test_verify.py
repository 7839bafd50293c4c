"""verify block checks what the sequencer sealed: the block from a witness alone, and each mini-block of it."""

import json
from dataclasses import replace

from devnet.proving import stateless
from devnet.proving.material import VerificationInput, block_records
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


def test_each_mini_block_is_compared(cli, node):
    receipt = cli.send("--to", BOB, "--value", "1")
    node.sealed(receipt["blockNumber"])
    report = cli.json("verify", "block", str(receipt["blockNumber"]))
    assert report["ok"]
    names = {check["name"] for check in report["checks"]}
    assert {"mini-block order", "mini-block signatures", "mini-block roots", "seals", "data size"} <= names


def test_a_range_of_blocks_is_verified(cli, node):
    node.sealed(3)
    reports = cli.json("verify", "block", "--range", "1..3")
    assert [one["block"] for one in reports] == [1, 2, 3]


def unhex(text):
    return bytes.fromhex(text[2:])


def fetched(node, number):
    """What a check of the block takes."""
    block = node.rpc("eth_getBlockByNumber", hex(number), True)
    return VerificationInput(
        number,
        unhex(block["hash"]),
        json.dumps(block).encode(),
        json.dumps(node.rpc("eth_getBlockByNumber", hex(number - 1), False)).encode(),
        node.rpc("mega_getBlockWitness", {"blockNumber": hex(number)}),
        block_records(node.rpc("mega_getBlockRecords", hex(number))),
    )


def test_a_block_whose_claim_was_changed_fails_with_the_difference(cli, node):
    receipt = cli.send("--to", BOB, "--value", "1")
    node.sealed(receipt["blockNumber"])
    material, rules = fetched(node, receipt["blockNumber"]), node.rpc("mega_getChainRules")
    hashes = stateless.code_hashes(material.witness)
    codes = [(one, unhex(node.rpc("eth_getCodeByHash", f"0x{one.hex()}"))) for one in hashes]
    assert stateless.check(material, codes, rules).difference is None
    block = json.loads(material.block)
    root = unhex(block["stateRoot"])
    block["stateRoot"] = "0x" + "11" * 32
    changed = replace(material, block=json.dumps(block).encode())
    difference = stateless.check(changed, codes, rules).difference
    assert difference is not None
    assert difference.check == "header hash"

    # What is wrong in the log only is the giver's fault.
    log = tuple(record.replace(root, b"\x11" * 32) for record in material.records)
    assert log != material.records
    difference = stateless.check(replace(material, records=log), codes, rules).difference
    assert difference is not None
    assert difference.check == "mini-block records"
    assert difference.is_of_the_source


def test_a_block_that_does_not_exist_is_an_error(cli):
    result = cli("verify", "block", "99999999")
    assert result.code in (1, 6)
    assert "99999999" in result.err
