"""Code and slots say what a proxy leads to."""

import pytest

from megaeth_cli.inspect import proxies
from megaeth_cli.inspect.keys import Keys
from megaeth_cli.inspect.layout import Layout

TARGET = bytes(range(1, 21))
VANITY = bytes(4) + bytes(range(1, 17))
ARGUMENTS = "c0ffee" * 40
CLONES = {
    "EIP-1167": "363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3",
    "EIP-1167 with immutable arguments": "363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3" + ARGUMENTS,
    "0age and solady": "3d3d3d3d363d3d37363d73{}5af43d3d93803e602a57fd5bf3",
    "solady with PUSH0": "5f5f365f5f37365f73{}5af43d5f5f3e6029573d5ffd5b3d5ff3",
    "clones-with-immutable-args": "3d3d3d3d363d3d3761003e6037363936610040013d73{}5af43d3d93803e603557fd5bf3"
    + ARGUMENTS,
    "solady's first with immutable arguments": (
        "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff593da1005b"
        "363d3d373d3d3d3d610022806062363936013d73{}5af43d3d93803e606057fd5bf3" + ARGUMENTS
    ),
    "vyper's first": "366000600037611000600036600073{}5af41558576110006000f3",
}


@pytest.mark.parametrize("kind", CLONES)
def test_a_clone_names_its_implementation_in_its_code(kind):
    hop = proxies.from_code(bytes.fromhex(CLONES[kind].format(TARGET.hex())))
    assert hop.target == TARGET
    assert hop.kind == ("EIP-1167 clone" if kind.startswith("EIP-1167") else "clone")


def test_a_clone_of_an_address_with_leading_zeroes_is_shorter():
    code = bytes.fromhex(f"363d3d373d3d3d363d6f{VANITY[4:].hex()}5af43d82803e903d91602757fd5bf3")
    assert proxies.from_code(code).target == VANITY


def test_an_account_of_eip_7702_names_its_delegate():
    assert proxies.from_code(b"\xef\x01\x00" + TARGET) == proxies.Hop("EIP-7702 account", TARGET)
    assert proxies.from_code(b"\xef\x01\x00" + TARGET + b"\x00") is None


def test_a_contract_that_delegates_far_inside_is_no_clone():
    assert proxies.from_code(b"\x5b" * 200 + b"\x73" + TARGET + b"\x5a\xf4") is None


def test_only_instructions_delegate_and_not_the_data_of_a_push():
    assert proxies.delegates(bytes.fromhex("5af4"))
    assert not proxies.delegates(bytes.fromhex("60f400"))


def word(address):
    return int.from_bytes(address, "big")


@pytest.mark.parametrize(
    ("slot", "kind"),
    [
        (0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC, "EIP-1967 proxy"),
        (0xC5F16F0FCC639FA48A6947836D9850F504798523BF8C9A3A87D5876CF622BCF7, "EIP-1822 proxy"),
        (0x7050C9E0F4CA769C69BD3A8EF740BC37934F8E2C036E5A723FD8EE048ED3F8C3, "OpenZeppelin proxy"),
    ],
)
def test_the_reserved_slots_name_the_implementation(slot, kind):
    assert slot in proxies.SLOTS
    assert proxies.from_slots(b"", {slot: word(TARGET)}) == proxies.Hop(kind, TARGET)


def test_a_beacons_slot_leads_to_the_beacon():
    slot = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
    assert proxies.from_slots(b"", {slot: word(TARGET)}) == proxies.Hop(
        "beacon proxy", TARGET, is_beacon=True
    )


def test_the_first_slot_counts_only_for_a_safe():
    assert proxies.from_slots(b"", {0: word(TARGET)}) is None
    assert proxies.from_slots(bytes.fromhex("7fa619486e"), {0: word(TARGET)}).kind == "Safe proxy"


def test_a_slot_that_holds_no_address_leads_nowhere():
    assert proxies.from_slots(b"", {proxies.IMPLEMENTATION_SLOT: 1 << 200}) is None


def test_answers_that_are_nonsense_lead_nowhere():
    assert proxies.implementation(b"\xff" * 32) == proxies.implementation(b"") == []
    assert proxies.facets(b"\xff" * 96) == proxies.facets(b"") == []


def test_the_proxys_own_slots_have_names_beside_the_implementations_variables():
    types = {"t_uint256": {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"}}
    variable = {"label": "total", "slot": "0", "offset": 0, "type": "t_uint256"}
    layout = Layout(proxies.with_proxy_slots({"storage": [variable], "types": types}))
    named = layout.name({0: None, proxies.IMPLEMENTATION_SLOT: None, proxies.ADMIN_SLOT: None}, Keys())
    assert {slot: [one.path for one in fields] for slot, fields in named.items()} == {
        0: ["total"],
        proxies.IMPLEMENTATION_SLOT: ["eip1967.proxy.implementation"],
        proxies.ADMIN_SLOT: ["eip1967.proxy.admin"],
    }
