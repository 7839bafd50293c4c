"""Finding functions, events and errors in a contract's ABI."""

import pytest

from megaeth_cli.abi import AbiTypeError, Interface, ValueTextError, from_text, parse_signature

TRANSFER = {
    "type": "function",
    "name": "transfer",
    "inputs": [{"type": "address", "name": "to"}, {"type": "uint256", "name": "value"}],
    "outputs": [{"type": "bool", "name": ""}],
    "stateMutability": "nonpayable",
}
TRANSFERRED = {
    "type": "event",
    "name": "Transfer",
    "inputs": [
        {"type": "address", "name": "from", "indexed": True},
        {"type": "string", "name": "memo", "indexed": True},
        {"type": "uint256", "name": "value"},
    ],
}


@pytest.mark.parametrize(
    ("text", "signature", "outputs"),
    [
        ("transfer(address,uint256)", "transfer(address,uint256)", []),
        (
            "function transfer(address to, uint value) external returns (bool ok)",
            "transfer(address,uint256)",
            ["bool"],
        ),
        ("get()(uint256,(bool,string)[])", "get()", ["uint256", "(bool,string)[]"]),
        ("f((uint,bytes)[2] pairs)", "f((uint256,bytes)[2])", []),
        ("hook(function)", "hook(function)", []),
        ("hook(function(uint256) external f, uint8 n)", "hook(function,uint8)", []),
        ("hook(function(uint256) external view returns (bool)[2] memory fs)", "hook(function[2])", []),
        ("event Hooked(function (bytes) external indexed f)", "Hooked(function)", []),
    ],
)
def test_signatures_are_read_as_solidity_or_cast_write_them(text, signature, outputs):
    entry = parse_signature(text)
    assert entry.signature == signature
    assert [str(one.type) for one in entry.outputs] == outputs


@pytest.mark.parametrize(
    "text", ["transfer", "(uint256)", "f(uint7)", "f(uint08)", "f(uint256", "f(foo)", "f()(uint256) x"]
)
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(AbiTypeError):
        parse_signature(text)


def test_the_selector_is_the_well_known_one():
    assert parse_signature("transfer(address,uint256)").selector.hex() == "a9059cbb"


def test_calldata_is_decoded_by_its_selector():
    interface = Interface([TRANSFER])
    entry = interface.named("function", "transfer")[0]
    data = entry.encode_call([b"\x11" * 20, 5])
    found = interface.function(data[:4])
    assert found is entry
    assert found.decode_inputs(data) == [b"\x11" * 20, 5]


def test_an_indexed_string_of_a_log_is_known_by_its_hash_only():
    interface = Interface([TRANSFERRED])
    event = interface.named("event", "Transfer")[0]
    topics = [event.topic, b"\x11".rjust(32, b"\0"), b"\xaa" * 32]
    assert interface.event(topics) is event
    values = event.decode_log(topics, (7).to_bytes(32, "big"))
    assert values == [b"\x11".rjust(20, b"\0"), b"\xaa" * 32, 7]
    assert [str(one.type) for one in event.log_parameters()] == ["address", "bytes32", "uint256"]


def test_a_log_with_other_indexed_parameters_is_another_event():
    interface = Interface([TRANSFERRED])
    assert interface.event([interface.named("event", "Transfer")[0].topic]) is None


def test_a_struct_in_abi_json_keeps_the_names_of_its_members():
    order = {"type": "tuple[2][]", "name": "orders", "components": [{"type": "uint8", "name": "side"}]}
    entry = Interface([{"type": "function", "name": "place", "inputs": [order]}]).named("function", "place")[
        0
    ]
    assert entry.signature == "place((uint8)[2][])"
    assert entry.inputs[0].type.element.element.members[0].name == "side"


def test_a_function_type_of_abi_json_is_one_in_selectors_and_topics():
    f = {"type": "function", "name": "f", "internalType": "function (uint256) external"}
    abi = [{"type": kind, "name": "hook", "inputs": [f]} for kind in ("function", "event", "error")]
    for entry in Interface(abi).entries:
        assert entry.signature == "hook(function)"
    value = b"\x11" * 20 + b"\x22" * 4
    assert entry.decode_inputs(entry.encode_call([value])) == [value]


def test_a_signature_may_be_of_an_event_an_error_or_a_constructor():
    kinds = [
        parse_signature(f"{kind}(uint256 x)").kind for kind in ("f", "event E", "error E", "constructor")
    ]
    assert kinds == ["function", "event", "error", "constructor"]
    assert parse_signature("event E(uint256 indexed x) anonymous").anonymous


def test_a_log_is_what_its_decoding_gives_back():
    entry = parse_signature("event E(address indexed who, string indexed memo, (uint8,bytes)[] parts)")
    values = [b"\x11" * 20, "abc", [[1, b"\x02"]]]
    topics, data = entry.encode_log(values)
    who, memo, parts = entry.decode_log(topics, data)
    assert (who, parts) == (values[0], values[2])
    assert memo.hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


COLOURS = {"Paint.Colour": ("Red", "Green")}
PAINT = [
    {
        "type": "function",
        "name": "paint",
        "inputs": [
            {"type": "uint8", "name": "one", "internalType": "enum Paint.Colour"},
            {"type": "uint8[2][]", "name": "more", "internalType": "enum Paint.Colour[2][]"},
            {
                "type": "tuple",
                "name": "spot",
                "internalType": "struct Paint.Spot",
                "components": [
                    {"type": "uint8", "name": "at", "internalType": "uint8"},
                    {"type": "uint8", "name": "colour", "internalType": "enum Paint.Colour"},
                ],
            },
        ],
    }
]


def test_members_of_an_enum_are_typed_by_name_wherever_they_stand():
    [paint] = Interface(PAINT, COLOURS).entries
    one, more, spot = (parameter.type for parameter in paint.inputs)

    assert paint.signature == "paint(uint8,uint8[2][],(uint8,uint8))"
    assert [from_text(one, text) for text in ("Red", "Colour.Green", "Paint.Colour.Green", "1")] == [
        0,
        1,
        1,
        1,
    ]
    assert from_text(more, "[[Green,0],[Red,Red]]") == [[1, 0], [0, 0]]
    assert from_text(spot, '{"at": 1, "colour": "Green"}') == [1, 1]
    assert from_text(spot, "(1,Green)") == [1, 1]
    with pytest.raises(ValueTextError, match="'Blue' is none of Red, Green"):
        from_text(one, "Blue")
    with pytest.raises(ValueTextError, match="out of range"):
        from_text(one, "256")


def test_an_enum_whose_members_nobody_knows_is_a_number():
    [paint] = Interface(PAINT).entries

    with pytest.raises(ValueTextError, match="not a number"):
        from_text(paint.inputs[0].type, "Red")


def test_a_signature_has_the_types_of_the_source_too():
    [paint] = Interface(PAINT, COLOURS).entries

    assert paint.source_signatures == (
        "paint(Paint.Colour,Paint.Colour[2][],Paint.Spot)",
        "paint(Colour,Colour[2][],Spot)",
    )
