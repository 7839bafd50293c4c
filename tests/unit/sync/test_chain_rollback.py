"""A log that is rolled back again and again, and those who follow it from wherever they stand."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devnet._engine import SealedBlock, SealedMini, address_of, keccak256, recover, sign_hash
from devnet.storage import Identity, Store, tables
from devnet.sync import EngineSink, EntryKind, LogEntry, LogOffset, NoSuchPlace, Refused, StoreLog
from devnet.sync.backlog import Backlog
from devnet.sync.chain_rollback import ChainRollback, InvalidRollback
from devnet.sync.leadership import Leadership
from tests.unit.storage.test_rewind import Plan

GENESIS_HASH = b"\x07" * 32
KEY = b"\x01" * 32
SEQUENCER = address_of(KEY)
PER_BLOCK = 3
ROWS = (b"m", b"b", b"t", b"H", b"h", b"R", b"!tip"[:1])


def rollback(number, minis, blocks, key=KEY):
    return ChainRollback.sign(number, minis, blocks, GENESIS_HASH, lambda digest: sign_hash(key, digest))


def sealed(record):
    """What an engine makes of a record."""
    kind, number, _ = record.split(b" ")
    digest = keccak256(record)
    if kind == b"mini":
        return SealedMini(int(number), 0, 0, 0, record, [digest])
    return SealedBlock(int(number), digest, record, [(b"k" * 20, b"before")], b"")


class Node:
    """A store, and what goes with it."""

    def __init__(self, directory):
        self.store = Store.open(directory)
        self.store.create(Identity(1, GENESIS_HASH), b"{}")
        self.log = StoreLog(self.store)
        self.sink = EngineSink(self, self.store, lambda applied: None, RuntimeError, self.follow_back)

    # -- an engine that takes everything

    def apply(self, records):
        return [sealed(record) for record, _ in records]

    def durable(self, mini, block):
        pass

    # -- who leads

    def extend(self, count):
        for _ in range(count):
            minis, blocks, rollbacks = self.log.position()
            is_block = minis == (blocks + 1) * PER_BLOCK
            name = b"block %d" % (blocks + 1) if is_block else b"mini %d" % minis
            self.store.append([sealed(b"%b of-%d" % (name, rollbacks))])

    def lead_back(self, minis):
        number = self.store.rollbacks + 1
        blocks = min(minis // PER_BLOCK, self.log.position().blocks)
        self.carry_out(rollback(number, minis, blocks))

    def succeed(self, term):
        """Leads on with all that is here."""
        minis, blocks, rollbacks = self.log.position()
        leadership = Leadership(term, "a node", SEQUENCER, "http://here", bytes(65))
        order = ChainRollback.sign(
            *(rollbacks + 1, minis, blocks, GENESIS_HASH), lambda digest: sign_hash(KEY, digest), leadership
        )
        self.store.note_rollback(order.encode())

    # -- both

    def carry_out(self, order):
        tip, end = self.store.tip, order.after(self.log.position())
        minis = self.store.mini_records(end.minis, tip.mini)
        blocks = self.store.block_records(end.blocks + 1, tip.block)
        gone = [sealed(record) for record in blocks]
        hashes = [keccak256(record) for record in minis]
        plan = Plan(
            end.minis,
            end.blocks,
            [],
            [],
            hashes,
            [(block.number, block.hash, [b"k" * 20]) for block in gone],
        )
        self.store.rewind(plan, 0, order.encode())

    def follow_back(self, order):
        if order.signer(GENESIS_HASH) != SEQUENCER:
            raise InvalidRollback("somebody else has signed it")
        if order.cuts(self.log.position()):
            self.carry_out(order)
        else:
            self.store.note_rollback(order.encode())

    # -- who follows

    def take(self, source, max_bytes):
        """What comes next; whether anything came."""
        place = self.sink.position()
        entries = source.log.read(place, max_bytes) if place != source.log.position() else []
        for entry in entries:
            assert entry.continues(place)
            place = entry.after
        self.sink.apply(entries)
        assert self.sink.position() == place
        return bool(entries)

    def rows(self):
        with self.store._db.iterator() as rows:
            return {key: value for key, value in rows if key[:1] in ROWS and key not in OWN}


OWN = (b"!identity", b"!nodes")
"""What a node has for itself: its name, and whether it knows its commitment's nodes."""

steps = st.one_of(
    st.tuples(st.just("extend"), st.integers(1, 8)),
    st.tuples(st.just("back"), st.integers(0, 12)),
    st.tuples(st.sampled_from(["first", "second"]), st.integers(1, 200)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, max_size=24))
def test_who_follows_from_anywhere_ends_with_the_same_log(steps):
    """One follows the sequencer, another one the first, each a step now and then."""
    with TemporaryDirectory() as directory:
        leader, first, second = (Node(Path(directory, name)) for name in ("leader", "first", "second"))
        try:
            for what, amount in steps:
                match what:
                    case "extend":
                        leader.extend(amount)
                    case "back":
                        minis = leader.log.position().minis
                        if minis:
                            leader.lead_back(max(0, minis - amount))
                    case "first":
                        first.take(leader, amount)
                    case "second":
                        second.take(first, amount)
            while first.take(leader, 100) or second.take(first, 100):
                pass
            assert leader.rows() == first.rows() == second.rows()
            assert leader.log.position() == second.log.position()
        finally:
            for node in (leader, first, second):
                node.store.close()


turns = st.one_of(
    st.tuples(st.just("extend"), st.integers(1, 8)),
    st.tuples(st.just("back"), st.integers(0, 12)),
    st.tuples(st.just("succeed"), st.integers(0, 2)),
    st.tuples(st.integers(0, 2), st.integers(1, 200)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(turns, max_size=24))
def test_who_follows_leaders_that_take_turns_ends_with_the_log_of_the_last_one(turns):
    """Each has as much of it as it has had the time for; so has who leads next."""
    with TemporaryDirectory() as directory:
        nodes = [Node(Path(directory, name)) for name in ("first", "second", "third")]
        leader, term = nodes[0], 1
        leader.succeed(term)
        try:
            for what, amount in turns:
                match what:
                    case "extend":
                        leader.extend(amount)
                    case "back" if leader.log.position().minis:
                        leader.lead_back(max(0, leader.log.position().minis - amount))
                    case "succeed" if (next_one := nodes[amount]).store.rollbacks == leader.store.rollbacks:
                        # Where somebody has heard of later successions, he leads; see `succession/candidate.py`.
                        leader, term = next_one, term + 1
                        leader.succeed(term)
                    case int() if nodes[what] is not leader:
                        nodes[what].take(leader, amount)
            for node in nodes:
                while node is not leader and node.take(leader, 100):
                    pass
                assert node.rows() == leader.rows()
        finally:
            for node in nodes:
                node.store.close()


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.store.close()


def test_an_order_is_the_sequencers_or_nobodys(node):
    node.extend(8)
    place = node.sink.position()
    forged = rollback(1, 2, 0, key=b"\x02" * 32)
    with pytest.raises(Refused, match="somebody else"):
        node.sink.apply([LogEntry(EntryKind.ROLLBACK, forged.after(place), forged.encode())])
    for record in (b"", forged.encode()[:-1], forged.encode() + b"x"):
        with pytest.raises(InvalidRollback):
            ChainRollback.decode(record)
    assert node.sink.position() == place
    good = rollback(1, 2, 0)
    assert ChainRollback.decode(good.encode()) == good
    # The signature is of this number, place and chain.
    assert good.signer(GENESIS_HASH) == SEQUENCER
    assert good.signer(bytes(32)) != SEQUENCER
    assert ChainRollback(2, 2, 0, good.signature).signer(GENESIS_HASH) != SEQUENCER


def test_what_stood_there_before_a_rollback_is_no_contradiction(node):
    node.extend(8)
    old = [LogEntry(EntryKind.MINI, LogOffset(number + 1, 0), node.store.mini(number)) for number in range(3)]
    node.lead_back(1)
    node.extend(8)
    assert node.store.mini(2) != old[2].record
    for entry in old:
        node.sink.recheck(entry)
    order = LogEntry(EntryKind.ROLLBACK, LogOffset(1, 0, 1), rollback(1, 1, 0).encode())
    node.sink.recheck(order)
    with pytest.raises(Refused):
        node.sink.recheck(LogEntry(EntryKind.ROLLBACK, LogOffset(2, 0, 1), rollback(1, 2, 0).encode()))


def test_a_place_that_was_rolled_back_leads_to_the_rollback_and_none_beyond_leads_anywhere(node):
    node.extend(8)
    node.lead_back(4)
    node.extend(3)
    # Behind the place, at it, before it.
    for place, after in [((7, 2), (4, 1)), ((4, 1), (4, 1)), ((3, 1), (3, 1)), ((2, 0), (2, 0))]:
        [entry] = node.log.read(LogOffset(*place), 1 << 20)
        assert (entry.kind, entry.after) == (EntryKind.ROLLBACK, LogOffset(*after, 1))
    with pytest.raises(NoSuchPlace):
        node.log.read(LogOffset(2, 0, 2), 1 << 20)


def test_a_log_that_was_taken_over_knows_no_rollbacks_before(tmp_path):
    with Store.open(tmp_path) as store:
        store.create(Identity(1, GENESIS_HASH), b"{}")
        store.install([(b"b" + (1).to_bytes(8, "big"), (2).to_bytes(8, "big") + b"block 1 of-5")])
        store.installed(LogOffset(3, 1).tip, 5)
    with Store.open(tmp_path) as store:
        log = StoreLog(store)
        assert log.position() == log.oldest() == LogOffset(3, 1, 5)
        store.note_rollback(rollback(6, 9, 3).encode())
        assert log.oldest() == LogOffset(3, 1, 5)
        assert log.position() == LogOffset(3, 1, 6)
        with pytest.raises(NoSuchPlace):
            log.read(LogOffset(3, 1, 4), 1000)


def test_a_backlog_begins_anew_with_a_rollback():
    backlog = Backlog(LogOffset(0, 0), 1 << 20, 100)
    backlog.append([LogEntry(EntryKind.MINI, LogOffset(number + 1, 0), b"") for number in range(4)])
    backlog.append([LogEntry(EntryKind.ROLLBACK, LogOffset(2, 0, 1), rollback(1, 2, 0).encode())])
    assert backlog.end == LogOffset(2, 0, 1)
    assert backlog.size_bytes == 0
    assert backlog.after(LogOffset(3, 0), 1000) is None
    backlog.append([LogEntry(EntryKind.MINI, LogOffset(3, 0, 1), b"")])
    assert backlog.after(LogOffset(2, 0, 1), 1000)[1] == LogOffset(3, 0, 1)
    assert backlog.after(LogOffset(2, 0), 1000) is None
    with pytest.raises(ValueError, match="the backlog ends"):
        backlog.append([LogEntry(EntryKind.MINI, LogOffset(4, 0), b"")])


def test_later_is_what_comes_after_however_long_the_log_was():
    assert LogOffset(2**64 - 1, 2**64 - 1, 0).sequence < LogOffset(0, 0, 1).sequence


def test_a_rollback_without_a_leader_is_written_as_before():
    record = rollback(3, 10, 2).encode()
    assert len(record) == 89 == tables.ROLLBACK_BYTES
    assert record[:24] == bytes.fromhex("0000000000000003000000000000000a0000000000000002")
    digest = keccak256(b"MegaETH devnet rollback" + GENESIS_HASH + record[:24])
    assert recover(digest, record[24:]) == SEQUENCER


def test_a_succession_is_read_as_it_was_written():
    leadership = Leadership(7, "standby-1", SEQUENCER, "http://[::1]:1234", bytes(65))
    record = ChainRollback.sign(*(3, 10, 2, GENESIS_HASH), lambda digest: sign_hash(KEY, digest), leadership)
    assert ChainRollback.decode(record.encode()) == record
    assert record.signer(GENESIS_HASH) == SEQUENCER
    assert record.after(LogOffset(12, 2, 2)) == LogOffset(10, 2, 3)
    # The third block may end where the new leader's mini-blocks do.
    assert record.after(LogOffset(12, 3, 2)) == record.after(LogOffset(10, 3, 2)) == LogOffset(9, 2, 3)
    assert record.after(LogOffset(9, 1, 2)) == LogOffset(9, 1, 3)


@pytest.mark.parametrize("length", [0, 1, 88, 90, 100, 130, 200])
def test_what_is_neither_is_refused(length):
    leadership = Leadership(7, "standby-1", SEQUENCER, "http://[::1]:1234", bytes(65))
    whole = ChainRollback(3, 10, 2, bytes(65), leadership).encode()
    with pytest.raises(InvalidRollback):
        ChainRollback.decode(whole[:length])
    with pytest.raises(InvalidRollback):
        ChainRollback.decode(whole + b"x")
    with pytest.raises(InvalidRollback):
        ChainRollback.decode(ChainRollback(3, 10, 2, bytes(65), replace(leadership, term=0)).encode())
