"""A line of the console in a log, written and read back."""

from hypothesis import given
from hypothesis import strategies as st

from devnet.console.lines import ConsoleLine

TX, CONTRACT = "0x" + "ab" * 32, "0x" + "cd" * 20


def logged(line):
    return f"2026-01-02T03:04:05.678 INFO    console: {line.logged()}"


@given(
    st.sampled_from([TX, "eth_call", "eth_estimateGas"]),
    st.sampled_from([CONTRACT, None]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
def test_any_text_stands_on_one_line_and_is_read_back(source, contract, text):
    line = ConsoleLine(source, contract, text)
    assert logged(line).isprintable()
    assert ConsoleLine.of_log(logged(line)) == line


def test_plain_text_stands_as_it_is():
    assert ConsoleLine(TX, CONTRACT, "Überweisung: 5").logged() == f"{TX} {CONTRACT}: Überweisung: 5"


def test_a_text_cannot_pass_for_another_line():
    text = f"x\n2026-01-02T03:04:05.678 INFO    console: {TX} {CONTRACT}: y"
    line = ConsoleLine("eth_call", CONTRACT, text)
    assert "\n" not in line.logged()
    assert ConsoleLine.of_log(logged(line)) == line


def test_other_lines_are_none_of_the_consoles():
    for line in (
        "2026-01-02T03:04:05.678 INFO    devnet.roles.chain_node: stopped",
        "2026-01-02T03:04:05.678 WARNING console: 5 transactions and calls are left out",
        f'2026-01-02T03:04:05.678 INFO    console: {TX} {CONTRACT}: "cut',
    ):
        assert ConsoleLine.of_log(line) is None


def test_fields_say_who_executed_it():
    of_transaction = ConsoleLine(TX, CONTRACT, "x").fields()
    assert of_transaction == {"tx": TX, "method": None, "contract": CONTRACT, "text": "x"}
    assert ConsoleLine("eth_call", CONTRACT, "x").fields()["method"] == "eth_call"
