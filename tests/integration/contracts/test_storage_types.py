"""The layouts of types from the syntax tree are those of the compiler itself."""

import os
import random
import shutil

import pytest

from megaeth_cli.compile import Options, compile_source
from tests.support.cli import compiler_variables

VALUES = [
    *(f"{sign}int{8 * size}" for sign in ("", "u") for size in (1, 2, 7, 16, 20, 31, 32)),
    *(f"bytes{size}" for size in (1, 4, 20, 32)),
    *("bool", "address", "address payable", "Side", "Delta", "Far", "Other"),
    *("function(uint256) external", "function(bytes memory) internal"),
]
KEYS = ["uint256", "address", "bytes32", "string", "bytes", "Side", "Delta", "bool", "int8", "Other"]
HEAD = """
pragma solidity ^0.8.24;
type Delta is int64;
type Far is bytes20;
enum Side { Buy, Sell }
interface Other {}
"""


class Sources:
    """Contracts with the same random structs: in one they are state variables, in the other namespaces."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def type(self, depth=0):
        """The type of a member."""
        kind = self.rng.random()
        if depth > 2 or kind < 0.6:
            return self.rng.choice([*VALUES, "string", "bytes"])
        if kind < 0.75:
            return f"{self.type(depth + 1)}[{self.rng.choice(['', 1, 2, 5, 33])}]"
        if kind < 0.9 or not self.count:
            return f"mapping({self.rng.choice(KEYS)} => {self.type(depth + 1)})"
        return f"S{self.rng.randrange(self.count)}"

    def structs(self, count):
        """Declarations of structs, which may hold earlier ones."""
        lines = []
        for number in range(count):
            self.count = number
            members = " ".join(f"{self.type()} m{n};" for n in range(self.rng.randint(1, 6)))
            # Solidity has no mappings to names with spaces, nor arrays of them, without parentheses.
            lines += [f"/// @custom:storage-location erc7201:n{number}", f"struct S{number} {{ {members} }}"]
        return "\n".join(lines)


@pytest.mark.parametrize("seed", range(2))
def test_structs_of_namespaces_are_laid_out_as_those_of_variables(tmp_path, seed):
    if shutil.which("npm") is None and shutil.which("solc") is None:
        pytest.skip("neither npm nor solc is here")
    count = 30
    structs = Sources(seed).structs(count)
    state = "\n".join(f"S{n} v{n};" for n in range(count))
    path = tmp_path / "Both.sol"
    path.write_text(f"{HEAD}{structs}\ncontract State {{ {state} }}\ncontract Names {{}}\n")
    variables = os.environ | compiler_variables()
    compilation = compile_source(path, Options(tmp_path / "cache", variables))
    compiled, made = (compilation.contract(name).layout for name in ("State", "Names"))
    assert [one["label"] for one in made["storage"]] == [f"n{n}" for n in range(count)]
    for one in made["storage"]:
        assert one["type"] in compiled["types"]
    for kind, info in made["types"].items():
        for key, value in info.items():
            if key != "members":
                assert compiled["types"][kind][key] == value
        mine, its = (
            [(each["label"], each["slot"], each["offset"], each["type"]) for each in one.get("members", ())]
            for one in (info, compiled["types"][kind])
        )
        assert mine == its
