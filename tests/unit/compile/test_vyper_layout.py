"""Vyper's layouts become layouts with which slots are named; how real contracts store is an integration test."""

from eth_hash.auto import keccak

from megaeth_cli.compile.vyper_layout import solidity_layout
from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.layout import Layout

WORD = 1 << 256


def word(number):
    return number.to_bytes(32)


def slot(*parts):
    return int.from_bytes(keccak(b"".join(parts)))


def place(kind, at, **more):
    return {"type": kind, "slot": at} | more


def shown(layout, slots, keys=None):
    """Path -> value, of slots and what they hold."""
    named = layout.name(slots, keys or Keys())
    return {one.path: layout.text(one, word_) for at, word_ in slots.items() for one in named[at]}


def member(name, annotation):
    return {
        "ast_type": "AnnAssign",
        "target": {"id": name},
        "annotation": {"ast_type": "Name", "id": annotation},
    }


def test_mappings_are_named_by_their_keys():
    allowed = place("HashMap[address, HashMap[uint256, bool]]", 4)
    tags = place("HashMap[bytes4, int128]", 5)
    layout = Layout(solidity_layout({"storage_layout": {"allowed": allowed, "tags": tags}}))
    keys, tag = Keys(), b"\x01\x02\x03\x04" + bytes(28)
    keys.add_address(b"\xaa" * 20)
    keys.add_words(tag)
    nested = slot(word(slot(word(4), bytes(12) + b"\xaa" * 20)), word(7))
    found = shown(layout, {nested: 1, slot(word(5), tag): WORD - 5}, keys)
    assert {path.lower(): text for path, text in found.items()} == {
        f"allowed[0x{'aa' * 20}][7]": "true",
        "tags[0x01020304]": "-5",
    }


def test_values_fill_their_slots_and_are_read_by_their_type():
    kinds = ["int128", "decimal", "bytes4", "uint8[3]", "DynArray[int8, 3]", "nonreentrant lock", "IThing"]
    starts = [0, 1, 2, 3, 6, 10, 11]
    places = {f"v{n}": place(kind, at) for n, (kind, at) in enumerate(zip(kinds, starts, strict=True))}
    layout = Layout(solidity_layout({"storage_layout": places}))
    held = {
        0: WORD - 5,
        1: WORD - 15 * 10**9,
        2: 0x12345678 << 224,
        5: 7,
        6: 2,
        8: WORD - 1,
        10: 3,
        11: 0xABC,
    }
    assert shown(layout, held) == {
        "v0": "-5",
        "v1": "-1.5",
        "v2": "0x12345678",
        "v3[2]": "7",
        "v4.length": "2",
        "v4[1]": "-1",
        "v5": "3",
        "v6": "0x0000000000000000000000000000000000000aBc",
    }


def test_a_text_begins_with_its_length_and_goes_on_in_the_next_slots():
    layout = Layout(solidity_layout({"storage_layout": {"name": place("String[64]", 5)}}))
    raw = b"a name that needs more than one slot"
    words = {5: len(raw), 6: int.from_bytes(raw[:32]), 7: int.from_bytes(raw[32:].ljust(32, b"\0"))}
    named = layout.name(words, Keys())
    assert [named[at][0].path for at in words] == ["name", "name[0..31]", "name[32..63]"]
    assert layout.contents(named[6][0].text, words) == f'"{raw.decode()}"'


def test_a_mapping_by_text_hashes_the_text_first():
    layout = Layout(solidity_layout({"storage_layout": {"taken": place("HashMap[String[20], bool]", 1)}}))
    at = slot(word(1), keccak(b"alice.mega"))
    keys = Keys()
    keys.add_preimage(b"alice.mega")
    keys.add_preimage(word(1) + keccak(b"alice.mega"))
    assert shown(layout, {at: 1}, keys) == {"taken['alice.mega']": "true"}


def test_what_0_3_writes_around_names_is_no_part_of_them():
    point = {
        "ast_type": "StructDef",
        "name": "Point",
        "body": [member("x", "uint256"), member("y", "int128")],
    }
    names = [{"ast_type": "Expr", "value": {"id": one}} for one in ("BUY", "SELL")]
    side = {"ast_type": "EnumDef", "name": "Side", "body": names}
    places = {
        "points": place("DynArray[Point declaration object, 3]", 0),
        "side": place("enum Side('BUY','SELL')", 7),
    }
    layout = Layout(solidity_layout({"storage_layout": places}, {"ast": {"body": [point, side]}}))
    assert shown(layout, {0: 2, 4: WORD - 3, 7: 3}) == {
        "points.length": "2",
        "points[1].y": "-3",
        "side": "Side.BUY | Side.SELL",
    }


def test_a_struct_that_is_not_understood_is_named_by_its_slots():
    odd = {"ast_type": "StructDef", "name": "Odd", "body": [{"ast_type": "AnnAssign"}]}
    layout = Layout(
        solidity_layout({"storage_layout": {"odd": place("Odd", 0, n_slots=2)}}, {"ast": {"body": [odd]}})
    )
    assert shown(layout, {0: 1, 1: 2}) == {"odd": "1", "odd (+1)": "2"}
