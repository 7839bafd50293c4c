"""What the node signs for its development accounts, checked with eth-account."""

import json
import threading

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from devnet._engine import RpcError  # noqa: F401  (the module must be built for these tests)
from tests.support.raw_http import RawHttp, post, request

KEYS = [bytes([n]) * 32 for n in (1, 2)]
ALICE, BOB = (Account.from_key(key).address.lower() for key in KEYS)
STRANGER = "0x" + "33" * 20

ANSWERS = {
    "eth_gasPrice": "0xf4240",
    "eth_estimateGas": "0xea60",
    "eth_getTransactionCount": "0x5",
    "eth_getTransactionByHash": None,
}


@pytest.fixture
def node(serve):
    server = serve(accounts=dict(zip((ALICE, BOB), KEYS, strict=True)), chain_id=6343)
    server.sent = []

    def answer(method, params):
        params = json.loads(params)
        server.engine.calls.append((method, params))
        if method == "eth_sendRawTransaction":
            server.sent.append(params[0])
            return json.dumps("0x" + f"{len(server.sent):064x}").encode()
        return json.dumps(ANSWERS[method]).encode()

    server.engine.call = answer
    with RawHttp(server.port) as http:
        server.http = http
        yield server


def decode(raw):
    from eth_account.typed_transactions import TypedTransaction
    from hexbytes import HexBytes

    return TypedTransaction.from_bytes(HexBytes(raw)).as_dict()


def test_accounts_are_listed_in_their_order(node):
    assert node.http.call("eth_accounts")["result"] == [ALICE, BOB]
    assert node.http.call("eth_coinbase")["result"] == "0x4200000000000000000000000000000000000011"
    assert node.http.call("eth_syncing")["result"] is False


def test_a_message_is_signed_as_wallets_do(node):
    text = "0x" + b"hello".hex()
    signature = node.http.call("eth_sign", ALICE, text)["result"]
    assert Account.recover_message(encode_defunct(b"hello"), signature=signature).lower() == ALICE
    assert node.http.call("personal_sign", text, ALICE, "password")["result"] == signature


DOCUMENT = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Order": [{"name": "maker", "type": "address"}, {"name": "amount", "type": "uint256"}],
    },
    "primaryType": "Order",
    "domain": {"name": "Book", "chainId": 6343},
    "message": {"maker": ALICE, "amount": 5},
}


@pytest.mark.parametrize("as_text", [False, True])
def test_typed_data_is_signed(node, as_text):
    document = json.dumps(DOCUMENT) if as_text else DOCUMENT
    signature = node.http.call("eth_signTypedData_v4", BOB, document)["result"]
    signable = encode_typed_data(full_message=DOCUMENT)
    assert Account.recover_message(signable, signature=signature).lower() == BOB


@pytest.mark.parametrize("document", [5, "{", {}, {**DOCUMENT, "primaryType": "Missing"}])
def test_typed_data_that_is_none_is_refused(node, document):
    assert node.http.call("eth_signTypedData_v4", BOB, document)["error"]["code"] == -32602


def test_typed_data_with_numbers_beyond_64_bits_is_signed_exactly(node):
    document = {**DOCUMENT, "message": {"maker": ALICE, "amount": 2**64 + 1}}
    signable = encode_typed_data(full_message=document)
    for sent in (document, json.dumps(document)):
        signature = node.http.call("eth_signTypedData_v4", BOB, sent)["result"]
        assert Account.recover_message(signable, signature=signature).lower() == BOB


@pytest.mark.parametrize(
    "text",
    ["[" * 100 + "]" * 100, "{} {}", "[1]", '"\\ud800"', "\ud800", '{"a":NaN}'],
)
def test_typed_data_in_a_text_that_is_not_read_is_refused(node, text):
    assert node.http.call("eth_signTypedData_v4", BOB, text)["error"]["code"] == -32602


def test_others_are_served_while_typed_data_is_hashed(node, monkeypatch):
    hashing, may_end = threading.Event(), threading.Event()

    def slow(document):
        hashing.set()
        assert may_end.wait(30)
        return b"\0" * 32

    monkeypatch.setattr("devnet.rpc.eip712.digest", slow)
    node.http.send(post(request("eth_signTypedData_v4", BOB, DOCUMENT)))
    assert hashing.wait(30)
    with RawHttp(node.port) as other:
        assert other.call("eth_accounts")["result"] == [ALICE, BOB]
    may_end.set()
    assert json.loads(node.http.response()[2])["result"]


def test_a_transaction_gets_what_it_lacks(node):
    request = {"from": ALICE.upper().replace("X", "x"), "to": BOB, "value": "0x1"}
    assert node.http.call("eth_sendTransaction", request)["result"] == "0x" + f"{1:064x}"
    [raw] = node.sent
    assert Account.recover_transaction(raw).lower() == ALICE
    fields = decode(raw)
    assert (fields["type"], fields["chainId"], fields["nonce"], fields["gas"]) == (2, 6343, 5, 60_000)
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"], fields["value"]) == (2_000_000, 0, 1)


@pytest.mark.parametrize(
    ("given", "kind", "fees"),
    [
        ({}, "0x2", {"maxFeePerGas": "0x1e8480", "maxPriorityFeePerGas": "0x0", "gasPrice": "0x1e8480"}),
        ({"gasPrice": "0x7"}, "0x0", {"gasPrice": "0x7"}),
        ({"gasPrice": "0x7", "accessList": []}, "0x1", {"gasPrice": "0x7", "accessList": []}),
        ({"type": "0x1"}, "0x1", {"accessList": []}),
        ({"authorizationList": [], "maxFeePerGas": "0x9"}, "0x4", {"maxFeePerGas": "0x9"}),
    ],
)
def test_a_transaction_of_anybodys_is_filled_and_not_sent(node, given, kind, fees):
    stranger = "0x" + "77" * 20
    answer = node.http.call("eth_fillTransaction", {"from": stranger, "to": BOB, **given})
    filled = answer["result"]["tx"]
    assert (filled["type"], filled["chainId"], filled["nonce"], filled["gas"]) == (
        kind,
        "0x18c7",
        "0x5",
        "0xea60",
    )
    assert fees.items() <= filled.items()
    assert "from" not in filled
    assert node.sent == []


def test_what_is_given_is_kept(node):
    request = {
        "from": ALICE, "to": BOB, "gas": "0x10000", "nonce": "0x9", "data": "0x1234",
        "maxFeePerGas": "0x5", "maxPriorityFeePerGas": "0x4", "chainId": "0x18c7",
        "accessList": [{"address": BOB, "storageKeys": ["0x" + "00" * 32]}],
    }  # fmt: skip
    node.http.call("eth_sendTransaction", request)
    fields = decode(node.sent[0])
    assert (fields["gas"], fields["nonce"], bytes(fields["data"])) == (0x10000, 9, b"\x12\x34")
    assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == (5, 4)
    assert len(fields["accessList"]) == 1
    assert [method for method, _ in node.engine.calls] == ["eth_sendRawTransaction"]


@pytest.mark.parametrize("more", [{"gasLimit": "0x10000"}, {"gasLimit": "0x10000", "gas": "0x10000"}])
def test_the_gas_limit_goes_by_either_name(node, more):
    node.http.call("eth_sendTransaction", {"from": ALICE, "to": BOB, **more})
    assert decode(node.sent[0])["gas"] == 0x10000


def test_data_and_input_may_differ_in_letter_case(node):
    both = {"from": ALICE, "to": BOB, "data": "0xABcd", "input": "0xabCD"}
    node.http.call("eth_sendTransaction", both)
    assert bytes(decode(node.sent[0])["data"]) == b"\xab\xcd"


def test_an_empty_list_is_no_field(node):
    node.http.call("eth_sendTransaction", {"from": ALICE, "to": BOB, "type": "0x0", "accessList": []})
    assert int(node.sent[0][2:4], 16) >= 0xC0


def test_a_gas_price_makes_a_legacy_transaction(node):
    node.http.call("eth_sendTransaction", {"from": ALICE, "to": BOB, "gasPrice": "0xf4240"})
    assert int(node.sent[0][2:4], 16) >= 0xC0
    assert Account.recover_transaction(node.sent[0]).lower() == ALICE


def test_a_contract_can_be_created(node):
    node.http.call("eth_sendTransaction", {"from": ALICE, "data": "0x6000"})
    assert decode(node.sent[0])["to"] == b""


def test_nonces_go_on_while_the_last_transaction_still_waits(node, monkeypatch):
    request = {"from": ALICE, "to": BOB}
    node.http.call("eth_sendTransaction", request)
    monkeypatch.setitem(ANSWERS, "eth_getTransactionByHash", {"hash": "0x01"})
    node.http.call("eth_sendTransaction", request)
    node.http.call("eth_sendTransaction", {**request, "from": BOB})
    monkeypatch.setitem(ANSWERS, "eth_getTransactionByHash", None)
    node.http.call("eth_sendTransaction", request)
    assert [decode(raw)["nonce"] for raw in node.sent] == [5, 6, 5, 5]


def test_nonces_are_counted_anew_once_an_account_was_set_back(node, monkeypatch):
    request = {"from": ALICE, "to": BOB}
    node.http.call("eth_sendTransaction", request)
    monkeypatch.setitem(ANSWERS, "eth_getTransactionByHash", {"hash": "0x01", "blockHash": "0x02"})
    node.http.call("eth_sendTransaction", request)
    assert [decode(raw)["nonce"] for raw in node.sent] == [5, 5]


def test_a_type_may_be_a_plain_number(node):
    for kind in (2, 1):
        node.http.call("eth_sendTransaction", {"from": ALICE, "to": BOB, "type": kind})
    assert [raw[:4] for raw in node.sent] == ["0x02", "0x01"]
    for kind in (-1, True, 1.5):
        refused = node.http.call("eth_sendTransaction", {"from": ALICE, "to": BOB, "type": kind})
        assert refused["error"]["code"] == -32602


def test_a_signed_transaction_is_returned_with_its_fields(node):
    request = {"from": ALICE, "to": BOB, "value": "0x1"}
    signed = node.http.call("eth_signTransaction", request)["result"]
    assert Account.recover_transaction(signed["raw"]).lower() == ALICE
    fields = decode(signed["raw"])
    assert (int(signed["tx"]["r"], 16), int(signed["tx"]["s"], 16)) == (fields["r"], fields["s"])
    assert signed["tx"]["to"] == BOB
    assert node.sent == []


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (5, -32602, "object"),
        ({}, -32602, "from"),
        ({"from": "0x12", "to": BOB}, -32602, "from"),
        ({"from": STRANGER, "to": BOB}, -32000, "unknown account"),
        ({"from": ALICE}, -32602, "without any data"),
        ({"from": ALICE, "to": "bob"}, -32602, "to"),
        ({"from": ALICE, "to": BOB, "value": "1"}, -32602, "value"),
        ({"from": ALICE, "to": BOB, "value": 1}, -32602, "value"),
        ({"from": ALICE, "to": BOB, "value": "0x01"}, -32602, "value"),
        ({"from": ALICE, "to": BOB, "gas": "0x" + "f" * 65}, -32602, "gas"),
        ({"from": ALICE, "to": BOB, "data": "0x1"}, -32602, "data must be data"),
        ({"from": ALICE, "to": BOB, "data": "0x12", "input": "0x34"}, -32602, "not equal"),
        ({"from": ALICE, "to": BOB, "chainId": "0x1"}, -32000, "have=1, want=6343"),
        ({"from": ALICE, "to": BOB, "gasPrice": "0x1", "maxFeePerGas": "0x1"}, -32602, "both gasPrice"),
        ({"from": ALICE, "to": BOB, "accessList": "x"}, -32602, ""),
        ({"from": ALICE, "to": BOB, "type": "0x7f"}, -32602, ""),
        ({"from": ALICE, "to": BOB, "gas": "0x1", "gasLimit": "0x2"}, -32602, '"gasLimit" and "gas"'),
        ({"from": ALICE, "to": BOB, "gasLimit": "1"}, -32602, "gasLimit"),
        (
            {"from": ALICE, "to": BOB, "blobVersionedHashes": []},
            -32602,
            "blob transactions are not supported",
        ),
        (
            {"from": ALICE, "to": BOB, "maxFeePerBlobGas": "0x1"},
            -32602,
            "blob transactions are not supported",
        ),
        ({"from": ALICE, "to": BOB, "blobs": ["0x"]}, -32602, "blob transactions are not supported"),
        ({"from": ALICE, "to": BOB, "type": "0x3"}, -32602, "blob transactions are not supported"),
        (
            {"from": ALICE, "to": BOB, "type": "0x0", "maxFeePerGas": "0x1"},
            -32602,
            "type 0x0 has no maxFeePerGas",
        ),
        (
            {"from": ALICE, "to": BOB, "type": "0x1", "maxFeePerGas": "0x1"},
            -32602,
            "type 0x1 has no maxFeePerGas",
        ),
        ({"from": ALICE, "to": BOB, "type": "0x2", "gasPrice": "0x1"}, -32602, "type 0x2 has no gasPrice"),
        (
            {"from": ALICE, "to": BOB, "type": "0x0", "accessList": [{"address": BOB, "storageKeys": []}]},
            -32602,
            "type 0x0 has no accessList",
        ),
        (
            {"from": ALICE, "to": BOB, "type": "0x2", "authorizationList": [{}]},
            -32602,
            "has no authorizationList",
        ),
        ({"from": ALICE, "to": BOB, "gasPrice": "0x1", "authorizationList": [{}]}, -32602, "has no gasPrice"),
    ],
)
def test_a_transaction_that_cannot_be_is_refused_and_nothing_is_sent(node, request_, code, words):
    error = node.http.call("eth_sendTransaction", request_)["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert node.sent == []


def test_nobody_signs_for_strangers(node):
    assert node.http.call("eth_sign", STRANGER, "0x")["error"]["message"] == "unknown account"
    assert node.http.call("eth_signTypedData_v4", STRANGER, DOCUMENT)["error"]["message"] == "unknown account"
