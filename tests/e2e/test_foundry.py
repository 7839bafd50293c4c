"""forge and cast work on the devnet as on any chain."""

import json
import shutil

from tests.e2e.conftest import CONTRACTS
from tests.support import wallet

SENDER = 9
KEY = "0x" + wallet.ACCOUNTS[SENDER].key.hex()


def test_forge_creates_and_cast_sends_and_reads(tool, foundry, solc, node, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(CONTRACTS / "src", project / "src")
    (project / "foundry.toml").write_text('[profile.default]\nevm_version = "prague"\n')
    created = json.loads(
        tool(
            foundry("forge"),
            "create",
            "src/Token.sol:Token",
            *("--use", solc, "--offline", "--broadcast", "--json"),
            *("--rpc-url", node.url, "--private-key", KEY),
            *("--constructor-args", "MegaCoin", "MEGA", "1000000"),
            cwd=project,
        )
    )
    token = created["deployedTo"]
    cast = foundry("cast")
    assert tool(cast, "call", token, "symbol()(string)") == '"MEGA"'
    sent = json.loads(
        tool(
            *(cast, "send", token, "transfer(address,uint256)", wallet.address(1), "5"),
            *("--private-key", KEY, "--json"),
        )
    )
    assert sent["status"] == "0x1"
    assert tool(cast, "call", token, "balanceOf(address)(uint256)", wallet.address(1)) == "5"


def test_cast_estimates_what_is_then_used(tool, foundry, node):
    estimated = int(
        tool(foundry("cast"), "estimate", wallet.address(1), "--value", "1", "--from", wallet.address(1))
    )
    receipt = wallet.send(node, SENDER, to=wallet.address(1), value="0x1", gas=hex(estimated))
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) <= estimated
