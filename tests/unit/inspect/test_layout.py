"""Storage slots get the names of their variables.

Random layouts: a generator lays out random variables by the rules of the Solidity documentation, written
out here a second time, and remembers where each leaf is; the namer must find the same.
"""

from dataclasses import dataclass

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.layout import Layout

WORD = 32


def slot_hash(*parts: bytes) -> int:
    return int.from_bytes(keccak(b"".join(parts)), "big")


def word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


@dataclass
class Leaf:
    """A leaf value: where it is, what it is called, which mapping keys lead there."""

    slot: int
    offset: int
    path: str
    keys: tuple[int, ...] = ()
    hashed: tuple[bytes, ...] = ()
    """What a contract hashes on the way there."""


class LayoutMaker:
    """Builds the compiler's JSON for random types, and knows a leaf in each variable."""

    def __init__(self, draw):
        self.draw = draw
        self.types = {}

    def a_type(self, depth=0):
        kinds = ["uint"] if depth > 2 else ["uint", "uint", "struct", "static", "dynamic", "mapping"]
        return getattr(self, f"_{self.draw(st.sampled_from(kinds))}")(depth)

    def size(self, kind):
        return int(self.types[kind]["numberOfBytes"])

    def leaf(self, kind, slot, offset, path, keys=(), hashed=()):
        info = self.types[kind]
        if "members" in info:
            member = self.draw(st.sampled_from(info["members"]))
            return self.leaf(
                member["type"],
                slot + int(member["slot"]),
                member["offset"],
                f"{path}.{member['label']}",
                keys,
                hashed,
            )
        if info["encoding"] == "mapping":
            key = self.draw(st.integers(0, 255))
            preimage = word(key) + word(slot)
            reached = (*keys, key), (*hashed, preimage)
            return self.leaf(info["value"], slot_hash(preimage), 0, f"{path}[{key}]", *reached)
        if info["encoding"] == "dynamic_array" or "base" in info:
            length = info.get("length", 40)
            index = self.draw(st.integers(0, length - 1))
            start = slot
            if info["encoding"] == "dynamic_array":
                start, hashed = slot_hash(word(slot)), (*hashed, word(slot))
            size = self.size(info["base"])
            if size <= 16:
                each = WORD // size
                place, offset = start + index // each, index % each * size
            else:
                place, offset = start + index * -(-size // WORD), 0
            return self.leaf(info["base"], place, offset, f"{path}[{index}]", keys, hashed)
        return Leaf(slot, offset, path, keys, hashed)

    def pack(self, kinds):
        """Slots and offsets of members in a row."""
        slot = offset = 0
        places = []
        for kind in kinds:
            size = self.size(kind)
            whole = size > WORD or self.types[kind].get("whole", False)
            if offset and (whole or offset + size > WORD):
                slot, offset = slot + 1, 0
            places.append((slot, offset))
            if whole:
                slot, offset = slot + -(-size // WORD), 0
            else:
                offset += size
        return places, slot + bool(offset)

    def _put(self, **info):
        name = f"t_{info.pop('name')}_{len(self.types)}"
        self.types[name] = {"label": name, **info}
        return name

    def _uint(self, depth):
        size = self.draw(st.sampled_from([1, 4, 12, 16, 20, 32]))
        return self._put(name=f"uint{8 * size}", encoding="inplace", numberOfBytes=str(size))

    def _struct(self, depth):
        kinds = [self.a_type(depth + 1) for _ in range(self.draw(st.integers(1, 3)))]
        places, slots = self.pack(kinds)
        members = [
            {"label": f"m{n}", "type": kind, "slot": str(slot), "offset": offset}
            for n, (kind, (slot, offset)) in enumerate(zip(kinds, places, strict=True))
        ]
        return self._put(
            name="struct", encoding="inplace", numberOfBytes=str(slots * WORD), members=members, whole=True
        )

    def _static(self, depth):
        base = self.a_type(depth + 1)
        length = self.draw(st.integers(1, 50))
        size = self.size(base)
        slots = -(-length // (WORD // size)) if size <= 16 else length * -(-size // WORD)
        name = self._put(
            name="array",
            encoding="inplace",
            numberOfBytes=str(slots * WORD),
            base=base,
            length=length,
            whole=True,
        )
        self.types[name]["label"] = f"{base}[{length}]"
        return name

    def _dynamic(self, depth):
        base = self.a_type(depth + 1)
        return self._put(name="array", encoding="dynamic_array", numberOfBytes="32", base=base, whole=True)

    def _mapping(self, depth):
        key = self._put(name="uint8", encoding="inplace", numberOfBytes="1")
        value = self.a_type(depth + 1)
        return self._put(
            name="mapping", encoding="mapping", numberOfBytes="32", key=key, value=value, whole=True
        )


@st.composite
def layouts(draw):
    maker = LayoutMaker(draw)
    kinds = [maker.a_type() for _ in range(draw(st.integers(1, 4)))]
    places, _ = maker.pack(kinds)
    storage = [
        {"label": f"v{n}", "type": kind, "slot": str(slot), "offset": offset}
        for n, (kind, (slot, offset)) in enumerate(zip(kinds, places, strict=True))
    ]
    leaves = [maker.leaf(one["type"], int(one["slot"]), one["offset"], one["label"]) for one in storage]
    return {"storage": storage, "types": maker.types}, leaves


@settings(deadline=None, max_examples=200)
@given(layouts())
def test_every_leaf_of_a_random_layout_is_found_by_its_slot(case):
    layout, leaves = case
    keys = Keys()
    for leaf in leaves:
        for key in leaf.keys:
            keys.add_number(key)
    named = Layout(layout).name({leaf.slot: None for leaf in leaves}, keys)
    for leaf in leaves:
        assert (leaf.path, leaf.offset) in [(field.path, field.offset) for field in named[leaf.slot]]


def types(**extra):
    return {
        "t_uint256": {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"},
        "t_address": {"encoding": "inplace", "label": "address", "numberOfBytes": "20"},
        "t_bool": {"encoding": "inplace", "label": "bool", "numberOfBytes": "1"},
        "t_int64": {"encoding": "inplace", "label": "int64", "numberOfBytes": "8"},
        "t_string_storage": {"encoding": "bytes", "label": "string", "numberOfBytes": "32"},
        **extra,
    }


def variable(label, kind, slot=0, offset=0):
    return {"label": label, "type": kind, "slot": str(slot), "offset": offset}


def test_fields_that_share_a_slot_are_told_apart_and_read():
    layout = Layout(
        {
            "storage": [
                variable("owner", "t_address"),
                variable("open", "t_bool", 0, 20),
                variable("score", "t_int64", 0, 21),
            ],
            "types": types(),
        }
    )
    held = (2**64 - 5) << 168 | 1 << 160 | 0xABC
    fields = layout.name({0: None}, Keys())[0]
    assert [(field.path, layout.text(field, held)) for field in fields] == [
        ("owner", "0x0000000000000000000000000000000000000aBc"),
        ("open", "true"),
        ("score", "-5"),
    ]


def test_a_short_string_is_read_from_its_slot_and_a_long_one_is_found_in_pieces():
    layout = Layout({"storage": [variable("name", "t_string_storage")], "types": types()})
    short = int.from_bytes(b"MegaCoin".ljust(31, b"\0") + bytes([16]), "big")
    second = slot_hash(word(0)) + 1
    named = layout.name({0: None, second: None}, Keys())
    assert layout.text(named[0][0], short) == '"MegaCoin"'
    assert layout.text(named[0][0], 2 * 70 + 1) == "<70 bytes>"
    assert named[second][0].path == "name[32..63]"


def test_nested_mappings_are_named_by_keys_in_calldata():
    owner, spender = 0xAAAA, 0xBBBB
    inner = {
        "encoding": "mapping",
        "label": "m",
        "numberOfBytes": "32",
        "key": "t_address",
        "value": "t_uint256",
    }
    outer = {
        "encoding": "mapping",
        "label": "m",
        "numberOfBytes": "32",
        "key": "t_address",
        "value": "t_inner",
    }
    layout = Layout(
        {"storage": [variable("allowance", "t_outer", 3)], "types": types(t_inner=inner, t_outer=outer)}
    )
    slot = slot_hash(word(spender), word(slot_hash(word(owner), word(3))))
    keys = Keys()
    keys.add_words(word(owner) + word(spender))
    path = layout.name({slot: None}, keys)[slot][0].path
    assert path.lower() == f"allowance[0x{owner:040x}][0x{spender:040x}]"


def test_a_mapping_by_string_is_named_by_a_string_in_calldata():
    mapping = {
        "encoding": "mapping",
        "label": "m",
        "numberOfBytes": "32",
        "key": "t_string_storage",
        "value": "t_bool",
    }
    layout = Layout({"storage": [variable("taken", "t_m")], "types": types(t_m=mapping)})
    slot = slot_hash(b"alice.mega", word(0))
    keys = Keys()
    keys.add_words(word(32) + word(10) + b"alice.mega".ljust(32, b"\0"))
    assert layout.name({slot: None}, keys)[slot][0].path == "taken['alice.mega']"


def test_a_slot_that_no_variable_explains_stays_without_a_name():
    layout = Layout({"storage": [variable("number", "t_uint256")], "types": types()})
    assert layout.name({12345: None}, Keys()) == {}


def test_a_contract_without_a_layout_names_nothing():
    assert Layout({}).name({0: None}, Keys()) == {}


def user_type(name, size, **more):
    return {"encoding": "inplace", "label": name, "numberOfBytes": str(size)} | more


@pytest.mark.parametrize("name", ["interest", "bytesLeft", "boolish", "addressee", "Delta"])
def test_a_user_defined_type_is_read_as_what_is_behind_it(name):
    kind = f"t_userDefinedValueType({name})5"
    storage = [variable("it", kind)]
    signed = Layout({"storage": storage, "types": {kind: user_type(name, 8, underlying="t_int64")}})
    [field] = signed.name({0: None}, Keys())[0]
    assert signed.text(field, 2**64 - 5) == "-5"
    # Without a syntax tree the ABI tells, where it mentions the type.
    abi = [{"outputs": [{"type": "int64", "internalType": name}]}]
    assert (
        Layout({"storage": storage, "types": {kind: user_type(name, 8)}}, abi).text(field, 2**64 - 5) == "-5"
    )
    nobody = Layout({"storage": storage, "types": {kind: user_type(name, 8)}})
    assert nobody.text(field, 2**64 - 5) == str(2**64 - 5)


def test_an_enum_is_shown_by_its_members():
    kind = "t_enum(Side)5"
    layout = Layout(
        {
            "storage": [variable("side", kind)],
            "types": {kind: user_type("enum M.Side", 1, values=["Buy", "Sell"])},
        }
    )
    [field] = layout.name({0: None}, Keys())[0]
    assert [layout.text(field, n) for n in range(3)] == ["Side.Buy", "Side.Sell", "2"]


@settings(deadline=None, max_examples=100)
@given(layouts())
def test_keys_that_were_hashed_are_enough_to_find_every_leaf(case):
    layout, leaves = case
    keys = Keys()
    keys.numbers.clear()
    for leaf in leaves:
        for preimage in leaf.hashed:
            keys.add_preimage(preimage)
    named = Layout(layout).name({leaf.slot: None for leaf in leaves}, keys)
    for leaf in leaves:
        assert leaf.path in [field.path for field in named.get(leaf.slot, ())]
