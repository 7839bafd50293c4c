"""The real target: engine first, then disk, then everyone else; and what a refusal leaves behind."""

from types import SimpleNamespace

import pytest

from devnet.storage import Identity, Store
from devnet.sync import EngineTarget, Item, Position, Refused
from devnet.sync.position import ItemKind
from tests.support.chain_log import MemoryLog, sealed


class BadData(Exception):
    def __init__(self, kind, reason, applied=()):
        super().__init__(reason)
        self.kind, self.reason, self.applied = kind, reason, list(applied)


class CheckingEngine:
    """Knows the true chain, and notes what it is asked."""

    def __init__(self, chain):
        self.true = chain.items
        self.end = Position(0, 0)
        self.events = []

    def _apply(self, kind, record):
        expected = self.true[self.end.sequence]
        if any(item.record == record for item in self.true[: self.end.sequence]):
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
                applied.append(self._apply(ItemKind.BLOCK if is_block else ItemKind.MINI, record))
            except BadData as error:
                raise BadData(error.kind, error.reason, applied) from None
        return applied

    def durable(self, mini, block):
        self.events.append(("durable", Position(mini + 1, block)))


@pytest.fixture
def parts(tmp_path):
    chain = MemoryLog(20)
    engine = CheckingEngine(chain)
    with Store.open(tmp_path) as store:
        store.create(Identity(1, bytes(32)), b"{}")

        def publish(batch):
            engine.events.append(("shown", len(batch)))

        target = EngineTarget(engine, store, publish, BadData)
        yield SimpleNamespace(chain=chain, engine=engine, store=store, target=target)


def test_items_are_applied_then_written_then_shown(parts):
    parts.target.apply(parts.chain.items[:3])
    assert [event for event, _ in parts.engine.events] == ["applied"] * 3 + ["durable", "shown"]
    assert parts.engine.events[-2:] == [("durable", Position(3, 0)), ("shown", 3)]
    assert parts.target.position() == Position.of(parts.store.tip) == Position(3, 0)


def test_what_is_good_before_a_wrong_item_is_kept(parts):
    wrong = Item(parts.chain.items[2].kind, parts.chain.items[2].after, b"wrong")
    with pytest.raises(Refused, match="mini 2: the digest is another") as refusal:
        parts.target.apply([*parts.chain.items[:2], wrong, *parts.chain.items[3:6]])
    assert (refusal.value.kind, refusal.value.item, refusal.value.other) == ("diff", wrong, None)
    assert parts.target.position() == Position(2, 0)
    parts.target.apply(parts.chain.items[2:])
    assert parts.target.position() == parts.chain.end


def test_a_wrong_first_item_shows_nothing(parts):
    with pytest.raises(Refused):
        parts.target.apply([Item(ItemKind.MINI, Position(1, 0), b"wrong")])
    assert parts.engine.events == []


def test_the_same_again_is_nothing_new(parts):
    parts.target.apply(parts.chain.items)
    for item in parts.chain.items:
        parts.target.recheck(item)


def test_another_of_the_same_number_is_refused_with_both_as_evidence(parts):
    parts.target.apply(parts.chain.items[:5])
    twin = Item(ItemKind.MINI, Position(2, 0), b"twin of 1")
    with pytest.raises(Refused) as refusal:
        parts.target.recheck(twin)
    assert refusal.value.kind == "equivocation"
    assert refusal.value.other == parts.chain.items[1].record


def test_rubbish_of_a_known_number_is_refused_without_evidence_against_the_sequencer(parts):
    parts.target.apply(parts.chain.items[:5])
    with pytest.raises(Refused) as refusal:
        parts.target.recheck(Item(ItemKind.MINI, Position(2, 0), b"rubbish"))
    assert refusal.value.other is None
