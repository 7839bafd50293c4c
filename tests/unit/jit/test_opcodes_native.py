"""Every opcode that native code executes itself, with edge values, against the interpreter."""

import itertools

import pytest

from devnet._engine import native_abi, native_rules
from devnet.jit import abi
from devnet.jit.opcodes import OPCODES, Way
from devnet.jit.rules import Rules
from tests.support.bytecode import assemble, push
from tests.support.native import SPECS, hexed
from tests.support.programs import EDGES

PURE = [op for op in OPCODES.values() if op.way is Way.PURE]
RETURN_TOP = assemble("0 MSTORE 32 0 RETURN")
FEWER = EDGES[::3]


def word(value: int) -> bytes:
    return value.to_bytes(32)


def from_calldata(code: int, count: int) -> bytes:
    """A program whose operands aren't known when it is compiled."""
    loads = b"".join(push(32 * place) + b"\x35" for place in reversed(range(count)))
    return loads + bytes([code]) + RETURN_TOP


@pytest.mark.parametrize("op", PURE, ids=lambda op: op.name)
def test_pure_opcode(native, op):
    code = from_calldata(op.code, op.pops)
    values = EDGES if op.pops < 3 else FEWER
    for operands in itertools.product(values, repeat=op.pops):
        compared = native.compare(code, calldata=hexed(b"".join(map(word, operands))))
    assert compared.native_runs == 1


@pytest.mark.parametrize("op", PURE, ids=lambda op: op.name)
def test_pure_opcode_of_constants(native, op):
    """Each operand in turn is a constant, as compilers have it; many at once, hashed."""
    for constant in (1, 2**64, 2**255):
        for place in range(op.pops):
            source = bytearray()
            for value in FEWER[:6]:
                operands = [
                    push(value) + b"\x51" if one != place else push(constant) for one in range(op.pops)
                ]
                source += b"".join(reversed(operands)) + bytes([op.code])
            code = bytes(source) + RETURN_TOP
            native.compare(code)


@pytest.mark.parametrize("exponent", EDGES)
def test_exp_of_unknown_exponents(native, exponent):
    code = from_calldata(0x0A, 2)
    for base in FEWER:
        native.compare(code, calldata=hexed(word(base) + word(exponent)), gas=100_000)
    native.compare(code, calldata=hexed(word(3) + word(exponent)), gas=22_200)


@pytest.mark.parametrize("exponent", FEWER)
def test_exp_of_known_exponents(native, exponent):
    native.compare(push(exponent) + assemble("0 CALLDATALOAD EXP") + RETURN_TOP, calldata=hexed(word(3)))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64])
def test_calldata(native, size):
    code = assemble("32 CALLDATALOAD CALLDATALOAD CALLDATASIZE ADD") + RETURN_TOP
    for offset in EDGES:
        native.compare(code, calldata=hexed((bytes(32) + word(offset))[:size].ljust(min(size, 64), b"\x01")))
        native.compare(assemble("0 CALLDATALOAD CALLDATALOAD") + RETURN_TOP, calldata=hexed(word(offset) * 2))


def test_product_divided_by_a_factor(native):
    code = assemble("32 CALLDATALOAD 0 CALLDATALOAD DUP2 DUP2 MUL DIV") + RETURN_TOP
    for first, second in itertools.product(EDGES, repeat=2):
        native.compare(code, calldata=hexed(word(first) + word(second)))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    "name", ["ADDRESS", "CALLER", "CALLVALUE", "CALLDATASIZE", "CODESIZE", "PC", "MSIZE", "GAS"]
)
def test_environment(native, name, spec):
    code = assemble(f"0 64 MSTORE {name} {name} SUB {name}") + RETURN_TOP
    assert native.compare(code, spec=spec, value="0x5").status == "success"


@pytest.mark.parametrize("spec", SPECS[::4])
def test_every_opcode(native, spec):
    """On the oldest spec, one between and the newest, with operands that make sense to most; undefined ones, too."""
    for code in range(256):
        operands = b"".join(push(value) for value in (7, 6, 5, 4, 3, 2, 1, 0, 0))
        native.compare(operands + bytes([code]) + RETURN_TOP, spec=spec)


def test_compiler_and_engine_agree_on_the_frame():
    layout = native_abi()
    ours = {f"NativeFrame.{name}": offset for name, offset in abi.FRAME.items()}
    ours |= {f"HostTable.{name}": offset for name, offset in abi.HOST.items()}
    ours |= {"NativeFrame.size": abi.FRAME_SIZE, "HostTable.size": 8 * len(abi.HOST)}
    ours |= {"LEFT": abi.LEFT, "LEFT_OUT": abi.LEFT_OUT, "ACTION": abi.ACTION, "MAX_SPENT": abi.MAX_SPENT}
    assert layout == ours


@pytest.mark.parametrize("spec", SPECS)
def test_rules_have_costs_of_everything_that_moves_words_and_control(spec):
    rules = Rules.read(native_rules(spec))
    for op in OPCODES.values():
        if op.way in (Way.STACK, Way.JUMP):
            assert rules.static_gas[op.code] is not None, op.name
