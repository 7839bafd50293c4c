"""Contract commands against a real sequencer, compiling the project's own contracts with a real compiler."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli import compiler_variables

CONTRACTS = Path(__file__).parents[3] / "contracts" / "src"


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
