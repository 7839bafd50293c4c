"""What strangers write never steers a terminal."""

import io
import json
import unicodedata

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, report
from megaeth_cli.output import print_whole
from megaeth_cli.visible import one_line, visible
from tests.support.scripted_node import Refusal, scripted_node

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\u2066\r\nerror: pay me\x9b31m\x7f"
STEERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def steering(text, allowed="\n\t"):
    return [char for char in text if unicodedata.category(char) in STEERS and char not in allowed]


@given(st.text(st.characters(categories=["L", "Cc", "Cf", "Cs", "Zl", "Zp", "P"])))
def test_nothing_that_steers_is_left(text):
    shown = visible(text)
    # Tags and Egyptian format characters beyond the first plane change no order and no colour.
    assert [char for char in steering(shown) if ord(char) < 0x10000 and char not in INVISIBLE_ONLY] == []
    assert "\n" not in one_line(text)


INVISIBLE_ONLY = {chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2)}
"""Arabic and Syriac signs that only mark the numbers behind them."""


@given(st.text())
def test_json_stays_the_same_json(text):
    assert json.loads(visible(json.dumps(text))) == text
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text):
    assert visible(text) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def environment():
    return Environment(Terminal(), Terminal(), Terminal(), {})


@pytest.mark.parametrize("render", [str, Text, lambda text: _table(text)])
def test_rendered_text_keeps_our_colours_only(render):
    env = environment()
    print_whole(env, render(HOSTILE))
    shown = env.stdout.getvalue()
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown
    assert not {"\u202e", "\u2066", "\x9b", "\x07"} & set(shown)


def _table(text):
    table = Table(title=text)
    table.add_column(text, style="red")
    table.add_row(text)
    return table


def test_an_error_is_one_line_and_has_no_colours_but_ours():
    env = environment()
    report(env, CliError(HOSTILE, HOSTILE, HOSTILE))
    shown = env.stderr.getvalue()
    assert "\nerror: pay me" not in shown
    assert steering(shown, "\n\x1b") == []
    assert shown.count("\x1b[") == 2 * (1 + len(HOSTILE.splitlines()) * 2)


@pytest.fixture
def against(megaeth, monkeypatch):
    def call(*arguments, **answers):
        with scripted_node(eth_chainId="0x18c7", **answers) as node:
            monkeypatch.setenv("MEGAETH_RPC_URL", node.url)
            return megaeth(*arguments, PATH="/nowhere")

    return call


def test_what_a_contract_returns_or_reverts_with_is_written_out(against):
    returned = "0x" + encode(["string"], [HOSTILE.replace("\x9b", "")]).hex()
    result = against("call", "0x" + "11" * 20, "name()(string)", eth_call=returned)
    assert result.code == 0, result.err
    assert steering(result.out) == []
    assert "\\u001b]0;owned" in result.out
    exact = against("call", "0x" + "11" * 20, "name()(string)", "--json", eth_call=returned)
    assert json.loads(exact.out)["result"] == HOSTILE.replace("\x9b", "")

    data = "0x" + (keccak(b"Error(string)")[:4] + encode(["string"], [HOSTILE])).hex()
    refused = Refusal(3, f"execution reverted: {HOSTILE}", data=data)
    result = against("call", "0x" + "11" * 20, "name()(string)", eth_call=refused)
    assert result.code == 1
    assert steering(result.err) == []
    assert "\nerror: pay me" not in result.err


def test_what_a_node_says_is_written_out(against):
    result = against("rpc", "eth_foo", eth_foo=Refusal(-32000, HOSTILE))
    assert steering(result.err) == []
    assert "\nerror: pay me" not in result.err
    result = against("rpc", "eth_foo", eth_foo=HOSTILE)
    assert steering(result.out) == []
