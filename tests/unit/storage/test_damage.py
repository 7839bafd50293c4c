"""Whatever happens to a file of the database: it is refused, at the start or when it matters, or nothing is missing."""

import shutil

import pytest

from devnet.errors import UserError
from devnet.storage import Store, StoreArchive, restore
from devnet.storage.database import Tip
from tests.unit.storage.chain import IDENTITY, ToyEngine, build, fold

KEYS = [bytes((number,)) * 20 for number in range(8)]
MINIS, PER_BLOCK = 400, 4
DIAGNOSTICS = {"LOG", "LOG.old", "LOCK"}
HARMS = ("deleted", "emptied", "cut", "flipped early", "flipped", "flipped late")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A node's directory whose database has tables, and newer entries in LevelDB's log."""
    directory = tmp_path_factory.mktemp("healthy") / "node"
    items = build([{KEYS[n % 8]: b"%d " % n * 40} for n in range(MINIS)], PER_BLOCK)
    half = len(items) // 2
    with Store.open(directory) as store:
        store.create(IDENTITY, b"{}")
        store.append(items[:half])
    with Store.open(directory) as store:
        store.append(items[half:])
        entries, codes = fold([item.record for item in items])
        store.fold(entries, codes, store.tip)
        store.attest(7, b"p" * 20, b"word")
    assert list((directory / "chain").glob("*.ldb"))
    return directory


def everything(directory):
    """All that a node ever reads."""
    with Store.open(directory) as store:
        engine = ToyEngine()
        restore(store, engine)
        archive = StoreArchive(store)
        tip = store.tip
        assert tip is not None
        return (
            store.genesis,
            tip,
            list(store.minis(0, tip.mini)),
            list(store.blocks(1, tip.block)),
            [archive.mini(number) for number in range(tip.mini + 1)],
            [archive.block(number) for number in range(1, tip.block + 1)],
            [archive.value_at(key, block) for key in KEYS for block in range(tip.block + 1)],
            [entry for chunk in store.state(100) for entry in chunk],
            store.attestations(0, tip.block),
        )


def harm(path, how):
    data = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
        return
    if how == "emptied":
        data.clear()
    elif how == "cut":
        del data[len(data) // 2 :]
    elif data:
        data[
            {"flipped early": 0, "flipped": len(data) // 2, "flipped late": len(data) - 9}[how] % len(data)
        ] ^= 1
    path.write_bytes(data)


def files(directory):
    found = [path for path in (directory / "chain").iterdir() if path.name not in DIAGNOSTICS]
    return sorted([*found, directory / "chain.json"])


@pytest.mark.parametrize("how", HARMS)
def test_a_harmed_file_is_refused_with_what_to_do_or_nothing_is_missing(healthy, tmp_path, how):
    whole = everything(shutil.copytree(healthy, tmp_path / "whole"))
    refused = 0
    for path in files(healthy):
        directory = tmp_path / path.name
        shutil.copytree(healthy, directory)
        harm(directory / path.relative_to(healthy), how)
        try:
            found = everything(directory)
        except UserError as error:
            refused += 1
            assert str(directory) in f"{error.what} {error.why}"
            assert error.hint
        else:
            assert found == whole, f"{path.name} {how}: something is missing, and nobody says so"
    assert refused


def test_damage_that_is_touched_later_is_told_before_it_is_raised(healthy, tmp_path):
    directory = tmp_path / "node"
    shutil.copytree(healthy, directory)
    harm(max((directory / "chain").glob("*.ldb"), key=lambda table: table.stat().st_size), "flipped")
    told = []
    with Store.open(directory) as store:
        store.damaged = told.append
        for number in range(MINIS):
            try:
                store.mini(number)
            except UserError as error:
                assert told[-1] is error
    assert told


def test_a_gap_in_the_log_is_damage_and_what_lies_beyond_its_ends_is_not(healthy, tmp_path):
    directory = tmp_path / "node"
    shutil.copytree(healthy, directory)
    with Store.open(directory) as store:
        assert store.mini(MINIS) is None
        assert store.block(store.tip.block + 1) is None
        assert store.block(0) is None
        store._db.delete(b"m" + (20).to_bytes(8))
        with pytest.raises(UserError) as caught:
            store.mini(20)
        assert "mini-block 20 is missing" in caught.value.why
        store.first = Tip(20, 5)
        assert store.mini(20) is None
