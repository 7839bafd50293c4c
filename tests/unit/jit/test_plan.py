from devnet.jit import plan
from devnet.jit.decode import decode
from devnet.jit.graph import Graph, build
from devnet.jit.plan import make
from tests.support.bytecode import assemble, rules

LOOP = "5 loop: 1 SWAP1 SUB DUP1 @loop JUMPI STOP"


def planned(source: str) -> tuple[Graph, plan.Plan]:
    made = build(decode(assemble(source)))
    return made, make(made, rules())


def test_loop_is_a_region_with_its_words():
    _, decided = planned(LOOP)
    [region] = set(decided.regions.values())
    assert {node.block.pc for node in region.nodes} == {2}
    assert region.written == {0}


def test_gas_is_checked_at_the_start_and_at_the_head_of_a_loop():
    _, decided = planned(LOOP)
    assert {node.block.pc for node in decided.checkpoints} == {0, 2}
    by_pc = {node.block.pc: need for node, need in decided.need.items()}
    # JUMPDEST, PUSH1, SWAP1, SUB, DUP1, PUSH2, JUMPI.
    assert by_pc[2] == 1 + 3 + 3 + 3 + 3 + 3 + 10
    assert by_pc[0] == 3


def test_frames_may_enter_at_the_heads_of_loops_but_not_of_those_within_registers():
    nested = "200 outer: 100 inner: 1 SWAP1 SUB DUP1 @inner JUMPI POP 1 SWAP1 SUB DUP1 @outer JUMPI STOP"
    for source, pcs in ((LOOP, {2}), (nested, {2}), ("@end JUMP end: STOP", set())):
        _, decided = planned(source)
        assert {node.block.pc for node in decided.heads} == pcs


def test_need_is_that_of_the_dearest_way():
    made, decided = planned("0 CALLDATALOAD @dear JUMPI STOP dear: 1 2 MUL STOP")
    assert decided.need[made.start] == 2 + 3 + 3 + 10 + (1 + 3 + 3 + 5)


def test_need_ends_at_a_step():
    made, decided = planned("1 SLOAD 2 3 MUL STOP")
    assert decided.need[made.start] == 3


def test_long_ways_are_cut_by_checkpoints(monkeypatch):
    monkeypatch.setattr(plan, "LONGEST_CREDIT", 100)
    source = " ".join(f"@n{i} JUMP n{i}:" for i in range(30)) + " STOP"
    _, decided = planned(source)
    assert len(decided.checkpoints) > 3
    assert max(decided.need.values()) < 200


def test_region_that_is_too_large_gives_way_to_the_loops_within(monkeypatch):
    monkeypatch.setattr(plan, "LARGEST_REGION", 2)
    _, decided = planned("5 outer: 5 inner: 1 SWAP1 SUB DUP1 @inner JUMPI POP DUP1 @outer JUMPI STOP")
    assert [len(region.nodes) for region in set(decided.regions.values())] == [1]


def test_the_longest_run_is_what_native_code_executes_itself_without_a_loop():
    def longest(source: str) -> int | None:
        return plan.longest_run(planned(source)[1], rules())

    # The way of PUSH0, CALLDATALOAD, PUSH2, JUMPI, JUMPDEST, PUSH1, PUSH1, MUL.
    assert longest("0 CALLDATALOAD @dear JUMPI STOP dear: 1 2 MUL STOP") == 8
    assert longest("1 SLOAD POP STOP") == 2
    assert longest(LOOP) is None
