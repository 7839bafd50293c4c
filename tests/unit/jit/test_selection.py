"""Which parts are compiled, and what the graph of some parts is."""

import array

from devnet.jit import graph
from devnet.jit.compiler import followed
from devnet.jit.decode import Program, decode
from devnet.jit.graph import Graph
from devnet.jit.selection import EVERYTHING, Part, Selection, Wanted, choose
from tests.support.bytecode import assemble

CHECKED = "0 CALLDATALOAD @fine JUMPI @helper JUMP fine: 1 0 SSTORE STOP helper: 0 0 REVERT"


def program_of(source: str) -> Program:
    return decode(assemble(source))


def graph_of(source: str, selection: Selection) -> Graph:
    return followed(program_of(source), selection)[0]


def out(made: Graph) -> set[int]:
    return {node.block.pc for node in made.nodes if node.left_out}


def compiled(made: Graph) -> set[int]:
    return {node.block.pc for node in made.nodes if not node.left_out}


def counted(program: Program, **executed: int) -> bytes:
    counts = array.array("I", bytes(4 * len(program.code)))
    for pc, count in executed.items():
        counts[int(pc.removeprefix("at"))] = count
    return counts.tobytes()


def test_everything_is_native_but_what_only_fails():
    made = graph_of(CHECKED, choose(program_of(CHECKED), EVERYTHING))
    start, jump, fine, _ = sorted(program_of(CHECKED).blocks)[:4]
    assert (compiled(made), out(made)) == ({start, fine}, {jump})


def test_failure_that_was_seen_is_native():
    program = program_of(CHECKED)
    blocks = sorted(program.blocks)
    wanted = Wanted(whole=True, kept=(blocks[1],), counts=counted(program, **{f"at{blocks[3]}": 5}))
    assert out(graph_of(CHECKED, choose(program, wanted))) == set()


def test_failure_behind_a_loop_or_much_work_is_native_until_then():
    loop = "0 CALLDATALOAD @long JUMPI STOP long: 9 loop: 1 SWAP1 SUB DUP1 @loop JUMPI 0 0 REVERT"
    made = graph_of(loop, Selection(whole=True))
    assert len(out(made)) == 1
    work = f"0 CALLDATALOAD @long JUMPI STOP long: {'1 POP ' * graph.LONGEST_FAILURE} 0 0 REVERT"
    assert out(graph_of(work, Selection(whole=True))) == set()


def test_call_that_may_succeed_is_no_failure():
    source = "0 CALLDATALOAD @call JUMPI STOP call: 0 0 0 0 0 0 0 CALL 0 0 REVERT"
    made = graph_of(source, Selection(whole=True))
    assert len(compiled(made)) == 3


def test_the_most_executed_blocks_are_taken_first_and_what_was_native_stays():
    source = "@a JUMP a: 1 POP @b JUMP b: 2 POP @c JUMP c: STOP"
    program = program_of(source)
    start, a, b, c = sorted(program.blocks)[:4]
    counts = counted(program, **{f"at{start}": 1, f"at{a}": 3, f"at{b}": 2})
    size = program.blocks[a].last.next_pc - a
    assert choose(program, Wanted(False, counts=counts, most=2 * size)).blocks == {a, b}
    assert choose(program, Wanted(False, kept=(c,), counts=counts, most=size + 2)).blocks == {a, c}
    # What isn't there can't be asked for.
    assert choose(program, Wanted(False, kept=(start, 10_000))).blocks == {start}


def test_what_is_only_reached_through_what_is_left_out_is_not_compiled():
    source = "0 CALLDATALOAD @a JUMPI STOP a: @b JUMP b: 5 loop: 1 SWAP1 SUB DUP1 @loop JUMPI STOP"
    program = program_of(source)
    _, _, a, b, loop, *_ = sorted(program.blocks)
    made = graph_of(source, Selection(False, frozenset(program.blocks) - {a}))
    assert a in out(made)
    assert not {b, loop} & (compiled(made) | out(made))


def test_words_that_only_what_is_left_out_reads_are_alive():
    source = "7 0 CALLDATALOAD @out JUMPI STOP out: 0 MSTORE STOP"
    program = program_of(source)
    *_, left_out, _ = sorted(program.blocks)
    made, live = followed(program, Selection(False, frozenset(program.blocks) - {left_out}))
    [node] = [node for node in made.nodes if node.left_out]
    assert live[node] != 0
    # Though not those that nobody reads.
    unread = program_of(source.replace("0 MSTORE STOP", "STOP"))
    made, live = followed(unread, Selection(False, frozenset(unread.blocks) - {left_out}))
    [node] = [node for node in made.nodes if node.left_out]
    assert live[node] == 0


def test_large_contract_with_little_wanted_has_few_nodes():
    functions = " ".join(f"f{i}: @r{i} @g JUMP r{i}: JUMP" for i in range(500))
    source = f"@end @f7 JUMP end: STOP g: JUMP {functions}"
    program = program_of(source)
    blocks = sorted(program.blocks)
    wanted = frozenset(blocks[:3])
    made = graph_of(source, Selection(False, wanted))
    assert compiled(made) <= wanted
    assert len(made.nodes) <= 5


def test_a_part_is_more_than_another_only_if_it_has_all_of_it():
    assert Part(kept=(1, 2)).has_more_than(Part(kept=(1,)))
    assert not Part(kept=(1, 2)).has_more_than(Part(kept=(1, 2)))
    assert not Part(kept=(1, 2)).has_more_than(Part(kept=(3,)))
    assert not Part(whole=False, kept=(1, 2)).has_more_than(Part(kept=(1,)))
