"""A failure has the line of its own statement, whatever the optimiser made of the code and however long it ran; the
stepper and `tx explain` name the same one."""

import io
import json
import shutil
from pathlib import Path

import pytest

from megaeth_cli.app import run
from megaeth_cli.env import Environment
from megaeth_cli.stepper.screen import Stepper
from tests.integration.contracts.conftest import CommandLine, commands
from tests.integration.contracts.test_debug import Terminal
from tests.support.cli import compiler_variables

SOURCE = Path(__file__).parent / "sources" / "Lines.sol"
SHORT = {
    "afterIf 5": "after-if",
    "direct 3": "direct",
    "afterLoop 4": "after-loop",
    "passed x": "passed",
    "inner 1": "inner",
}
LONG = {"burnThenInner 80000": "inner", "burnThenCheck 80000": "burnt"}
"""More instructions than are looked at."""


def line_of(comment):
    """The number of the line with a comment."""
    [number] = [
        n for n, text in enumerate(SOURCE.read_text().splitlines(), 1) if text.endswith(f"// {comment}")
    ]
    return number


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("lines")


@pytest.fixture(scope="module")
def cli(home, node):
    if shutil.which("npm") is None and shutil.which("solc") is None:
        pytest.skip("neither npm nor solc is here")
    found = CommandLine(commands(home), node.url)
    found.json("deploy", f"{SOURCE}:Lines")
    return found


@pytest.mark.parametrize("call", [*SHORT, *LONG])
def test_a_failure_has_the_line_of_its_own_statement(cli, call):
    found = cli.json("tx", "explain", "--call", "Lines", *call.split(), "--no-forks")
    line = (SHORT | LONG)[call]
    assert found["at"]["line"] == line_of(line), found["verdict"]
    assert found["verdict"].endswith(f", Lines.sol:{line_of(line)}")
    assert found["gas"]["allInstructionsSeen"] == (call in SHORT)


def test_a_reason_longer_than_a_receipt_keeps_is_read_from_the_trace(cli):
    sent = cli("tx", "send", "Lines", "long", "3000", "--gas-limit", "10000000", "--json")
    found = cli.json("tx", "explain", json.loads(sent.out)["transactionHash"], "--no-forks")
    assert found["failure"]["arguments"] == ["A" * 3_000]
    assert len(found["verdict"]) < 600
    assert f"in `Lines.long`, Lines.sol:{line_of('long')}" in found["verdict"]


@pytest.mark.parametrize("call", SHORT)
def test_the_stepper_names_the_same_line(cli, home, node, monkeypatch, call):
    seen = []
    monkeypatch.setattr(Stepper, "run", lambda self: seen.append(self.recording))
    env = Environment(
        Terminal(), Terminal(), io.StringIO(), {"MEGAETH_HOME": str(home), **compiler_variables()}, home
    )
    assert run(["debug", "--call", "Lines", *call.split(), "--rpc-url", node.url], env) == 0
    [recording] = seen
    assert recording.line(recording.failure(0)).number == line_of(SHORT[call])
