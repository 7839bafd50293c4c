"""What a following node gives up, what it keeps as evidence, and what it says of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from devnet.proving.incidents import Incidents
from devnet.proving.kept import Bounds
from devnet.roles.bad_blocks import BadBlocks
from devnet.roles.rollback import Rollbacks
from devnet.storage import Store
from devnet.storage.database import Tip
from devnet.sync import EntryKind, LogEntry, LogOffset, Refused
from devnet.sync.chain_rollback import ChainRollback
from devnet.sync.leadership import Leadership
from tests.unit.storage.chain import IDENTITY, build

KEY = b"k" * 20
BLOCK_3 = LogEntry(EntryKind.BLOCK, LogOffset(6, 3), b"block 3")


class Failure:
    """Counts new starts."""

    def __init__(self):
        self.starts = 0

    def start_again(self):
        self.starts += 1


@pytest.fixture
def parts(tmp_path):
    """A node with two blocks and one mini-block more."""
    with Store.open(tmp_path / "node") as store:
        store.create(IDENTITY, b"{}")
        store.append(build([{KEY: b"%d" % number} for number in range(5)], 2))
        incidents = Incidents(tmp_path / "evidence", "n", "full_node", Bounds(files=100, bytes=2**20))
        refusals, failure = Rollbacks(tmp_path), Failure()

        def make(reexecutes=False, given_up=None, supersedes=lambda theirs, ours: False):
            return BadBlocks(store, incidents, refusals, given_up, reexecutes, failure, supersedes)

        yield SimpleNamespace(make=make, store=store, incidents=incidents, refusals=refusals, failure=failure)


def refused(kind, entry=BLOCK_3):
    return Refused(kind, "it is another", entry)


def test_the_same_refusal_is_kept_once_and_told_until_the_node_is_beyond_it(parts):
    bad_blocks = parts.make()
    mini = LogEntry(EntryKind.MINI, LogOffset(6, 2), b"mini")
    for _ in range(3):
        bad_blocks.refused(refused("diff", mini), "peer")
    assert len(parts.incidents) == 1
    assert parts.failure.starts == 0
    assert bad_blocks.told(LogOffset(5, 2)) == {"refused": "mini 5: it is another (diff) from peer"}
    assert bad_blocks.told(LogOffset(6, 2)) == {}


@pytest.mark.parametrize(("kind", "kept"), [("roots", 2), ("parent", 1)])
def test_a_block_that_contradicts_what_came_before_it_again_has_that_given_up(parts, kind, kept):
    bad_blocks = parts.make()
    bad_blocks.refused(refused(kind), "one")
    assert parts.failure.starts == 0
    bad_blocks.refused(refused(kind), "other")
    assert parts.failure.starts == 1
    assert parts.refusals.carry_out(parts.store).keep == kept
    assert parts.store.tip.block == kept


def test_who_has_executed_the_mini_blocks_does_not_give_them_up(parts):
    bad_blocks = parts.make(reexecutes=True)
    for _ in range(3):
        bad_blocks.refused(refused("roots"), "peer")
    assert parts.failure.starts == 0
    bad_blocks.refused(refused("parent"), "peer")
    assert parts.failure.starts == 1, "a parent is not proven by execution"


def test_who_is_stranded_gives_up_everything_and_says_so_when_it_is_back(parts):
    parts.make().stranded()
    assert parts.failure.starts == 1
    given_up = parts.refusals.carry_out(parts.store)
    assert parts.store.tip is None
    told = parts.make(given_up=given_up).told(LogOffset(0, 0))
    assert told == {"refused": "block 2, which was given up 1 times (evidence: )"}


def test_the_evidence_of_an_open_block_that_is_given_up_holds_its_mini_blocks(parts):
    bad_blocks = parts.make()
    for _ in range(2):
        bad_blocks.refused(refused("roots"), "peer")
    evidence = Path(parts.incidents.since("")[-1].evidence).read_text()
    assert parts.store.mini(4).hex() in evidence
    assert parts.store.mini(3).hex() not in evidence


@pytest.mark.parametrize("counts", [True, False])
def test_who_followed_a_leader_that_was_none_goes_by_the_succession_that_counts(parts, counts):
    theirs = ChainRollback(1, 2, 1, bytes(65), Leadership(2, "b", bytes(20), "http://b", bytes(65))).encode()
    ours = ChainRollback(1, 5, 2, bytes(65), Leadership(1, "a", bytes(20), "http://a", bytes(65))).encode()
    parts.store.note_rollback(ours)
    bad_blocks = parts.make(supersedes=lambda *records: counts and records == (theirs, ours))
    entry = LogEntry(EntryKind.ROLLBACK, LogOffset(5, 2, 1), theirs)
    bad_blocks.refused(Refused("order", "it is not what stands at its place", entry, ours), "b")
    parts.refusals.carry_out(parts.store)
    if counts:
        assert (parts.failure.starts, len(parts.incidents)) == (1, 0)
        assert (parts.store.tip, parts.store.rollbacks) == (Tip(1, 1), 0)
    else:
        assert (parts.failure.starts, len(parts.incidents)) == (0, 1)
        assert parts.store.rollbacks == 1
