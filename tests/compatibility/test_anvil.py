"""Each of anvil's methods, asked of anvil and of a devnet's sequencer by the same rules."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.compatibility.asks import ASKS
from tests.compatibility.chains import History, anvil, devnet
from tests.compatibility.shapes import lacks, shape
from tests.compatibility.verdicts import ABSENT, BEYOND, DIFFERS, NOTES, REFUSED, VERDICTS, Verdict

NO_METHOD = -32601


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """anvil's and ours, each with its history."""
    directory = tmp_path_factory.mktemp("both")
    with ExitStack() as stack:
        theirs = stack.enter_context(anvil(directory / "anvil"))
        ours = stack.enter_context(devnet(directory / "devnet"))
        yield [SimpleNamespace(ask=each.ask, history=History(each)) for each in (theirs, ours)]


@pytest.mark.parametrize("method", ASKS)
def test_a_method_compares_with_anvils_as_the_page_says(both, method):
    theirs, ours = (each.ask(method, each.history.fill(ASKS[method])) for each in both)
    verdict, _ = VERDICTS[method]
    match verdict:
        case Verdict.SAME:
            assert "result" in theirs and "result" in ours, (theirs, ours)
            assert lacks(shape(ours["result"]), shape(theirs["result"])) == []
        case Verdict.DIFFERS:
            assert "result" in theirs and "result" in ours, (theirs, ours)
            assert lacks(shape(ours["result"]), shape(theirs["result"])) != []
        case Verdict.REFUSED:
            assert ours["error"]["code"] != NO_METHOD, ours
            assert ours["error"]["message"]
        case Verdict.BEYOND:
            assert "error" in theirs and "result" in ours, (theirs, ours)
        case Verdict.ABSENT:
            assert ours["error"]["code"] == NO_METHOD, ours


def test_each_exception_is_one_of_the_methods_that_are_asked_for():
    listed = [*DIFFERS, *REFUSED, *ABSENT, *BEYOND]
    assert len(listed) == len(set(listed))
    assert set(listed) | set(NOTES) <= set(ASKS)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ({"a": "0x1", "b": 1}, {"a": "0x2"}, []),
        ({"a": "0x1"}, {"a": "0x2", "b": 1}, [".b is missing"]),
        ({"a": None}, {"a": "0x2"}, [".a is None, not quantity"]),
        ([{"a": "0x1"}], [{"a": "text"}], ["[].a is quantity, not text"]),
        ("0x01", "0x1", []),
        (["0x" + "00" * 20], ["0x" + "00" * 32], ["[] is address, not word"]),
        (True, None, ["the answer is boolean, not None"]),
    ],
)
def test_what_an_answer_lacks_is_told(ours, theirs, found):
    assert lacks(shape(ours), shape(theirs)) == found
