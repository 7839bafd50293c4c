"""Items that arrive together are applied together, and come out as they would one by one. A real engine and store."""

import time
from contextlib import contextmanager

import pytest

from devnet._engine import BadData, Engine, SealedMini, keccak256
from devnet.genesis import GenesisFile, derive
from devnet.roles.chain_config import engine_config, genesis_document
from devnet.storage import Identity, Store, StoreArchive
from devnet.sync import GENESIS, EngineTarget, Item, ItemKind, Position, Refused
from tests.support import wallet
from tests.support.node import make_config

BLOCKS = 3
CONFIG = make_config({"blocks__block_time_s": 0.1})


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A genesis, and the items of a log that an engine has built on it."""
    accounts = derive(CONFIG.accounts.mnemonic, CONFIG.accounts.count)
    document = genesis_document(CONFIG, accounts, GenesisFile(), int(time.time()) - 1)
    items, place, sent = [], GENESIS, 0
    with Store.open(tmp_path_factory.mktemp("leader")) as store:
        engine = Engine(engine_config(CONFIG, document), StoreArchive(store))
        engine.start()
        while place.blocks < BLOCKS:
            if sent <= place.blocks:
                raw = wallet.signed(0, sent, to=wallet.address(1), value="0x1")
                engine.call("eth_sendRawTransaction", b'["%b"]' % raw.encode())
                sent += 1
            for one in engine.next_sealed(10_000):
                is_mini = isinstance(one, SealedMini)
                place = Position(place.minis + is_mini, place.blocks + (not is_mini))
                items.append(Item(ItemKind.MINI if is_mini else ItemKind.BLOCK, place, one.record))
            engine.durable(*place.tip)
        engine.stop()
    return document, items


@contextmanager
def follower(directory, document):
    with Store.open(directory) as store:
        engine = Engine(engine_config(CONFIG, document, keeps_trie=False), StoreArchive(store))
        store.create(Identity(CONFIG.chain.chain_id, engine.genesis_hash()), document)
        engine.follow("proofs")
        yield EngineTarget(engine, store, lambda sealed: None, BadData), store
        engine.stop()


def outcome(directory, document, batches):
    """What a follower has after these, and what it refused."""
    refused = None
    with follower(directory, document) as (target, store):
        try:
            for batch in batches:
                target.apply(batch)
        except Refused as error:
            refused = (str(error), error.kind, error.reason, error.item, error.other)
        log = b"".join(store.mini(number) for number in range(target.position().minis))
        return target.position(), keccak256(log), refused


def flipped(item):
    record = bytearray(item.record)
    record[len(record) // 2] ^= 1
    return Item(item.kind, item.after, bytes(record))


def as_the_other_kind(item):
    kind = ItemKind.BLOCK if item.kind is ItemKind.MINI else ItemKind.MINI
    return Item(kind, item.after, item.record)


def places(items):
    """The first and the last item, one within, and each block with its neighbours."""
    blocks = [at for at, item in enumerate(items) if item.kind is ItemKind.BLOCK]
    near = {at + step for at in blocks for step in (-1, 0, 1)}
    return sorted(({0, 1, len(items) - 1} | near) & set(range(len(items))))


def test_a_whole_log_is_taken_at_once(tmp_path, chain):
    document, items = chain
    position, _, refused = outcome(tmp_path / "batch", document, [items])
    assert (position, refused) == (items[-1].after, None)
    assert outcome(tmp_path / "single", document, [[item] for item in items])[:2] == (
        position,
        outcome(tmp_path / "pairs", document, [items[at : at + 2] for at in range(0, len(items), 2)])[1],
    )


@pytest.mark.parametrize("spoil", [flipped, as_the_other_kind])
def test_a_bad_record_among_others_is_refused_as_if_it_had_come_alone(tmp_path, chain, spoil):
    document, items = chain
    for place in places(items):
        spoilt = [*items[:place], spoil(items[place]), *items[place + 1 :]]
        together = outcome(tmp_path / f"batch-{place}", document, [spoilt])
        assert together == outcome(tmp_path / f"single-{place}", document, [[item] for item in spoilt])
        assert together[0] == items[place].before
        assert together[2][3] is spoilt[place]


def test_a_record_that_came_as_another_kind_is_told_in_words(tmp_path, chain):
    document, items = chain
    _, _, refused = outcome(tmp_path, document, [[as_the_other_kind(items[0]), *items[1:]]])
    assert refused[1:3] == ("malformed", "this is no block's record")
