"""What a full node has given up is carried out once, by its next process; again and again only with growing pauses."""

import pytest

from devnet.roles.rollback import LONGEST_PAUSE_S, Rollbacks, give_up_beyond
from devnet.storage import Identity, Store
from devnet.storage.database import Tip
from devnet.sync.chain_rollback import ChainRollback
from devnet.sync.leadership import Leadership
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


# --- what another one has led since -----------------------------------------------------------------------


def succession(number, minis, blocks, term):
    leadership = Leadership(term, "standby-1", bytes(20), "http://there", bytes(65))
    return ChainRollback(number, minis, blocks, bytes(65), leadership)


def noted(store, *records):
    for record in records:
        store.note_rollback(record.encode())


def places(store):
    return store.tip.mini + 1, store.tip.block, store.rollbacks


def test_what_the_next_leader_does_not_have_is_given_up(store):
    noted(store, succession(1, 0, 0, 1))
    give_up_beyond(succession(2, 12, 2, 2), store)
    assert places(store) == (12, 2, 1)
    # The rest is told by the leader's log, with the record of that.
    give_up_beyond(succession(2, 12, 2, 2), store)
    assert places(store) == (12, 2, 1)


def test_what_is_the_same_is_kept(store):
    end = places(store)
    noted(store, succession(1, 0, 0, 1), succession(2, end[0], end[1], 2))
    give_up_beyond(succession(2, end[0], end[1], 2), store)
    assert places(store) == (*end[:2], 2)
    give_up_beyond(succession(3, end[0] + 5, end[1], 3), store)
    assert places(store) == (*end[:2], 2)


def test_where_others_have_led_in_between_nothing_but_the_snapshot_is_sure(store):
    noted(store, succession(1, 0, 0, 1))
    [last, _] = store.block(3)
    store.fold([], [], Tip(last, 3))
    give_up_beyond(succession(3, 19, 3, 3), store)
    assert places(store) == (last + 1, 3, 1)


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        # A leadership of this node's that nobody has heard of, from a later place, and from an earlier one.
        ([succession(2, 18, 3, 2)], (12, 2, 1)),
        ([succession(2, 7, 1, 2)], (7, 1, 1)),
        # A rollback in the time of the leader before, unheard of, too.
        ([ChainRollback(2, 9, 1, bytes(65))], (9, 1, 1)),
        ([succession(2, 18, 3, 2), ChainRollback(3, 6, 1, bytes(65))], (6, 1, 1)),
    ],
)
def test_what_this_node_has_in_the_place_of_the_succession_is_given_up(store, own, kept):
    noted(store, succession(1, 0, 0, 1), *own)
    give_up_beyond(succession(2, 12, 2, 3), store)
    assert places(store) == kept


def test_a_state_beyond_the_succession_leaves_nothing(store):
    noted(store, succession(1, 0, 0, 1))
    store.fold([], [], store.tip)
    give_up_beyond(succession(2, 12, 2, 2), store)
    assert (store.tip, store.rollbacks) == (None, 0)


def test_a_succession_that_is_ordered_is_carried_out_once(store, rollbacks):
    noted(store, succession(1, 18, 3, 1))
    rollbacks.go_by(succession(1, 12, 2, 2).encode())
    rollbacks.carry_out(store)
    assert places(store) == (12, 2, 0)
    noted(store, succession(1, 12, 2, 2))
    assert rollbacks.carry_out(store).carried_out
    assert places(store) == (12, 2, 1)
