"""Contract commands against a real sequencer, compiling the project's own contracts with a real compiler."""

import io
import json
import shutil
from pathlib import Path

import pytest

from devnet import _engine
from megaeth_cli.app import run
from megaeth_cli.env import Environment
from tests.support.cli import Result, compiler_variables
from tests.support.wallet import ACCOUNTS

CONTRACTS = Path(__file__).parents[3] / "contracts" / "src"
BOB = ACCOUNTS[1].address


class CommandLine:
    """`megaeth` with a node to talk to."""

    def __init__(self, megaeth, url):
        self._megaeth = megaeth
        self._url = url

    def __call__(self, *arguments):
        return self._megaeth(*arguments, "--rpc-url", self._url, **compiler_variables())

    def json(self, *arguments):
        """Run a command that must succeed; return what it printed."""
        result = self(*arguments, "--json")
        assert result.code == 0, result.err + result.out
        return json.loads(result.out)

    def deploy(self, name, *arguments):
        """Deploy one of the project's contracts; return its address."""
        return self.json("deploy", CONTRACTS / f"{name}.sol", *arguments)["address"]

    def send(self, *arguments):
        """Send a transaction that must succeed; return its receipt."""
        return self.json("tx", "send", *arguments)

    def call(self, *arguments):
        """Return the result of a call."""
        return self.json("call", *arguments)["result"]


def commands(home):
    """Run commands with a home of their own."""

    def call(*arguments, **variables):
        streams = io.StringIO(), io.StringIO(), io.StringIO()
        env = Environment(*streams, {"MEGAETH_HOME": str(home), **variables}, home)
        code = run([str(argument) for argument in arguments], env)
        return Result(code, env.stdout.getvalue(), env.stderr.getvalue())

    return call


@pytest.fixture
def cli(megaeth, node):
    if shutil.which("npm") is None and shutil.which("solc") is None:
        pytest.skip("neither npm nor solc is here")
    return CommandLine(megaeth, node.url)


@pytest.fixture
def source(tmp_path):
    """Write a source file of the test's own."""

    def write(text, name="Test.sol"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"pragma solidity ^0.8.24;\n{text}")
        return path

    return write


class AskedState:
    """The state after a block as a node tells it, and all that was asked for."""

    def __init__(self, node, number):
        self._node = node
        self._block = hex(number)
        self.accounts = {}
        self.codes = {}

    def account(self, address):
        name = "0x" + address.hex()
        told = [
            self._node.rpc(method, name, self._block)
            for method in ("eth_getTransactionCount", "eth_getBalance", "eth_getCode")
        ]
        nonce, balance, code = int(told[0], 16), int(told[1], 16), bytes.fromhex(told[2][2:])
        code_hash = _engine.keccak256(code)
        self.codes[code_hash] = code
        self.accounts.setdefault(name, {"balance": told[1], "nonce": nonce, "code": told[2], "storage": {}})
        return (nonce, balance.to_bytes(32, "big"), code_hash) if nonce or balance or code else None

    def slot(self, address, slot):
        name, key = "0x" + address.hex(), "0x" + slot.hex()
        value = self._node.rpc("eth_getStorageAt", name, key, self._block)
        self.accounts[name]["storage"][key] = value
        return bytes.fromhex(value[2:])

    def code(self, code_hash):
        return self.codes[code_hash]

    def block_hash(self, number):
        raise KeyError(number)


@pytest.fixture
def told(cli, node):
    """A block with a creation and a transfer of a token, its receipts, and all that its execution reads."""
    token = cli.deploy("Token", "MegaCoin", "MEGA", "1000")
    receipt = cli.send(token, "transfer(address,uint256)", BOB, "5")
    number = receipt["blockNumber"]
    node.sealed(number)
    block = node.rpc("eth_getBlockByNumber", hex(number), True)
    receipts = node.rpc("eth_getBlockReceipts", hex(number))
    state = AskedState(node, number - 1)
    rules = json.dumps(node.rpc("mega_getChainRules")).encode()
    report = json.loads(
        _engine.verify_told(json.dumps(block).encode(), json.dumps(receipts).encode(), state, [], rules)
    )
    assert report["ok"], report["checks"]
    return {"block": block, "receipts": receipts, "prestate": {"accounts": state.accounts}}
