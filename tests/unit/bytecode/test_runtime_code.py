"""A contract is known by its code, whatever deploying filled in."""

from hypothesis import given
from hypothesis import strategies as st

from megaeth_cli.bytecode.runtime_code import CodePattern, compiler_version, split_metadata

HEAD, TAIL = bytes.fromhex("a2646970667358221220"), bytes.fromhex("64736f6c63430008250033")
BARE = bytes.fromhex("a164736f6c6343000825000a")
BODY = bytes.fromhex("6080604052") + b"\x5b" * 20


def metadata(digit):
    return HEAD + bytes([digit]) * 32 + TAIL


def known(template, code, **places):
    return CodePattern.of(template.hex(), **places).matches(split_metadata(code)[0])


def test_other_paths_and_settings_change_only_the_metadata_which_does_not_count():
    assert known(BODY + metadata(1), BODY + metadata(2))
    assert known(BODY + metadata(1), BODY + BARE)
    assert known(BODY + metadata(1), BODY)
    assert not known(BODY + metadata(1), BODY + b"\x00" + metadata(1))


def test_the_metadata_of_a_contract_that_a_factory_carries_does_not_count_either():
    inner = [BODY + metadata(digit) + b"\x5b" * 9 for digit in (1, 2)]
    assert known(inner[0] + metadata(3), inner[1] + metadata(4))


def test_swarm_hashes_of_old_compilers_do_not_count():
    old = [b"\xa1\x65bzzr0\x58\x20" + bytes([digit]) * 32 + b"\x00\x29" for digit in (1, 2)]
    assert split_metadata(BODY + old[0]) == (BODY, old[0])
    assert known(BODY + old[0] + BODY, BODY + old[1] + BODY)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=20, max_size=20))
def test_immutables_and_linked_libraries_may_have_any_value(value, library):
    template = BODY.hex() + "7f" + "00" * 32 + "73__$" + "ab" * 17 + "$__" + "5b"
    deployed = BODY + b"\x7f" + value + b"\x73" + library + b"\x5b"
    assert CodePattern.of(template).matches(deployed)
    listed = BODY + b"\x7f" + bytes(32) + b"\x73" + bytes(20) + b"\x5b"
    at = len(BODY) + 1
    places = {
        "immutables": {"7": [{"start": at, "length": 32}]},
        "links": {"Lib.sol": {"Lib": [{"start": at + 33, "length": 20}]}},
    }
    assert known(listed, deployed, **places)


def test_bytes_that_are_no_immutables_do_count():
    assert not known(BODY + b"\x60\x00", BODY + b"\x60\x01")
    plain = BODY + b"\x7f" + bytes(32)
    assert not known(plain, BODY + b"\x7f" + b"\x01" * 32, immutables={})


def test_thirty_two_zeroes_inside_another_push_are_no_immutable():
    template = b"\x61\x7f\x00" + b"\x5b" * 40
    assert CodePattern.of(template.hex()).masked == ()


def test_a_library_is_known_with_its_own_address_in_its_guard():
    template = b"\x73" + bytes(20) + b"\x30\x14" + BODY
    assert known(template, b"\x73" + b"\x12" * 20 + b"\x30\x14" + BODY)


def test_the_compiler_is_read_from_the_metadata():
    assert compiler_version((BODY + metadata(1)).hex()) == "0.8.37"
    assert compiler_version("") == ""
