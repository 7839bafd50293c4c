"""A script in ethers or viem deploys the Token, uses it, and sees its events and custom errors."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support import wallet


@pytest.mark.parametrize(("script", "sender"), [("token.ethers.mjs", 8), ("token.viem.mjs", 9)])
def test_a_script_deploys_and_uses_a_token(tool, clients, node, token, script, sender, tmp_path):
    # Imports of a script are looked for beside it.
    (tmp_path / "node_modules").symlink_to(clients / "node_modules")
    shutil.copy(Path(__file__).parent / script, tmp_path)
    arguments = {
        "url": node.url,
        "key": "0x" + wallet.ACCOUNTS[sender].key.hex(),
        "chainId": wallet.CHAIN_ID,
        "abi": token.abi,
        "bytecode": f"0x{token.bytecode}",
        "to": wallet.address(1),
    }
    seen = json.loads(tool(shutil.which("node"), tmp_path / script, json.dumps(arguments)))
    assert seen == {"status": 1, "balance": "5", "transfers": ["5"], "refused": "ERC20InsufficientBalance"}
