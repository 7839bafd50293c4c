"""How large values can be."""

from devnet.jit import ranges
from devnet.jit.abi import MAX_SPENT
from devnet.jit.decode import decode
from devnet.jit.graph import build
from devnet.jit.ranges import ANY, COUNTED, NARROW, SMALL, Range, join, of_bits, of_number, result
from tests.support.bytecode import assemble, rules

ADD, MUL, DIV, AND, SHL, SHR, SAR = 0x01, 0x02, 0x04, 0x16, 0x1B, 0x1C, 0x1D
GAS = 3


def at(source: str, pc: int, index: int) -> Range:
    """The range of a word where the block at `pc` begins."""
    made = build(decode(assemble(source)))
    [node] = [node for node in made.nodes if node.block.pc == pc]
    return ranges.at_entry(made, rules())[node].get(index, ANY)


def test_a_counter_stays_narrow_as_no_entry_has_the_gas_to_take_it_further():
    assert (1 << SMALL) + ranges.STEP_PER_GAS * MAX_SPENT < 1 << COUNTED
    head = at("0 loop: 1 ADD DUP1 0 CALLDATALOAD GT @loop JUMPI STOP", 1, 0)
    assert head == Range(COUNTED)
    assert result(ADD, [head, of_number(ranges.STEP_PER_GAS * GAS)], GAS) == head


def test_what_grows_faster_than_gas_does_not_count():
    assert at("1 loop: 1000 ADD DUP1 0 CALLDATALOAD GT @loop JUMPI STOP", 2, 0) == ANY
    assert at("1 loop: DUP1 ADD DUP1 0 CALLDATALOAD GT @loop JUMPI STOP", 2, 0) == ANY
    assert at("9 loop: 1 SWAP1 SUB DUP1 @loop JUMPI STOP", 2, 0) == ANY


def test_what_is_almost_64_bits_long_does_not_count():
    almost = of_bits(60)
    assert almost == Range(NARROW)
    assert result(ADD, [almost, of_number(1)], GAS) == ANY
    assert join(almost, Range(COUNTED)) == Range(NARROW)


def test_numbers_are_known_until_ways_meet():
    source = "7 0 CALLDATALOAD @there JUMPI there: STOP"
    assert at(source, 8, 0) == of_number(7)
    assert join(of_number(7), of_number(9)) == Range(COUNTED)
    assert join(of_number(7), of_number(1 << 64)) == ANY


def test_ranges_of_results():
    assert result(MUL, [Range(20), Range(21)], 5) == Range(41)
    assert result(MUL, [Range(COUNTED), of_number(32)], 5) == Range(NARROW)
    assert result(MUL, [Range(NARROW), Range(2)], 5) == ANY
    assert result(AND, [ANY, of_number(255)], GAS) == Range(8)
    assert result(DIV, [Range(COUNTED), ANY], 5) == Range(COUNTED)
    assert result(SHR, [of_number(224), ANY], GAS) == Range(32)
    assert result(SHL, [of_number(5), Range(8)], GAS) == Range(13)
    assert result(SHL, [Range(8), Range(8)], GAS) == ANY
    assert result(SAR, [of_number(255), ANY], GAS) == ANY


def test_nothing_is_known_where_native_code_is_entered():
    assert at("5 0 0 0 0 0 0 GAS CALL STOP", 10, 0) == ANY
