from devnet.jit import graph
from devnet.jit.decode import decode
from devnet.jit.graph import Graph, Node, build
from tests.support.bytecode import assemble


def graph_of(source: str) -> Graph:
    return build(decode(assemble(source)))


def nodes_at(made: Graph, pc: int) -> list[Node]:
    return [node for node in made.nodes if node.block.pc == pc]


TWO_CALLS = "@one @function JUMP one: @two @function JUMP two: STOP function: JUMP"


def test_function_is_cloned_for_each_return_address():
    code = assemble(TWO_CALLS)
    made = graph_of(TWO_CALLS)
    clones = nodes_at(made, len(code) - 2)
    assert len(clones) == 2
    assert {pc for node in clones for pc in node.targets} == {code.index(0x5B), code.index(0x5B, 8)}
    assert not made.dispatched


def test_unknown_target_goes_through_the_dispatcher():
    made = graph_of("0 CALLDATALOAD JUMP here: STOP there: @here JUMP")
    assert made.start.jumps_anywhere
    assert [node.context.general for node in made.dispatched.values()] == [True]
    assert list(made.dispatched) == [assemble("0 CALLDATALOAD JUMP here: STOP there: @here JUMP").index(0x5B)]


def test_jump_to_what_is_no_destination_leads_nowhere():
    made = graph_of("3 JUMP STOP")
    assert made.start.targets == {}
    assert not made.start.jumps_anywhere


def test_stack_that_cannot_be_is_refused():
    assert graph_of("POP").start.refused
    assert graph_of(" ".join(["0"] * 1025)).start.refused
    assert not graph_of(" ".join(["0"] * 1024)).start.refused


def test_loop_comes_back_to_its_own_node():
    made = graph_of("5 loop: 1 SWAP1 SUB DUP1 @loop JUMPI STOP")
    [head] = nodes_at(made, 2)
    assert list(head.targets.values()) == [head]


def test_call_is_resumed_where_it_returns():
    made = graph_of("0 0 0 0 0 0 0 CALL POP STOP")
    [resumed] = made.resumed[8]
    assert made.start.resumes_at is resumed
    assert resumed.height == 1
    assert resumed.entered


def test_recursion_ends_in_general_nodes(monkeypatch):
    monkeypatch.setattr(graph, "CONTEXTS_PER_BLOCK", 8)
    made = graph_of("@end f: @back @f JUMP back: JUMP end: STOP")
    assert len(made.nodes) < 100
    assert any(node.context.general for node in made.nodes)


def test_number_of_nodes_is_bounded():
    # Each of many functions calls each of many others: contexts without end.
    count = 60
    functions = " ".join(
        f"f{i}: " + " ".join(f"@r{i}x{j} @f{(i + j) % count} JUMP r{i}x{j}:" for j in range(1, 6)) + " JUMP"
        for i in range(count)
    )
    program = decode(assemble(f"@end @f0 JUMP end: STOP {functions}"))
    most = graph.NODES_ANYWAY + graph.NODES_PER_BLOCK * len(program.blocks)
    assert len(build(program).nodes) <= most + len(program.blocks) + 1
