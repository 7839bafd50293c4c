"""`megaeth debug`: the stepper, driven by keys, over real traces of a real devnet, at 80x24."""

import asyncio
import io
import json
import subprocess
import sys

import pytest

from megaeth_cli.app import run
from megaeth_cli.env import Environment
from megaeth_cli.errors import ExitStatus
from megaeth_cli.stepper.screen import Stepper
from tests.integration.contracts.conftest import BOB
from tests.support.cli import compiler_variables
from tests.support.waiting import eventually

SOURCE = """
contract Inner {
    error TooSmall(uint256 got, uint256 wanted);
    function check(uint256 n) external view returns (uint256) {
        if (n < 10) revert TooSmall(n, 10); // refused
        return n * block.timestamp; // detained
    }
}
contract Outer {
    Inner public inner = new Inner();
    uint256 public last;
    function run(uint256 n) external {
        last = 7; // written
        last = inner.check(n); // called
    }
}
"""


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self):
        return True


class Session:
    """The stepper while a test drives it."""

    def __init__(self, app, pilot):
        self.app = app
        self._pilot = pilot

    async def press(self, *keys):
        """Press keys; what the screen shows then."""
        for key in keys:
            await self._pilot.press(key)
            await self._pilot.pause()
        return self.text()

    def text(self):
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def op(self):
        """The instruction that is next."""
        return self.app.recording.step(self.app.number).op


@pytest.fixture
def debug(tmp_path, node, monkeypatch):
    """Steps through something by a coroutine that is given a session."""

    def start(steps, *arguments, home="home"):
        async def drive(app):
            async with app.run_test(size=(80, 24)) as pilot:
                await pilot.pause()
                await steps(Session(app, pilot))

        monkeypatch.setattr(Stepper, "run", lambda self: asyncio.run(drive(self)))
        variables = {"MEGAETH_HOME": str(tmp_path / home), **compiler_variables()}
        env = Environment(Terminal(), Terminal(), io.StringIO(), variables, tmp_path)
        code = run(["debug", *map(str, arguments), "--rpc-url", node.url], env)
        assert code == 0, env.stderr.getvalue()

    return start


@pytest.fixture
def outer(cli, source):
    return cli.json("deploy", f"{source(SOURCE, 'Outer.sol')}:Outer")["address"]


@pytest.fixture
def failed(cli, outer, node):
    """The hash of a transaction that failed in a call within it."""
    sent = cli("tx", "send", "Outer", "run", "5", "--gas-limit", "1000000", "--no-wait", "--json")
    hash_ = json.loads(sent.out)["transactionHash"]
    eventually(lambda: node.rpc("eth_getTransactionReceipt", hash_), "a receipt")
    return hash_


def test_keys_lead_to_calls_out_of_them_and_to_the_revert(debug, failed):
    async def steps(session):
        assert "Outer.run" in session.text().splitlines()[0]
        called = await session.press("c")
        assert "Inner.check  depth 2" in called and session.op == "PUSH1"
        refused = await session.press("r")
        assert session.op == "REVERT"
        assert "(n < 10) revert" in refused, "the source line"
        assert "Inner.check ✗" in refused and "Outer.run ✗" in refused, "the calls that are open"
        back = await session.press("o")
        assert "Outer.run  depth 1" in back
        assert "outermost" in await session.press("o")
        before = session.app.number
        await session.press("left", "left", "right")
        assert session.app.number == before - 1
        await session.press("r")
        assert session.op == "REVERT" and "depth 1" in session.text(), "the caller's own revert comes after"
        assert "no detention" in await session.press("d")

    debug(steps, failed)


def test_a_call_that_is_not_sent_is_stepped_to_where_detention_begins(debug, outer):
    async def steps(session):
        assert "detention begins at" in session.text()
        detained = await session.press("d")
        assert session.op == "TIMESTAMP"
        assert "block.timestamp; // detained" in (await session.press("1"))
        assert "detained since" in await session.press("0", "right")
        assert "compute " in detained and "storage " in detained
        assert "nothing failed" in await session.press("r")

    debug(steps, "--call", "Outer", "run", "50")


def test_lines_stack_memory_and_storage_follow_the_instructions(debug, failed):
    async def steps(session):
        lines = set()
        for _ in range(60):
            await session.press("down")
            lines.add(session.app.recording.line(session.app.number).text)
        assert "last = 7; // written" in lines and "last = inner.check(n); // called" in lines
        at = session.app.number
        await session.press("up")
        assert session.app.number < at
        end = await session.press("end")
        assert "0x1 = 0x7" in end, "storage that was written"
        assert await session.press("home") and session.app.number == 0
        assert "empty" in await session.press("5"), "the stack, alone"
        assert "│  0 0x80" in await session.press("right")
        memory = await session.press("6", "c", "r")
        assert "00a0 00000005" in memory, "the argument behind the error's selector"

    debug(steps, failed)


def test_without_sources_the_instructions_are_stepped(debug, failed):
    async def steps(session):
        shown = await session.press("c", "r")
        assert "no source is known" in shown
        assert "REVERT" in shown and session.op == "REVERT"
        assert "no line" in await session.press("down")

    debug(steps, failed, home="elsewhere")


def test_help_and_the_whole_screen_fit_into_80_by_24(debug, failed):
    async def steps(session):
        shown = (await session.press("question_mark")).splitlines()
        assert len(shown) == 24 and all(len(line) == 80 for line in shown)
        help_ = "\n".join(shown)
        for key in ("next instruction", "to the next call", "detention", "leave"):
            assert key in help_
        assert "to where detention began" in help_
        session_text = await session.press("escape")
        for panel in ("instructions", "calls", "gas", "stack", "memory", "storage"):
            assert f" {panel} " in session_text
        await session.press("q")

    debug(steps, failed)


def test_without_a_terminal_another_command_is_named(megaeth):
    for arguments in (["0x" + "11" * 32], ["0x" + "11" * 32, "--json"]):
        result = megaeth("debug", *arguments)
        assert result.code == ExitStatus.USAGE
        assert "needs a terminal" in result.err + result.out
        assert "megaeth trace" in result.err + result.out


def test_a_transfer_has_nothing_to_step_through(cli, node, tmp_path):
    sent = cli.send("--to", BOB, "--value", "1")
    errors = io.StringIO()
    env = Environment(Terminal(), Terminal(), errors, {"MEGAETH_HOME": str(tmp_path)}, tmp_path)
    assert run(["debug", sent["transactionHash"], "--rpc-url", node.url], env) == ExitStatus.FAILURE
    assert "no code ran" in errors.getvalue()


def test_other_commands_do_not_pay_for_the_screen():
    source = "import sys; from megaeth_cli.commands import debug, trace; print('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, text=True).stdout == "False\n"
