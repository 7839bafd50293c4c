"""A method is a function and a line; whatever is asked about methods is asked of the lines."""

import asyncio

import pytest

from devnet._engine import rpc_methods
from devnet.rpc.errors import RpcFault
from devnet.rpc.methods import ENGINE, Home, bound, lines, method


class Namespace:
    def __init__(self, greeting):
        self.greeting = greeting

    @method("test_greet", "name", "title?", about="A greeting.")
    @method("test_greetOld", "name", about="A greeting, as it was.")
    async def greet(self, given, call):
        return f"{self.greeting} {given}".encode()

    async def nothing_that_is_served(self):
        pass


def call(name, *given):
    return asyncio.run(bound(Namespace("hello"))[name].answer(list(given), None))


def test_a_function_may_be_several_methods_each_with_its_own_line():
    assert set(lines(Namespace)) == set(bound(Namespace(""))) == {"test_greet", "test_greetOld"}
    assert lines(Namespace)["test_greet"].params == ("name", "title?")
    assert {line.home for line in lines(Namespace).values()} == {Home.NODE}
    assert call("test_greetOld", "you") == b"hello ['you']"


def test_what_may_be_left_out_may_be_left_out():
    assert call("test_greet", "you") == b"hello ['you']"
    assert call("test_greet", "you", None) == b"hello ['you', None]"
    assert call("test_greet", "you", "Dr") == b"hello ['you', 'Dr']"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "missing value for required argument 0: name"),
        ([None, "Dr"], "missing value for required argument 0: name"),
        (["you", "Dr", 1], "too many arguments, want at most 2"),
    ],
)
def test_another_number_is_refused_in_the_engines_words(given, message):
    with pytest.raises(RpcFault, match=message) as fault:
        call("test_greet", *given)
    assert fault.value.code == -32602


def test_the_engines_lines_are_its_own():
    assert list(ENGINE) == [name for name, _, _, _ in rpc_methods()]
    assert ENGINE["eth_getBalance"].params == ("address", "block?")
    homes = {name: line.home for name, line in ENGINE.items()}
    assert homes["eth_getTransactionCount"] is Home.POOL
    assert homes["eth_getProof"] is Home.COMMITMENT
    assert homes["mega_depositTransaction"] is Home.SEQUENCER
