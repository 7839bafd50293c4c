"""inspect-diff names what no layout names: types by what is behind them, keys that code makes, slots of one's own."""

import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from tests.integration.contracts.test_inspect_diff import nameless, variables
from tests.support.wallet import ACCOUNTS

SOURCES = Path(__file__).parent / "sources"
ALICE, BOB = (account.address for account in ACCOUNTS[:2])


@pytest.fixture
def changed(cli):
    """Send a transaction and return what it changed."""

    def send(*arguments):
        return cli.json("inspect-diff", cli.send(*arguments)["transactionHash"])

    return send


def test_a_user_defined_type_is_shown_as_what_is_behind_it_whatever_it_is_called(cli, changed):
    cli.json("deploy", SOURCES / "TypeNames.sol")
    assert variables(changed("TypeNames", "set"), "TypeNames") == {
        "rate": ("0", str(2**64 - 1)),
        "left": ("0", "100"),
        "delta": ("0", "-5"),
    }


MADE_KEYS = """
type Delta is int64;
type Tag is bytes4;
enum Side { Buy, Sell }
interface Hook { function hook(uint256) external; function other() external; }
contract Made {
    bytes32 constant ROLE = keccak256("ROLE");
    uint256 constant FAR = 123456789;
    mapping(Side => uint256) bySide;
    mapping(bytes32 => mapping(address => bool)) roles;
    mapping(bytes4 => uint256) bySelector;
    mapping(Delta => mapping(Tag => Side)) nested;
    mapping(uint256 => uint256) byNumber;
    mapping(string => uint256) byName;
    mapping(bytes32 => mapping(uint256 => uint256)) pairs;
    mapping(uint256 => string)[] texts;
    function set(uint256 a, uint256 b) external {
        bySide[Side.Sell] = 1;
        roles[ROLE][msg.sender] = true;
        roles[keccak256("another")][address(this)] = true;
        bySelector[Hook.hook.selector] = 2;
        bySelector[type(Hook).interfaceId] = 3;
        nested[Delta.wrap(-5)][Tag.wrap("abcd")] = Side.Sell;
        byNumber[FAR] = 4;
        byNumber[a * b + 1] = 5;
        byName["written here"] = 6;
        pairs[keccak256(abi.encode(a, b))][a] = 7;
        for (uint256 n; n < 70; n++) texts.push();
        texts[68][a * 7] = "seven";
    }
}
"""


@pytest.mark.parametrize("options", [(), ("--no-optimize",), ("--via-ir",)], ids=["optimised", "plain", "ir"])
def test_keys_that_code_makes_are_found_whether_they_were_hashed_here_or_by_the_compiler(
    cli, source, changed, options
):
    address = cli.json("deploy", source(MADE_KEYS), *options)["address"]
    diff = changed("Made", "set", "1000003", "5000011")

    def hashed(data):
        return f"0x{keccak(data).hex()}"

    hook = keccak(b"hook(uint256)")[:4]
    both = bytes(a ^ b for a, b in zip(hook, keccak(b"other()")[:4], strict=True))
    pair = hashed((1000003).to_bytes(32) + (5000011).to_bytes(32))
    assert nameless(diff, "Made") == []
    assert variables(diff, "Made") == {
        "bySide[Side.Sell]": ("0", "1"),
        f"roles[{hashed(b'ROLE')}][{ALICE}]": ("false", "true"),
        f"roles[{hashed(b'another')}][{address}]": ("false", "true"),
        f"bySelector[0x{hook.hex()}]": ("0", "2"),
        f"bySelector[0x{both.hex()}]": ("0", "3"),
        "nested[-5][0x61626364]": ("Side.Buy", "Side.Sell"),
        "byNumber[123456789]": ("0", "4"),
        f"byNumber[{1000003 * 5000011 + 1}]": ("0", "5"),
        "byName['written here']": ("0", "6"),
        f"pairs[{pair}][1000003]": ("0", "7"),
        "texts.length": ("0", "70"),
        "texts[68][7000021]": ('""', '"seven"'),
    }


NAMESPACES = """
contract Base {
    enum Mood { Calm, Angry }
    struct Point { uint64 x; int64 y; bytes4 tag; }
    /// @custom:storage-location erc7201:example.main
    struct Main {
        uint128 a; bool b; Mood mood; address owner; Point point; Point[] points; uint16[20] small;
        mapping(address => Point) at; string name; function(uint256) external hook;
    }
    // keccak256(abi.encode(uint256(keccak256("example.main")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant MAIN = 0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500;
    function main() internal pure returns (Main storage $) { assembly { $.slot := MAIN } }
}
contract Named is Base {
    uint256 plain;
    function set() external {
        Main storage $ = main();
        plain = 1; $.a = 2; $.b = true; $.mood = Mood.Angry; $.owner = msg.sender;
        $.point.y = -3; $.points.push(Point(1, 0, 0)); $.points.push(Point(0, -7, 0x12345678)); $.small[17] = 9;
        $.at[msg.sender].x = 4; $.name = "a name";
    }
}
"""


def test_namespaces_of_erc_7201_are_known_by_their_annotation(cli, source, changed):
    cli.json("deploy", f"{source(NAMESPACES)}:Named")
    diff = changed("Named", "set")
    assert nameless(diff, "Named") == []
    assert variables(diff, "Named") == {
        "plain": ("0", "1"),
        "example.main.a": ("0", "2"),
        "example.main.b": ("false", "true"),
        "example.main.mood": ("Mood.Calm", "Mood.Angry"),
        "example.main.owner": ("0x" + "0" * 40, ALICE),
        "example.main.point.y": ("0", "-3"),
        "example.main.points.length": ("0", "2"),
        "example.main.points[0].x": ("0", "1"),
        "example.main.points[1].y": ("0", "-7"),
        "example.main.points[1].tag": ("0x00000000", "0x12345678"),
        "example.main.small[17]": ("0", "9"),
        f"example.main.at[{ALICE}].x": ("0", "4"),
        "example.main.name": ('""', '"a name"'),
    }


HAND_MADE = """
contract Solid {
    uint256 private constant _TOTAL_SUPPLY_SLOT = 0x05345cdf77eb68f44c;
    uint256 private constant _BALANCE_SLOT_SEED = 0x87a211a2;
    uint256 private constant _ALLOWANCE_SLOT_SEED = 0x7f5e9f20;
    bytes32 constant POSITION = keccak256("diamond.standard.diamond.storage");
    struct Facets { uint256 count; mapping(address => uint256) shares; }
    function mint(address to, address spender) external {
        assembly {
            sstore(_TOTAL_SUPPLY_SLOT, 5)
            mstore(0x0c, _BALANCE_SLOT_SEED)
            mstore(0x00, to)
            sstore(keccak256(0x0c, 0x20), 6)
            mstore(0x20, spender)
            mstore(0x0c, _ALLOWANCE_SLOT_SEED)
            mstore(0x00, to)
            sstore(keccak256(0x0c, 0x34), 7)
        }
        Facets storage $;
        bytes32 position = POSITION;
        assembly { $.slot := position }
        $.count = 8;
        $.shares[to] = 9;
    }
}
"""


def test_slots_of_a_contracts_own_choice_say_where_they_come_from(cli, source, changed):
    cli.json("deploy", source(HAND_MADE))
    diff = changed("Solid", "mint", BOB, ALICE)
    origins = {int(slot["after"], 16): slot["origin"] for slot in nameless(diff, "Solid")}
    assert origins == {
        5: "_TOTAL_SUPPLY_SLOT",
        6: f"keccak256({BOB}, _BALANCE_SLOT_SEED)",
        7: f"keccak256({BOB}, _ALLOWANCE_SLOT_SEED, {ALICE})",
        8: "POSITION",
        9: f"keccak256({BOB}, POSITION + 1)",
    }


def test_a_slot_without_a_name_keeps_all_its_digits(cli, source):
    cli.json("deploy", source("contract Low { function f() external { assembly { sstore(0xabc, 1) } } }"))
    shown = cli("inspect-diff", cli.send("Low", "f")["transactionHash"])
    assert f"  slot 0x{0xABC:064x}\n" in shown.out


TEXTS = """
contract Texts {
    bytes data; string name; mapping(uint256 => bytes) held;
    constructor() { data = new bytes(100); held[5] = new bytes(70); name = "short"; }
    function one() external { data[50] = 0xab; }
    function both() external { data[3] = 0x01; data[99] = 0x02; held[5][69] = 0x03; }
    function grow() external { data.push(0xff); }
    function rename(string calldata to) external { name = to; }
}
"""


def test_a_long_text_that_changes_in_part_shows_what_it_was_and_what_it_is(cli, source, changed):
    cli.json("deploy", source(TEXTS))
    data, held = bytearray(100), bytearray(70)

    def shown(diff, name, old):
        before, after = variables(diff, "Texts")[name]
        assert before == f"0x{old.hex()}"
        return after

    diff, old = changed("Texts", "one"), bytes(data)
    data[50] = 0xAB
    assert shown(diff, "data", old) == f"0x{data.hex()}"
    diff, old = changed("Texts", "both"), bytes(data)
    data[3], data[99], held[69] = 1, 2, 3
    assert shown(diff, "data", old) == f"0x{data.hex()}"
    assert shown(diff, "held[5]", bytes(70)) == f"0x{held.hex()}"
    diff, old = changed("Texts", "grow"), bytes(data)
    assert shown(diff, "data", old) == f"0x{data.hex()}ff"
    long = "a name that needs more than one slot, so that it lies elsewhere"
    assert variables(changed("Texts", "rename", long), "Texts")["name"] == ('"short"', json.dumps(long))
    longer = long.replace("elsewhere", "somewhere")
    assert variables(changed("Texts", "rename", longer), "Texts")["name"] == (
        json.dumps(long),
        json.dumps(longer),
    )
    people = cli("inspect-diff", "latest").out
    assert f'name (string)  "{long}" -> "{longer}"' in people and "[32..63]" not in people
