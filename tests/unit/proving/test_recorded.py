"""Recorded blocks of the real chain, where they are at hand: they verify through the command line."""

import json
import os
import shutil
from pathlib import Path

import pytest

from devnet.errors import UserError
from devnet.proving.recorded import RecordedBlocks
from megaeth_cli.errors import ExitStatus
from tests.support.scripted_node import scripted_node

ROOT = Path(__file__).resolve().parents[3]
CHAIN = Path(os.environ.get("MEGAETH_VECTORS", ROOT.parent / "shared" / "vectors")) / "chain"
recorded = pytest.mark.skipif(not CHAIN.is_dir(), reason="no recorded blocks beside this repository")


@pytest.fixture
def numbers():
    return sorted(int(path.stem) for path in CHAIN.glob("*.salt"))


@recorded
def test_all_recorded_blocks_are_what_they_claim_to_be(megaeth, numbers):
    result = megaeth("verify", "block", "--files", str(CHAIN), "--range", f"{numbers[0]}..{numbers[-1]}")
    assert result.code == 0, result.err + result.out
    assert len(result.out.splitlines()) == len(numbers)
    assert "are what they claim to be" in result.err


@recorded
def test_a_block_is_reported_with_what_checking_took(megaeth, numbers):
    result = megaeth("verify", "block", str(numbers[0]), "--files", str(CHAIN), "--json")
    report = json.loads(result.out)
    assert report["ok"] and report["block"] == numbers[0]
    assert {"state witness", "state root", "receipts root"} <= {check["name"] for check in report["checks"]}
    assert report["effort"]["chainId"] == RecordedBlocks(CHAIN).chain_id(numbers[0])
    assert report["effort"]["witnessBytes"] > 0 and report["effort"]["keys"] > 0


@recorded
def test_a_block_of_an_endpoint_that_is_no_devnet_is_checked_by_the_published_schedule(megaeth, numbers):
    number, blocks = numbers[0], RecordedBlocks(CHAIN)
    material = blocks.material(number)
    parent = json.loads(material.parent)
    endpoint = scripted_node(
        eth_chainId=hex(blocks.chain_id(number)),
        eth_getBlockByNumber=json.loads(material.block),
        eth_getBlockByHash=parent,
        mega_getBlockWitness=material.witness,
        eth_getCodeByHash=lambda one: "0x" + blocks.codes[bytes.fromhex(one[2:])].hex(),
    )
    with endpoint as node:
        result = megaeth("verify", "block", str(number), "--rpc-url", node.url)
    assert result.code == 0, result.err + result.out
    assert "hardfork Rex, since genesis, by the published schedule of chain 6342" in result.out


@recorded
@pytest.mark.parametrize(
    ("file", "check"), [("json", "senders"), ("salt", "state witness"), ("mpt", "withdrawals witness")]
)
def test_a_changed_file_fails_its_check_and_the_command(megaeth, tmp_path, numbers, file, check):
    number = numbers[0]
    copied(number, tmp_path)
    path = tmp_path / f"{number}.{file}"
    if file == "json":
        block = json.loads(path.read_text())
        body = block.get("result", block)
        body["transactions"][1]["from"] = body["miner"]
        path.write_text(json.dumps(block))
    else:
        data = bytearray(path.read_bytes())
        data[20 if file == "mpt" else len(data) // 2] ^= 1
        path.write_bytes(data)
    result = megaeth("verify", "block", str(number), "--files", str(tmp_path))
    assert result.code == ExitStatus.FAILURE
    assert f"block {number} is wrong" in result.err
    assert check in result.err


def copied(number, directory):
    """A recorded block's files in a directory of their own."""
    for name in (f"{number - 1}.json", f"{number}.json", f"{number}.salt", f"{number}.mpt", "contracts.txt"):
        shutil.copyfile(CHAIN / name, directory / name)
    return directory / f"{number}.salt", directory / f"{number}.mpt"


@recorded
@pytest.mark.parametrize("alone", [False, True])
def test_a_recording_with_both_witnesses_in_one_file_is_read(megaeth, tmp_path, numbers, alone):
    salt, withdrawals = copied(numbers[0], tmp_path)
    salt.write_bytes(salt.read_bytes() + withdrawals.read_bytes())
    if alone:
        withdrawals.unlink()
    result = megaeth("verify", "block", str(numbers[0]), "--files", str(tmp_path))
    assert result.code == 0, result.err + result.out


@recorded
def test_a_witness_file_with_something_else_behind_it_is_the_one_that_is_wrong(megaeth, tmp_path, numbers):
    salt, _ = copied(numbers[0], tmp_path)
    salt.write_bytes(salt.read_bytes() + bytes(497))
    result = megaeth("verify", "block", str(numbers[0]), "--files", str(tmp_path))
    assert result.code == ExitStatus.FAILURE
    assert f"block {numbers[0]} in {tmp_path} cannot be read" in result.err
    assert "the SALT witness file cannot be read: 497 bytes follow the SALT witness" in result.err
    assert "Traceback" not in result.err


def test_a_directory_without_blocks_is_the_users_error(megaeth, tmp_path):
    assert megaeth("verify", "block", "--files", str(tmp_path)).code == ExitStatus.FAILURE
    with pytest.raises(UserError):
        RecordedBlocks(tmp_path).material(5)


def test_ways_of_verifying_exclude_each_other(megaeth, tmp_path):
    arguments = ("--files", str(tmp_path), "--witness", str(tmp_path / "kept.json"))
    assert megaeth("verify", "block", "5", *arguments).code == ExitStatus.USAGE
