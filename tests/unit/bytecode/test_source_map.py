"""The compiler's source maps lead from code to lines."""

from megaeth_cli.bytecode.source_map import Line, SourceMaps

SOURCE = "contract C {\n  // e\u0301t\u00e9\n  uint a;\n}\n"
# PUSH2 0x5b5b, JUMPDEST, ADD, STOP
RUNTIME = bytes.fromhex("615b5b5b0100")


def maps(text, runtime=RUNTIME):
    kept = SourceMaps({"C.sol": SOURCE}, {"0": "C.sol"}, {"C.sol:C": text})
    return SourceMaps(**kept.to_json()).lines("C.sol:C", runtime)


def test_each_instruction_has_the_line_where_its_source_begins():
    declaration = SOURCE.encode().index(b"uint")
    first, third = Line("C.sol", 1, "contract C {"), Line("C.sol", 3, "uint a;")
    assert maps(f"0:5:0:-:0;{declaration}:6;;:1") == {0: first, 3: third, 4: third, 5: third}


def test_code_that_the_compiler_made_up_has_no_line():
    assert maps("0:5:0;1:1:7;-1:-1:-1;0::0") == {
        0: Line("C.sol", 1, "contract C {"),
        5: Line("C.sol", 1, "contract C {"),
    }


def test_what_follows_the_code_has_no_line():
    assert set(maps("0:5:0;;;", RUNTIME + b"\xfe\xa2\x64")) == {0, 3, 4, 5}


def test_a_map_of_other_code_says_nothing():
    assert maps("0:5:0;;;;") == {}
    assert maps("") == {}
    assert SourceMaps({}, {}, {}).lines("C.sol:C", RUNTIME) == {}


def test_the_code_that_creates_a_contract_has_a_map_of_its_own():
    kept = SourceMaps({"C.sol": SOURCE}, {"0": "C.sol"}, {}, {"C.sol:C": "0:5:0:-;;:::i;1:::o"})
    restored = SourceMaps(**kept.to_json())
    assert (
        restored.lines("C.sol:C", RUNTIME) == {}
        and restored.internal_jumps("C.sol:C", RUNTIME) == frozenset()
    )
    followed = RUNTIME + b"\xfe" + bytes(32)
    assert set(restored.lines("C.sol:C", followed, creates=True)) == {0, 3, 4, 5}
    assert restored.internal_jumps("C.sol:C", followed, creates=True) == {4, 5}


def test_maps_that_were_kept_before_have_none_of_that_code():
    kept = SourceMaps({"C.sol": SOURCE}, {"0": "C.sol"}, {"C.sol:C": "0:5:0"}).to_json()
    del kept["creation_maps"]
    assert SourceMaps(**kept).lines("C.sol:C", RUNTIME, creates=True) == {}


def test_jumps_into_and_out_of_functions_of_the_contract_are_told():
    kept = SourceMaps({"C.sol": SOURCE}, {"0": "C.sol"}, {"C.sol:C": "0:5:0:-;;:::i;1:::o"})
    assert kept.internal_jumps("C.sol:C", RUNTIME) == {4, 5}
    assert kept.internal_jumps("D.sol:D", RUNTIME) == frozenset()
