"""Typed data: what is signed, and what is refused with the place that is wrong."""

import copy
import json

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from devnet._engine import keccak256
from devnet.rpc import eip712
from devnet.rpc.errors import RpcFault
from tests.support.typed_data import Documents

PERSON = [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}]
MAIL = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": PERSON,
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}
MAIL_DIGEST = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"


def mail(**changes):
    document = copy.deepcopy(MAIL)
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = document
        for parent in parents:
            target = target[parent]
        target[last] = value
    return document


def of_one(kind, value, **more):
    """A document with one field."""
    types = {"EIP712Domain": [], "T": [{"name": "a", "type": kind}], **more}
    return {"types": types, "primaryType": "T", "domain": {}, "message": {"a": value}}


def reference(document):
    return keccak256(b"\x19" + b"".join(encode_typed_data(full_message=document)))


def refused(document):
    with pytest.raises(RpcFault) as fault:
        eip712.digest(document)
    assert fault.value.code == -32602
    return fault.value.message


def test_the_standards_own_example():
    assert eip712.digest(MAIL).hex() == MAIL_DIGEST


def test_the_domains_fields_count_in_the_documents_order():
    fields = [{"name": "chainId", "type": "uint256"}, {"name": "name", "type": "string"}]
    document = {
        **MAIL,
        "types": {**MAIL["types"], "EIP712Domain": fields},
        "domain": {"name": "A", "chainId": 1},
    }
    kind = keccak256(b"EIP712Domain(uint256 chainId,string name)")
    separator = keccak256(kind + (1).to_bytes(32) + keccak256(b"A"))
    only_domain = {**document, "primaryType": "EIP712Domain"}
    assert eip712.digest(only_domain) == keccak256(b"\x19\x01" + separator)
    turned = {**document, "types": {**document["types"], "EIP712Domain": fields[::-1]}}
    assert eip712.digest(turned) != eip712.digest(document)


def test_a_domain_without_a_type_has_the_standards():
    types = {name: fields for name, fields in MAIL["types"].items() if name != "EIP712Domain"}
    assert eip712.digest({**MAIL, "types": types}).hex() == MAIL_DIGEST
    assert (
        eip712.digest({**MAIL, "types": types, "domain": {**MAIL["domain"], "salt": None}}).hex()
        == MAIL_DIGEST
    )


def test_a_type_that_nothing_uses_changes_nothing():
    document = mail(types__Unused=[{"name": "mail", "type": "Mail"}, {"name": "more", "type": "Unused[]"}])
    assert eip712.digest(document).hex() == MAIL_DIGEST


def test_the_primary_type_may_be_one_that_another_uses():
    document = mail(primaryType="Person", message=MAIL["message"]["to"])
    alone = {**document, "types": {name: MAIL["types"][name] for name in ("EIP712Domain", "Person")}}
    assert eip712.digest(document) == reference(alone)


def test_a_type_may_hold_itself_in_a_list():
    node = {"name": "children", "type": "Node[]"}
    types = {"EIP712Domain": [], "Node": [node]}
    document = {
        "types": types, "primaryType": "Node", "domain": {},
        "message": {"children": [{"children": []}, {"children": [{"children": []}]}]},
    }  # fmt: skip
    assert eip712.digest(document) == reference(document)


@pytest.mark.parametrize("number", [2**64 - 1, 2**64, 2**128, 2**256 - 1])
def test_numbers_of_any_size_are_exact_however_they_are_written(number):
    found = {eip712.digest(of_one("uint256", written)) for written in (number, str(number), hex(number))}
    assert len(found) == 1
    assert found != {eip712.digest(of_one("uint256", number - 1))}


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("uint8[3]", [1, 2], "message.a must have 3 elements, has 2"),
        ("uint8[][2]", [[1]], "must have 2 elements"),
        ("uint8[2][]", [[1, 2], [1]], "message.a[1] must have 2 elements"),
        ("uint8[]", {"0": 1}, "must be a list"),
        ("bytes32", "0x" + "11" * 31, "must have 32 bytes, has 31"),
        ("bytes32", "0x" + "11" * 33, "must have 32 bytes, has 33"),
        ("bytes32", "text of some length", "hexadecimal digits"),
        ("bytes4", "0x", "must have 4 bytes, has 0"),
        ("bytes", "text", "hexadecimal"),
        ("bytes", "0x1", "hexadecimal"),
        ("bytes", [1], "hexadecimal"),
        ("string", None, "message.a is missing"),
        ("string", 5, "must be a text"),
        ("bool", "false", "true or false"),
        ("bool", 1, "true or false"),
        ("uint8", 256, "out of range"),
        ("uint8", -1, "out of range"),
        ("int8", 128, "out of range"),
        ("int8", -129, "out of range"),
        ("uint256", 2**256, "out of range"),
        ("uint256", 1.0, "integer"),
        ("uint256", True, "integer"),
        ("uint256", "", "integer"),
        ("uint256", "0x", "integer"),
        ("uint256", "1e3", "integer"),
        ("uint256", "9" * 5_000, "integer"),
        ("address", "0x" + "aA" * 20, "ERC-55"),
        ("address", "aa" * 20, "address"),
        ("address", "0x" + "aa" * 21, "address"),
        ("uint7", 1, "'uint7'"),
        ("uint", 1, "'uint'"),
        ("int", 1, "'int'"),
        ("uint264", 1, "'uint264'"),
        ("bytes0", "0x", "'bytes0'"),
        ("bytes33", "0x", "'bytes33'"),
        ("Missing[]", [], "'Missing'"),
        ("uint8[-1]", [], "'uint8[-1]'"),
        ("T", {}, "message.a.a is missing"),
    ],
)  # fmt: skip
def test_a_value_that_is_none_of_its_type_is_refused(kind, value, words):
    assert words in refused(of_one(kind, value))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "types must be"),
        (mail(types=[]), "types must be"),
        (mail(types__Mail={}), "list of fields"),
        (mail(types__Mail=["x"]), "{name, type}"),
        (mail(types__Mail=[{"name": "a"}]), "{name, type}"),
        (mail(types__Mail=[{"name": "a", "type": "bool"}] * 2), "twice"),
        (mail(types__address=[]), "no struct"),
        (mail(types__uint7=[]), "no struct"),
        ({**MAIL, "types": {**MAIL["types"], "A[]": []}}, "no struct"),
        ({**MAIL, "types": {f"T{n}": [] for n in range(300)}}, "too many: 301"),
        ({name: value for name, value in MAIL.items() if name != "primaryType"}, "primaryType"),
        (mail(primaryType="Missing"), "primaryType"),
        (mail(primaryType=5), "primaryType"),
        (mail(domain=None), "domain must be"),
        (mail(domain__salt="0x" + "00" * 32), "has 'salt', which"),
        (mail(domain__chainId=None), "domain.chainId is missing"),
        (mail(domain__chainId="one"), "domain.chainId must be"),
        ({name: value for name, value in MAIL.items() if name != "message"}, "message must be"),
        (mail(message=[]), "message must be"),
        (mail(message__to=None), "message.to is missing"),
        (mail(message__to__wallet="0x12"), "message.to.wallet must be an address"),
    ],
)
def test_a_document_that_is_none_is_refused(document, words):
    assert words in refused(document)


def test_a_document_of_many_types_that_all_use_one_another_is_hashed_once_for_each():
    names = [f"T{n}" for n in range(200)]
    lists = [{"name": f"f{n}", "type": f"{name}[]"} for n, name in enumerate(names)]
    types = {"EIP712Domain": [], **dict.fromkeys(names, lists)}
    empty = {field["name"]: [] for field in lists}
    message = {**empty, "f1": [{**empty, "f0": [empty] * 20}] * 20}
    assert eip712.digest({"types": types, "primaryType": "T0", "domain": {}, "message": message})


@given(st.integers(0, 2**32))
def test_documents_of_the_common_kind_have_eth_accounts_hash(seed):
    document = Documents(seed).document()
    fields = document["types"].get("EIP712Domain", [])
    order = [field["name"] for field in fields]
    if (
        document["primaryType"] != "T0"
        or not _uses_all(document["types"])
        or order != sorted(order, key=_standard)
    ):
        return
    assert eip712.digest(document) == reference(json.loads(json.dumps(document)))


def _standard(name):
    return list(eip712.DOMAIN_FIELDS).index(name)


def _uses_all(types):
    """Whether every type but the first is part of it."""
    names, unseen = {"T0"}, ["T0"]
    while unseen:
        used = {field["type"].partition("[")[0] for field in types[unseen.pop()]} & types.keys() - names
        names |= used
        unseen += used
    return names >= types.keys() - {"EIP712Domain"}


@given(st.integers(0, 2**32))
def test_whatever_stands_in_a_document_it_is_hashed_or_refused(seed):
    try:
        assert len(eip712.digest(Documents(seed).spoiled())) == 32
    except RpcFault as fault:
        assert fault.message.startswith("typed data: ")
