"""What a full node has given up is carried out once, by its next process; again and again only with growing pauses."""

import pytest

from devnet.roles.rollback import LONGEST_PAUSE_S, Rollbacks
from devnet.storage import Identity, Store
from tests.support.chain_log import MINIS_PER_BLOCK, MemoryLog, sealed
from tests.support.sync_net import CHAIN_ID, GENESIS_HASH


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        opened.create(Identity(CHAIN_ID, GENESIS_HASH), b"{}")
        opened.append(sealed(entry) for entry in MemoryLog(4 * (MINIS_PER_BLOCK + 1)).entries)
        yield opened


@pytest.fixture
def rollbacks(tmp_path):
    return Rollbacks(tmp_path)


def test_the_log_is_cut_back_to_what_is_kept(store, rollbacks):
    rollbacks.refuse(3, 2, "evidence.json")
    assert rollbacks.carry_out(store).evidence == "evidence.json"
    assert store.tip.block == 2


def test_it_is_carried_out_once(store, rollbacks):
    rollbacks.refuse(2, 1)
    rollbacks.carry_out(store)
    store.append(
        sealed(entry) for entry in MemoryLog(4 * (MINIS_PER_BLOCK + 1)).entries[MINIS_PER_BLOCK + 1 :]
    )
    rollbacks.carry_out(store)
    assert store.tip.block == 4


def test_nothing_is_kept_where_nobodys_log_reaches_back_to(store, rollbacks):
    rollbacks.refuse(4, None)
    rollbacks.carry_out(store)
    assert store.tip is None


def test_a_state_beyond_what_is_kept_is_given_up_too(store, rollbacks):
    store.fold([], [], store.tip)
    rollbacks.refuse(3, 2)
    rollbacks.carry_out(store)
    assert store.tip is None


def test_who_has_refused_nothing_has_nothing_to_do(store, rollbacks):
    assert rollbacks.carry_out(store) is None
    assert store.tip.block == 4


def test_the_same_block_again_takes_longer_and_longer(store, rollbacks):
    pauses = []
    for _ in range(8):
        rollbacks.refuse(4, 4)
        pauses.append(rollbacks.carry_out(store).pause_s)
    assert pauses[0] == 0.0
    assert pauses[1:] == sorted(pauses[1:])
    assert pauses[-1] == LONGEST_PAUSE_S
    rollbacks.refuse(3, 3)
    assert rollbacks.carry_out(store).pause_s == 0.0, "another block is another matter"
