"""A diff of the node becomes changes of named variables."""

import eth_abi
from eth_hash.auto import keccak

from megaeth_cli.abi import Interface
from megaeth_cli.inspect.diff import changes, keys_of
from megaeth_cli.inspect.layout import Layout

TOKEN, ALICE, BOB = (f"0x{digit * 40}" for digit in "123")
LAYOUT = {
    "storage": [
        {"label": "name", "type": "t_string_storage", "slot": "0", "offset": 0},
        {"label": "balanceOf", "type": "t_mapping", "slot": "1", "offset": 0},
        {"label": "open", "type": "t_bool", "slot": "2", "offset": 0},
        {"label": "count", "type": "t_uint64", "slot": "2", "offset": 1},
    ],
    "types": {
        "t_string_storage": {"encoding": "bytes", "label": "string", "numberOfBytes": "32"},
        "t_address": {"encoding": "inplace", "label": "address", "numberOfBytes": "20"},
        "t_uint256": {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"},
        "t_uint64": {"encoding": "inplace", "label": "uint64", "numberOfBytes": "8"},
        "t_bool": {"encoding": "inplace", "label": "bool", "numberOfBytes": "1"},
        "t_mapping": {
            "encoding": "mapping",
            "label": "mapping(address => uint256)",
            "numberOfBytes": "32",
            "key": "t_address",
            "value": "t_uint256",
        },
    },
}


def balance_slot(account):
    return "0x" + keccak(bytes.fromhex(account[2:]).rjust(32, b"\0") + (1).to_bytes(32, "big")).hex()


def slot(number, before, after):
    return {"slot": number if isinstance(number, str) else hex(number), "before": before, "after": after}


def diff_of(*storage, **account):
    return {
        "blockNumber": "0x1",
        "accounts": [{"address": TOKEN, "before": None, "after": {}, "storage": storage} | account],
    }


def named(diff, transactions=(), receipts=()):
    keys = keys_of(transactions, receipts, diff, lambda _: None)
    [account] = changes(diff, {TOKEN: Layout(LAYOUT)}.get, keys)
    return account


def variables(account):
    return [(one.path, one.before, one.after) for change in account.slots for one in change.variables]


def test_a_transfer_shows_both_balances_by_the_accounts_in_its_calldata_and_sender():
    data = keccak(b"transfer(address,uint256)")[:4] + eth_abi.encode(["address", "uint256"], [BOB, 5])
    diff = diff_of(slot(balance_slot(ALICE), "0xa", "0x5"), slot(balance_slot(BOB), "0x0", "0x5"))
    account = named(diff, [{"from": ALICE, "to": TOKEN, "input": f"0x{data.hex()}"}])
    assert sorted(variables(account)) == [(f"balanceOf[{ALICE}]", "10", "5"), (f"balanceOf[{BOB}]", "0", "5")]


def test_an_account_that_only_a_log_names_is_found_too():
    log = {"address": TOKEN, "topics": ["0x" + "0" * 24 + BOB[2:]], "data": "0x"}
    account = named(diff_of(slot(balance_slot(BOB), "0x0", "0x1")), receipts=[{"logs": [log]}])
    assert variables(account) == [(f"balanceOf[{BOB}]", "0", "1")]


def test_only_the_changed_fields_of_a_shared_slot_are_shown():
    account = named(diff_of(slot(2, "0x0501", "0x0601")))
    assert variables(account) == [("count", "5", "6")]


def test_a_long_string_is_put_together_from_its_pieces():
    text = "a name that is longer than one storage slot can hold"
    raw = text.encode().ljust(64, b"\0")
    first = int.from_bytes(keccak(bytes(32)), "big")
    pieces = [slot(first + n, "0x0", "0x" + raw[32 * n : 32 * n + 32].hex()) for n in range(2)]
    account = named(diff_of(slot(0, "0x0", hex(2 * len(text) + 1)), *pieces))
    assert ("name", '""', f'"{text}"') in variables(account)
    assert {path for path, _, _ in variables(account)} == {"name", "name[0..31]", "name[32..63]"}


def test_constructor_arguments_at_the_end_of_creation_code_are_searched():
    data = b"\x60\x80\x60" + eth_abi.encode(["address"], [BOB])
    creation = {"from": ALICE, "to": None, "input": f"0x{data.hex()}"}
    account = named(diff_of(slot(balance_slot(BOB), "0x0", "0x1")), [creation], [{"contractAddress": TOKEN}])
    assert variables(account) == [(f"balanceOf[{BOB}]", "0", "1")]


def test_a_slot_that_nobody_can_name_stays_with_its_number():
    account = named(diff_of(slot(99, "0x0", "0x7")))
    assert [(one.slot, one.after, one.variables) for one in account.slots] == [(99, 7, ())]


def test_balance_nonce_and_code_of_the_account_are_read():
    before = {"nonce": "0x1", "balance": "0x64", "codeHash": None}
    account = named(diff_of(before=before, after={"nonce": "0x2", "balance": "0x32", "codeHash": "0xaa"}))
    assert (account.before.nonce, account.after.nonce) == (1, 2)
    assert (account.before.balance, account.after.balance) == (100, 50)
    assert account.existed and account.exists and account.after.code_hash == "0xaa"


def test_a_contract_without_layout_shows_plain_slots():
    diff = diff_of(slot(1, "0x0", "0x1"))
    [account] = changes(diff, lambda _: None, keys_of([], [], diff, lambda _: Interface([])))
    assert account.slots[0].variables == ()
