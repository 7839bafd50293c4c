from devnet.jit.decode import decode
from devnet.jit.graph import build
from devnet.jit.liveness import below, bit, live_at_entry, words
from tests.support.bytecode import assemble


def live(source: str) -> dict[int, set[int]]:
    made = build(decode(assemble(source)))
    found = live_at_entry(made)
    return {
        node.block.pc: set(words(found[node], 0, node.height))
        for node in made.nodes
        if not node.context.general
    }


def test_words_that_nobody_reads_are_dead():
    code = "7 8 @next JUMP next: POP POP STOP"
    assert live(code)[assemble(code).index(0x5B)] == set()


def test_moving_a_word_that_nobody_reads_keeps_it_dead():
    code = "7 8 @next JUMP next: SWAP1 POP 0 MSTORE STOP"
    assert live(code)[assemble(code).index(0x5B)] == {1}


def test_operands_of_what_leaves_are_alive():
    code = "7 8 9 @next JUMP next: RETURN"
    assert live(code)[assemble(code).index(0x5B)] == {1, 2}


def test_everything_is_alive_before_a_jump_to_anywhere():
    code = "7 8 0 CALLDATALOAD @next JUMP next: JUMP"
    assert live(code)[assemble(code).index(0x5B, 5)] == {0, 1, 2}


def test_what_is_read_after_a_call_is_alive_before_it():
    code = "7 8 9 @next JUMP next: 0 0 0 0 0 0 0 CALL POP POP SLOAD STOP"
    assert live(code)[assemble(code).index(0x5B)] == {1}


def test_sets_of_words():
    assert set(words(bit(3) | bit(-2) | bit(9), -5, 9)) == {3, -2}
    assert below(2) & bit(1)
    assert not below(2) & bit(2)
