"""A disk that takes no more: whatever is written, it is said in our words, and to who ends the process for it."""

import resource
from contextlib import contextmanager

import pytest

from devnet.storage import BlockRef, Store, Unwritable, Validated
from devnet.storage.database import Tip
from tests.unit.storage.chain import COMPUTED, IDENTITY, build, fold

KEY = b"k" * 20
ITEMS = build([{KEY: b"%d" % number * 50} for number in range(8)], 4)
MORE = build([{KEY: b"%d" % number * 50} for number in range(16)], 4)[len(ITEMS) :]


def verify(store):
    store.verified = 1


def validate(store):
    store.validated = Validated(BlockRef(0, bytes(32)), BlockRef(1, bytes(32)))


def fold_all(store):
    store.fold(*fold([item.record for item in ITEMS]), Tip(7, 2))


WRITES = {
    "append": lambda store: store.append(MORE),
    "fold": fold_all,
    "keep_nodes": lambda store: store.keep_nodes(COMPUTED),
    "attest": lambda store: store.attest(1, b"p" * 20, b"word"),
    "verified": verify,
    "validated": validate,
    "take_evm_snapshot": lambda store: store.take_evm_snapshot(3),
    "note_rollback": lambda store: store.note_rollback(b"record"),
    "truncate": lambda store: store.truncate(1),
    "truncate_all": lambda store: store.truncate_all(),
}


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "node") as store:
        store.create(IDENTITY, b"{}")
        store.append(ITEMS)
        store.told = []
        store.damaged = store.told.append
        yield store


@contextmanager
def no_more_bytes(store):
    """LevelDB's log is as long as files may be."""
    most = max(path.stat().st_size for path in (store.directory / "chain").glob("*.log"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_the_disk_does_not_take_is_told_in_our_words(store, name):
    if name == "keep_nodes":
        store.fold([], [], Tip(3, 1))
    with no_more_bytes(store), pytest.raises(Unwritable) as caught:
        WRITES[name](store)
    assert store.told == [caught.value]
    assert caught.value.why.startswith("IO error: ")
    assert caught.value.why.endswith("File too large")


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.create(IDENTITY, b"{}"),
        lambda store: store.install([(b"s" + KEY, b"value")]),
        lambda store: store.installed(Tip(1, 1)),
    ],
    ids=["create", "install", "installed"],
)
def test_likewise_of_a_database_that_begins(tmp_path, write):
    with Store.open(tmp_path / "node") as store:
        store.attest(1, b"p" * 20, b"word")
        with no_more_bytes(store), pytest.raises(Unwritable, match="File too large"):
            write(store)
