"""A creation that left nothing is known by its code, wherever the libraries are that it links."""

import pytest

from megaeth_cli.traces.creations import made
from megaeth_cli.traces.frame import of_answer
from tests.unit.traces.trees import call

PLACE = "__$" + "1" * 34 + "$__"


class Known:
    def __init__(self, bytecode):
        self.bytecode = bytecode


class Network:
    class artifacts:
        @staticmethod
        def all():
            return [Known("0x"), Known("0x60ff"), Known(f"0x6001{PLACE}6002{PLACE}6003")]


@pytest.mark.parametrize(
    ("code", "is_known"),
    [
        ("6001" + "ab" * 20 + "6002" + "ab" * 20 + "6003" + "00", True),
        ("6001" + "ab" * 20 + "6007" + "ab" * 20 + "6003", False),
        ("6001" + "ab" * 20, False),
    ],
)
def test_a_contract_with_libraries_is_known_by_the_code_that_makes_it(code, is_known):
    found = made(Network(), of_answer(call(None, f"0x{code}", kind="CREATE", error="out of gas")))
    assert (found is not None) == is_known
