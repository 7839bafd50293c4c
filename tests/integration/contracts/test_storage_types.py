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


CONSTANTS = """
interface Hook { function hook(uint256) external; function other() external; }
error Refused(uint256);
uint256 constant FREE = 10 ** 20 + (1 << 30);
contract Constants {
    bytes32 public constant HASH = keccak256("a name");
    bytes32 public constant BYTES = keccak256(bytes("a name"));
    bytes32 public constant MASKED = keccak256(abi.encode(uint256(keccak256("a.b")) - 1)) & ~bytes32(uint256(0xff));
    bytes32 public constant PACKED = keccak256(abi.encodePacked("a", "b"));
    uint256 public constant SUM = FREE + 5 * 2 ** 64;
    uint256 public constant SHIFTED = (uint256(HASH) >> 8) | (1 << 255);
    bytes4 public constant FIRST = bytes4(keccak256("f()"));
    bytes4 public constant SELECTOR = Hook.hook.selector;
    bytes4 public constant INTERFACE = type(Hook).interfaceId;
    bytes4 public constant ERROR = Refused.selector;
    bytes8 public constant TEXT = "letters";
    bytes8 public constant NUMBER = bytes8(uint64(0x1122334455667788));
    uint64 public constant BACK = uint64(bytes8(0x1122334455667788));
    address public constant WHO = address(uint160(uint256(keccak256("who"))));
    int256 public constant MINUS = -123456789;
    int64 public constant SMALL = int64(uint64(0xfffffffffffffff0));
    uint128 public constant LOW = uint128(uint256(HASH));
    bytes32 public constant COPY = HASH;
}
"""


def test_constants_have_the_values_that_the_contract_says(cli, source, tmp_path):
    path = source(CONSTANTS)
    cli.json("deploy", path)
    options = Options(tmp_path / "cache", os.environ | compiler_variables())
    layout = compile_source(path, options).contract("Constants").layout
    words = {int(one, 16) for one in layout["literals"]["words"]} | {
        int(one, 16) for one in layout["constants"]
    }
    names = [line.split("=")[0].split()[-1] for line in CONSTANTS.splitlines() if "public constant" in line]
    missing = [name for name in names if int(cli.call("Constants", f"{name}()(bytes32)"), 16) not in words]
    assert missing == []
    assert {"HASH", "MASKED", "SUM", "SELECTOR", "FREE", "WHO"} <= set(layout["constants"].values())
