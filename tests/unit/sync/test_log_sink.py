"""The real sink: engine first, then disk, then everyone else; and what a refusal leaves behind."""

from types import SimpleNamespace

import pytest

from devnet.storage import Identity, Store
from devnet.sync import EngineSink, LogEntry, LogOffset, Refused
from devnet.sync.log_offset import EntryKind
from tests.support.chain_log import MemoryLog, sealed


class BadData(Exception):
    def __init__(self, kind, reason, applied=()):
        super().__init__(reason)
        self.kind, self.reason, self.applied = kind, reason, list(applied)


class CheckingEngine:
    """Knows the true chain, and notes what it is asked."""

    def __init__(self, chain):
        self.true = chain.entries
        self.end = LogOffset(0, 0)
        self.events = []

    def _apply(self, kind, record):
        expected = self.true[self.end.sequence]
        if any(entry.record == record for entry in self.true[: self.end.sequence]):
            return None
        if record.startswith(b"twin"):
            raise BadData("equivocation", "signed twice")
        if expected.kind is not kind or expected.record != record:
            raise BadData("diff", "the digest is another")
        self.end = expected.after
        self.events.append(("applied", expected.after))
        return sealed(expected)

    def apply(self, records):
        applied = []
        for record, is_block in records:
            try:
                applied.append(self._apply(EntryKind.BLOCK if is_block else EntryKind.MINI, record))
            except BadData as error:
                raise BadData(error.kind, error.reason, applied) from None
        return applied

    def durable(self, mini, block):
        self.events.append(("durable", LogOffset(mini + 1, block)))


@pytest.fixture
def parts(tmp_path):
    chain = MemoryLog(20)
    engine = CheckingEngine(chain)
    with Store.open(tmp_path) as store:
        store.create(Identity(1, bytes(32)), b"{}")

        def publish(batch):
            engine.events.append(("shown", len(batch)))

        sink = EngineSink(engine, store, publish, BadData)
        yield SimpleNamespace(chain=chain, engine=engine, store=store, sink=sink)


def test_items_are_applied_then_written_then_shown(parts):
    parts.sink.apply(parts.chain.entries[:3])
    assert [event for event, _ in parts.engine.events] == ["applied"] * 3 + ["durable", "shown"]
    assert parts.engine.events[-2:] == [("durable", LogOffset(3, 0)), ("shown", 3)]
    assert parts.sink.position() == LogOffset.of(parts.store.tip) == LogOffset(3, 0)


def test_what_is_good_before_a_wrong_item_is_kept(parts):
    wrong = LogEntry(parts.chain.entries[2].kind, parts.chain.entries[2].after, b"wrong")
    with pytest.raises(Refused, match="mini 2: the digest is another") as refusal:
        parts.sink.apply([*parts.chain.entries[:2], wrong, *parts.chain.entries[3:6]])
    assert (refusal.value.kind, refusal.value.entry, refusal.value.other) == ("diff", wrong, None)
    assert parts.sink.position() == LogOffset(2, 0)
    parts.sink.apply(parts.chain.entries[2:])
    assert parts.sink.position() == parts.chain.end


def test_a_wrong_first_item_shows_nothing(parts):
    with pytest.raises(Refused):
        parts.sink.apply([LogEntry(EntryKind.MINI, LogOffset(1, 0), b"wrong")])
    assert parts.engine.events == []


def test_the_same_again_is_nothing_new(parts):
    parts.sink.apply(parts.chain.entries)
    for entry in parts.chain.entries:
        parts.sink.recheck(entry)


def test_another_of_the_same_number_is_refused_with_both_as_evidence(parts):
    parts.sink.apply(parts.chain.entries[:5])
    twin = LogEntry(EntryKind.MINI, LogOffset(2, 0), b"twin of 1")
    with pytest.raises(Refused) as refusal:
        parts.sink.recheck(twin)
    assert refusal.value.kind == "equivocation"
    assert refusal.value.other == parts.chain.entries[1].record


def test_rubbish_of_a_known_number_is_refused_without_evidence_against_the_sequencer(parts):
    parts.sink.apply(parts.chain.entries[:5])
    with pytest.raises(Refused) as refusal:
        parts.sink.recheck(LogEntry(EntryKind.MINI, LogOffset(2, 0), b"rubbish"))
    assert refusal.value.other is None
