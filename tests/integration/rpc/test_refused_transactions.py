"""Every transaction that cannot be taken is refused in geth's words, and nothing changes."""

import pytest
import rlp
from eth_account import Account

from tests.support import wallet
from tests.support.node import RpcFailure

SENDER = 4
RECIPIENT = wallet.address(5)
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
NONCE, VALUE, PARITY, R, S = 1, 6, 9, 10, 11
"""Places in the list of a type 2 transaction."""


def minimal(number):
    return number.to_bytes((number.bit_length() + 7) // 8)


class Payload:
    """A good type 2 transaction, taken apart so that a test can spoil it."""

    def __init__(self, nonce):
        self.raw = bytes.fromhex(wallet.signed(SENDER, nonce, to=RECIPIENT, value="0x7")[2:])
        self.fields = rlp.decode(self.raw[1:])

    def but(self, **changes):
        """The transaction with other fields, by the names of the places."""
        fields = list(self.fields)
        for name, value in changes.items():
            fields[globals()[name]] = value
        return b"\x02" + rlp.encode(fields)

    def of(self, items):
        """The transaction with a list of items that are encoded already."""
        body = b"".join(items)
        assert 55 < len(body) < 256
        return b"\x02\xf8" + bytes([len(body)]) + body


def with_high_s(payload):
    s = int.from_bytes(payload.fields[S])
    return payload.but(S=minimal(CURVE_ORDER - s), PARITY=b"" if payload.fields[PARITY] else b"\x01")


def with_a_long_form_byte(payload):
    items = [rlp.encode(field) for field in payload.fields]
    items[VALUE] = b"\x81\x07"
    return payload.of(items)


def with_a_long_form_length(payload):
    body = b"".join(rlp.encode(field) for field in payload.fields)
    return b"\x02\xf9" + len(body).to_bytes(2) + body


MALFORMED = {
    "nothing": (lambda p: b"", "typed transaction too short"),
    "a bare type": (lambda p: b"\x02", "typed transaction too short"),
    "truncated": (lambda p: p.raw[:-1], "rlp: input too short"),
    "half": (lambda p: p.raw[: len(p.raw) // 2], "rlp: input too short"),
    "lengthened": (lambda p: p.raw + b"\x00", "rlp: unexpected length"),
    "leading zero": (lambda p: p.but(VALUE=b"\x00\x07"), "rlp: leading zero"),
    "byte in long form": (with_a_long_form_byte, "rlp: non-canonical single byte"),
    "length in long form": (with_a_long_form_length, "rlp: leading zero"),
    "a field too few": (lambda p: b"\x02" + rlp.encode(p.fields[:-1]), "rlp: input too short"),
    "a field too many": (lambda p: b"\x02" + rlp.encode([*p.fields, b""]), "rlp: unexpected list length"),
    "unknown type": (lambda p: b"\x05" + p.raw[1:], "transaction type not supported"),
    "blob type": (lambda p: b"\x03" + p.raw[1:], "transaction type not supported"),
    "deposit": (lambda p: b"\x7e" + p.raw[1:], "transaction type not supported"),
    "r of zero": (lambda p: p.but(R=b""), "invalid signature"),
    "r beyond the curve": (lambda p: p.but(R=minimal(CURVE_ORDER + 1)), "invalid signature"),
    "high s": (with_high_s, "invalid signature: s is above half of the curve's order (EIP-2)"),
}

REFUSED = {
    "wrong chain id": ({"chainId": "0x1"}, -32000, "invalid chain id for signer: have 1 want 6343"),
    "nonce too low": ({"nonce": "0x0"}, -32000, "nonce too low"),
    "nonce too high": ({"nonce": hex(10**6)}, -32000, "nonce too high"),
    "last nonce": ({"nonce": hex(2**64 - 1)}, -32000, "nonce has max value"),
    "insufficient funds": (
        {"value": hex(10**30)},
        -32003,
        "insufficient funds for gas * price + value: have",
    ),
    "gas below intrinsic": ({"gas": hex(59_999)}, -32000, "Gas limit too low. Intrinsic: 60000"),
    "gas above the block's": (
        {"gas": hex(10_000_000_001)},
        -32000,
        "exceeds max transaction gas limit",
    ),
    "fee below base fee": ({"maxFeePerGas": "0x1"}, -32000, "max fee per gas less than block base fee"),
    "tip above fee": (
        {"maxPriorityFeePerGas": hex(10**9)},
        -32000,
        "max priority fee per gas higher than max fee per gas",
    ),
}


@pytest.fixture(scope="module")
def used_nonce(node):
    """Make the sender's first nonce a used one."""
    assert wallet.send(node, SENDER, to=RECIPIENT)["status"] == "0x1"


@pytest.fixture
def unchanged(node, used_nonce):
    """Check that nothing changed during the test."""

    def state():
        return [
            node.rpc("eth_getTransactionCount", wallet.address(SENDER), "pending"),
            node.rpc("eth_getBalance", wallet.address(SENDER), "latest"),
            node.rpc("eth_getBalance", RECIPIENT, "latest"),
            node.rpc("txpool_contentFrom", wallet.address(SENDER)),
        ]

    before = state()
    yield
    assert state() == before


def refusals(node, raw):
    """The errors of each method that takes a signed transaction."""
    for method in ("eth_sendRawTransaction", "realtime_sendRawTransaction", "eth_sendRawTransactionSync"):
        with pytest.raises(RpcFailure) as caught:
            node.rpc(method, raw)
        yield caught.value


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_transaction_is_refused(node, unchanged, case):
    spoil, words = MALFORMED[case]
    payload = Payload(wallet.nonce(node, SENDER))
    for failure in refusals(node, "0x" + spoil(payload).hex()):
        assert failure.code == -32000
        assert words in failure.message


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_pool_does_not_take_is_refused(node, unchanged, case):
    fields, code, words = REFUSED[case]
    raw = wallet.signed(SENDER, wallet.nonce(node, SENDER), **{"to": RECIPIENT, **fields})
    for failure in refusals(node, raw):
        assert failure.code == code
        assert words in failure.message


def test_intrinsic_gas_says_where_the_60000_come_from(node, unchanged):
    raw = wallet.signed(SENDER, wallet.nonce(node, SENDER), to=RECIPIENT, gas=hex(21_000))
    for failure in refusals(node, raw):
        assert "MegaETH adds storage gas to Ethereum's 21000" in failure.error["data"]


def test_a_transaction_without_a_chain_id_is_refused(node, unchanged):
    fields = {"nonce": wallet.nonce(node, SENDER), "gas": 100_000, "gasPrice": 10**6, "value": 0}
    signed = Account.sign_transaction(fields, wallet.ACCOUNTS[SENDER].key)
    for failure in refusals(node, "0x" + signed.raw_transaction.hex()):
        assert failure.code == -32000
        assert "EIP-155" in failure.message
