"""What a full node has given up is carried out once, by its next process; again and again only with growing pauses."""

import pytest

from devnet.roles.refusal import LONGEST_PAUSE_S, Refusals
from devnet.storage import Identity, Store
from tests.support.chain_log import MINIS_PER_BLOCK, MemoryLog, sealed
from tests.support.sync_net import CHAIN_ID, GENESIS_HASH


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        opened.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        opened.append(sealed(item) for item in MemoryLog(4 * (MINIS_PER_BLOCK + 1)).items)
        yield opened


@pytest.fixture
def refusals(tmp_path):
    return Refusals(tmp_path)


def test_the_log_is_cut_back_to_what_is_kept(store, refusals):
    refusals.refuse(3, 2, "evidence.json")
    assert refusals.carry_out(store).evidence == "evidence.json"
    assert store.tip.block == 2


def test_it_is_carried_out_once(store, refusals):
    refusals.refuse(2, 1)
    refusals.carry_out(store)
    store.append(sealed(item) for item in MemoryLog(4 * (MINIS_PER_BLOCK + 1)).items[MINIS_PER_BLOCK + 1 :])
    refusals.carry_out(store)
    assert store.tip.block == 4


def test_nothing_is_kept_where_nobodys_log_reaches_back_to(store, refusals):
    refusals.refuse(4, None)
    refusals.carry_out(store)
    assert store.tip is None


def test_a_state_beyond_what_is_kept_is_given_up_too(store, refusals):
    store.fold([], [], store.tip)
    refusals.refuse(3, 2)
    refusals.carry_out(store)
    assert store.tip is None


def test_who_has_refused_nothing_has_nothing_to_do(store, refusals):
    assert refusals.carry_out(store) is None
    assert store.tip.block == 4


def test_the_same_block_again_takes_longer_and_longer(store, refusals):
    pauses = []
    for _ in range(8):
        refusals.refuse(4, 4)
        pauses.append(refusals.carry_out(store).pause_s)
    assert pauses[0] == 0.0
    assert pauses[1:] == sorted(pauses[1:])
    assert pauses[-1] == LONGEST_PAUSE_S
    refusals.refuse(3, 3)
    assert refusals.carry_out(store).pause_s == 0.0, "another block is another matter"
