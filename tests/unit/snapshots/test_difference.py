"""Two states are compared account by account, in the order of their addresses."""

from hypothesis import given
from hypothesis import strategies as st

from megaeth_cli.snapshots.difference import BOOKKEEPING, ZERO, differences


def word(number):
    return f"0x{number:064x}"


def address(number):
    return f"0x{number:040x}"


def account(nonce=0, balance=0, code="0x", **storage):
    return {"nonce": nonce, "balance": hex(balance), "code": code, "storage": storage}


accounts = st.builds(
    lambda nonce, balance, code, slots: account(nonce, balance, code) | {"storage": slots},
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(["0x", "0x5f", "0x60"]),
    st.dictionaries(st.integers(0, 3).map(word), st.integers(1, 2).map(word)),
)
states = st.dictionaries(st.integers(0, 8).map(address), accounts)


def compared(before, after):
    return list(differences(iter(sorted(before.items())), iter(sorted(after.items()))))


@given(states, states)
def test_what_differs_makes_one_state_of_the_other(before, after):
    made = {one: dict(body) for one, body in before.items()}
    found = compared(before, after)
    for one in found:
        if one.after is None:
            assert one.before == made.pop(one.address)
            continue
        slots = dict(made.get(one.address, account())["storage"])
        for slot, (old, new) in one.slots.items():
            assert slots.get(slot, ZERO) == old != new
            slots[slot] = new
        made[one.address] = one.after | {"storage": {slot: new for slot, new in slots.items() if new != ZERO}}
    assert made == after
    assert [one.address for one in found] == sorted({one.address for one in found})
    assert not compared(after, after)


def test_the_chains_own_bookkeeping_is_left_out():
    [own, *_] = sorted(BOOKKEEPING)

    assert compared({own: account(1)}, {own: account(2), address(1): account(1)})[0].address == address(1)
    assert len(compared({own: account(1)}, {})) == 0


def test_an_account_is_told_as_state_diffs_tell_it():
    [one] = compared({address(1): account(1, 5, "0x5f", **{word(1): word(2)})}, {})

    told = one.to_json()

    assert (told["before"]["nonce"], told["before"]["balance"], told["after"]) == ("0x1", "0x5", None)
    assert told["storage"] == [{"slot": word(1), "before": word(2), "after": ZERO}]
