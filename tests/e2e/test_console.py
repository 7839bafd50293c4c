"""hardhat's and forge's own libraries: each of their functions, called by a real contract, shows what it was given."""

import os
import re

import pytest

from devnet._engine import keccak256
from devnet.console.signatures import types_of
from megaeth_cli.compile import Options, compile_source
from tests.support import console, npm, wallet
from tests.support.waiting import eventually

LIBRARIES = {
    "hardhat/console.sol": "console",
    "forge-std/console.sol": "console",
    "forge-std/console2.sol": "console2",
}
SAMPLES = {
    "uint256": ("type(uint256).max", str(2**256 - 1)),
    "int256": ("int256(-5)", "-5"),
    "string": ('"some text"', "some text"),
    "bool": ("true", "true"),
    "address": (
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    ),
    "bytes": ('hex"00ff01"', "0x00ff01"),
}
"""Type -> an expression, and what is shown of it."""
FORMATS = {
    'log("%s is %d of %i", "it", 5, true)': "it is 5 of NaN",
    'log("%x%%", uint256(255))': "0xff%",
    'log("%o", "quoted")': "'quoted'",
    'log("left over: %s", true, uint256(1))': "left over: true 1",
    'log("%18e", uint256(1.5 ether))': "1.5",
}
GAS = hex(5_000_000_000)


@pytest.fixture(scope="session")
def modules():
    return npm.installed("test-consoles", npm.CONSOLES) / "node_modules"


def signatures(source):
    """The signatures that a library hashes, with the names of its functions."""
    found = re.findall(r'function (\w+)\([^)]*\)[^{]*\{[^}]*?"(log\([^"]*\))"', source)
    assert len(found) > 370
    return found


def sample(kind):
    if size := re.fullmatch(r"bytes(\d+)", kind):
        digits = "ab" * int(size[1])
        return f'bytes{size[1]}(hex"{digits}")', f"0x{digits}"
    return SAMPLES[kind]


def calls(functions, library):
    """Statements, and what each shows."""
    for name, signature in functions:
        types = types_of(keccak256(signature.encode())[:4])
        samples = [sample(kind) for kind in types]
        yield (
            f"{library}.{name}({', '.join(given for given, _ in samples)});",
            " ".join(shown for _, shown in samples),
        )
    for statement, shown in FORMATS.items():
        yield f"{library}.{statement};", shown


@pytest.mark.parametrize("path", LIBRARIES)
def test_every_function_of_a_library_shows_what_it_was_given(path, modules, solc, cache, tmp_path, new_node):
    library = LIBRARIES[path]
    source = (modules / path).read_text()
    statements, expected = zip(*calls(signatures(source), library), strict=True)
    # In parts: what one function may hold is bounded.
    parts = [statements[at : at + 40] for at in range(0, len(statements), 40)]
    functions = "".join(
        f"function part{number}() private view {{ {' '.join(part)} }}\n" for number, part in enumerate(parts)
    )
    every = "".join(f"part{number}();" for number in range(len(parts)))
    (tmp_path / "console.sol").write_text(source)
    (tmp_path / "Teller.sol").write_text(
        "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.0;\n"
        f'import {{{library}}} from "./console.sol";\n'
        f"contract Teller {{ {functions} function tell() external {{ {every} }} }}"
    )
    variables = {**os.environ, "HOME": str(cache)}
    compiled = compile_source(tmp_path / "Teller.sol", Options(cache, variables, solc=str(solc)))
    with new_node() as node:
        created = wallet.send(node, 0, input=compiled.contract("Teller").bytecode, gas=GAS)
        assert created["status"] == "0x1"
        teller = created["contractAddress"].lower()
        tell = "0x" + keccak256(b"tell()")[:4].hex()
        receipt = wallet.send(node, 0, to=teller, input=tell, gas=GAS)
        assert receipt["status"] == "0x1"
        found = eventually(
            lambda: len(lines := console.lines(node.log())) == len(expected) and lines, "all lines"
        )
    assert [line.text for line in found] == list(expected)
    assert {line.source for line in found} == {receipt["transactionHash"]}
    assert {line.contract for line in found} == {teller}
