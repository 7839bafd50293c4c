"""What a method is: one function, and one line that says all there is to say of it.

    class Web3Namespace:
        @method("web3_sha3", "data", about="Ethereum's hash of some bytes.")
        async def sha3(self, given: list[object], call: Call) -> bytes: ...

The lines of the methods that Python answers stand above their functions; those of the engine's in
`engine/src/rpc/methods/`, from where `ENGINE` has them. Whoever wants to know which methods there are, who answers them
and with how many parameters, asks the lines: the dispatcher, a full node that passes requests on, the documentation.

Not here: which node serves which namespaces (`devnet/roles/served.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from devnet._engine import rpc_methods
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params

Handler = Callable[[list[object], Call], Awaitable[bytes]]
"""Answers a request: as many parameters as its line allows in, the rendered result out; raises `RpcFault`."""

Function = TypeVar("Function", bound=Callable[..., Awaitable[bytes]])

_OPTIONAL: Final = "?"
_MARK: Final = "__rpc_lines__"


class Home(StrEnum):
    """Which node answers a method."""

    CHAIN = "chain"
    """Any that has the chain."""
    POOL = "pool"
    """Any that has the chain; where the block is `pending`, the sequencer, which has the pool."""
    COMMITMENT = "commitment"
    """One that keeps the state commitment, else the sequencer."""
    SEQUENCER = "sequencer"
    """The sequencer alone."""
    NODE = "node"
    """The one that is asked: it tells of itself, or signs."""


@dataclass(frozen=True, slots=True)
class Line:
    """What there is to say of a method."""

    name: str
    params: tuple[str, ...]
    """What its parameters are called; those that may be left out end with `?`, and come last."""
    home: Home
    about: str
    """What it answers, in a sentence."""

    @property
    def namespace(self) -> str:
        """What stands before the underscore, or before the point of `rpc.discover`."""
        return self.name.replace(".", "_").partition("_")[0]

    def check(self, given: list[object]) -> None:
        """Refuse another number of parameters than the method takes, in the engine's words. Raises `RpcFault`."""
        if len(given) > len(self.params):
            raise invalid_params(f"too many arguments, want at most {len(self.params)}")
        for position, name in enumerate(self.params):
            is_there = position < len(given) and given[position] is not None
            if not is_there and not name.endswith(_OPTIONAL):
                raise invalid_params(f"missing value for required argument {position}: {name}")


@dataclass(frozen=True, slots=True)
class Method:
    """A method that Python answers, ready to be served."""

    line: Line
    handler: Handler

    async def answer(self, given: list[object], call: Call) -> bytes:
        """Return the rendered result for parameters of any number; raises `RpcFault`."""
        self.line.check(given)
        return await self.handler(given, call)


def method(name: str, *params: str, about: str, home: Home = Home.NODE) -> Callable[[Function], Function]:
    """Say of a namespace's function which method it is. One function may be several."""

    def mark(function: Function) -> Function:
        line = Line(name, params, home, about)
        setattr(function, _MARK, (line, *getattr(function, _MARK, ())))
        return function

    return mark


def lines(namespace: type) -> dict[str, Line]:
    """Return the lines of the methods that a namespace has."""
    marked = [getattr(function, _MARK, ()) for function in vars(namespace).values()]
    return {line.name: line for found in marked for line in found}


def bound(namespace: object) -> dict[str, Method]:
    """Return the methods of a namespace by name, ready to be served."""
    found = {}
    for attribute, function in vars(type(namespace)).items():
        for line in getattr(function, _MARK, ()):
            found[line.name] = Method(line, getattr(namespace, attribute))
    return found


def _of_engine() -> dict[str, Line]:
    found = (Line(name, tuple(params), Home(home), about) for name, params, home, about in rpc_methods())
    return {line.name: line for line in found}


ENGINE: Final[Mapping[str, Line]] = _of_engine()
"""The lines of the engine's methods."""
