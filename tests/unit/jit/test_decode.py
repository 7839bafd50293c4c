from devnet.jit.decode import Slot, decode
from tests.support.bytecode import assemble


def test_jumpdest_inside_push_data_is_none():
    program = decode(bytes([0x61, 0x5B, 0x5B, 0x5B]))
    assert program.jumpdests == {3}


def test_running_off_the_end_is_a_stop():
    program = decode(assemble("1 2 ADD"))
    assert [one.op.name for one in program.blocks[0].instructions] == ["PUSH1", "PUSH1", "ADD", "STOP"]


def test_empty_code_is_a_stop():
    assert decode(b"").blocks[0].last.op.name == "STOP"


def test_cut_off_push_is_filled_with_zeros():
    block = decode(bytes([0x62, 0x01])).blocks[0]
    assert block.instructions[0].push == 0x010000
    assert block.instructions[1].pc == 4


def test_blocks_end_at_jumps_calls_and_before_destinations():
    code = assemble("0 0 0 0 0 0 0 CALL POP @end JUMPI 1 end: INVALID")
    program = decode(code)
    ends = [block.last.op.name for block in program.blocks.values()]
    assert ends == ["CALL", "JUMPI", "PUSH1", "INVALID", "STOP"]
    jumpi, pushed = list(program.blocks.values())[1:3]
    assert jumpi.falls_to == pushed.pc
    assert pushed.falls_to == code.index(0x5B, jumpi.last.pc)


def test_effect_knows_depth_height_and_moved_words():
    effect = decode(assemble("SWAP1 DUP2 7 SWAP1")).blocks[0].effect
    assert (effect.lowest, effect.highest, effect.delta) == (-2, 2, 2)
    assert effect.changed == {-2: Slot(-1), -1: Slot(-2), 0: 7, 1: Slot(-1)}
    assert effect.used == set()


def test_effect_knows_what_is_computed_with_and_where_it_jumps():
    effect = decode(assemble("ADD SWAP1 JUMP")).blocks[0].effect
    assert effect.used == {-1, -2, -3}
    assert effect.target == Slot(-3)
    assert effect.changed == {-3: None}


def test_word_that_gets_back_its_value_counts_as_assigned():
    effect = decode(assemble("SWAP1 SWAP1")).blocks[0].effect
    assert effect.changed == {}
    assert effect.assigned == {-1, -2}


def test_constants_keep_their_value_through_a_mask():
    assert decode(assemble("0xffff 0x1234 AND JUMP")).blocks[0].effect.target == 0x1234
