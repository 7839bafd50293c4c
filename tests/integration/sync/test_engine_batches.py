"""Items that arrive together are applied together, and come out as they would one by one. A real engine and store."""

import time
from contextlib import contextmanager

import pytest

from devnet._engine import BadData, Engine, SealedMini, keccak256
from devnet.genesis import GenesisFile, derive
from devnet.roles.chain_config import engine_config, genesis_document
from devnet.storage import Identity, Store, StoreArchive
from devnet.sync import GENESIS, EngineSink, EntryKind, LogEntry, LogOffset, Refused
from tests.support import wallet
from tests.support.node import make_config

BLOCKS = 3
CONFIG = make_config({"blocks__block_time_s": 0.1})


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A genesis, and the entries of a log that an engine has built on it."""
    accounts = derive(CONFIG.accounts.mnemonic, CONFIG.accounts.count)
    document = genesis_document(CONFIG, accounts, GenesisFile(), int(time.time()) - 1)
    entries, place, sent = [], GENESIS, 0
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
                place = LogOffset(place.minis + is_mini, place.blocks + (not is_mini))
                entries.append(LogEntry(EntryKind.MINI if is_mini else EntryKind.BLOCK, place, one.record))
            engine.durable(*place.tip)
        engine.stop()
    return document, entries


@contextmanager
def follower(directory, document):
    with Store.open(directory) as store:
        engine = Engine(engine_config(CONFIG, document, keeps_trie=False), StoreArchive(store))
        store.create(Identity(CONFIG.chain.chain_id, engine.genesis_hash()), document)
        engine.follow("proofs")
        yield EngineSink(engine, store, lambda sealed: None, BadData), store
        engine.stop()


def outcome(directory, document, batches):
    """What a follower has after these, and what it refused."""
    refused = None
    with follower(directory, document) as (sink, store):
        try:
            for batch in batches:
                sink.apply(batch)
        except Refused as error:
            refused = (str(error), error.kind, error.reason, error.entry, error.other)
        log = b"".join(store.mini(number) for number in range(sink.position().minis))
        return sink.position(), keccak256(log), refused


def flipped(entry):
    record = bytearray(entry.record)
    record[len(record) // 2] ^= 1
    return LogEntry(entry.kind, entry.after, bytes(record))


def as_the_other_kind(entry):
    kind = EntryKind.BLOCK if entry.kind is EntryKind.MINI else EntryKind.MINI
    return LogEntry(kind, entry.after, entry.record)


def places(entries):
    """The first and the last entry, one within, and each block with its neighbours."""
    blocks = [at for at, entry in enumerate(entries) if entry.kind is EntryKind.BLOCK]
    near = {at + step for at in blocks for step in (-1, 0, 1)}
    return sorted(({0, 1, len(entries) - 1} | near) & set(range(len(entries))))


def test_a_whole_log_is_taken_at_once(tmp_path, chain):
    document, entries = chain
    position, _, refused = outcome(tmp_path / "batch", document, [entries])
    assert (position, refused) == (entries[-1].after, None)
    assert outcome(tmp_path / "single", document, [[entry] for entry in entries])[:2] == (
        position,
        outcome(tmp_path / "pairs", document, [entries[at : at + 2] for at in range(0, len(entries), 2)])[1],
    )


@pytest.mark.parametrize("spoil", [flipped, as_the_other_kind])
def test_a_bad_record_among_others_is_refused_as_if_it_had_come_alone(tmp_path, chain, spoil):
    document, entries = chain
    for place in places(entries):
        spoilt = [*entries[:place], spoil(entries[place]), *entries[place + 1 :]]
        together = outcome(tmp_path / f"batch-{place}", document, [spoilt])
        assert together == outcome(tmp_path / f"single-{place}", document, [[entry] for entry in spoilt])
        assert together[0] == entries[place].before
        assert together[2][3] is spoilt[place]


def test_a_record_that_came_as_another_kind_is_told_in_words(tmp_path, chain):
    document, entries = chain
    _, _, refused = outcome(tmp_path, document, [[as_the_other_kind(entries[0]), *entries[1:]]])
    assert refused[1:3] == ("malformed", "this is no block's record")
