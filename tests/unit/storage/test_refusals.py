"""Databases that can't be used are refused with a reason and left as they were."""

import json
import os
import subprocess
import sys
from pathlib import Path

import plyvel
import pytest

from devnet.errors import UnavailableError
from devnet.lock import DataDirLock, Locked
from devnet.storage import Corrupted, OtherChain, Store, TooNew, ephemeral_directory, mark, reset, restore
from tests.unit.storage.chain import IDENTITY, ToyEngine, build

KEY = b"k" * 20
DIAGNOSTICS = {"LOG", "LOG.old", "LOCK", "lock"}


@pytest.fixture
def directory(tmp_path):
    with Store.open(tmp_path / "node") as store:
        store.create(IDENTITY, b"{}")
        store.append(build([{KEY: b"%d" % number * 50} for number in range(100)], 4))
    return tmp_path / "node"


def contents(directory: Path):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in DIAGNOSTICS
    }


def refuses(directory, error, words):
    before = contents(directory)
    with pytest.raises(error, match=words) as caught:
        Store.open(directory).close()
    assert contents(directory) == before
    return caught.value


def test_later_format_is_refused_untouched(directory):
    card = json.loads((directory / "chain.json").read_text())
    (directory / "chain.json").write_text(json.dumps({**card, "format": 99, "settings": "of another shape"}))
    error = refuses(directory, TooNew, "format 99: this version reads formats up to 1")
    assert "--reset" in error.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "x"}', '{"format": 1}'])
def test_broken_identity_is_refused(directory, text):
    (directory / "chain.json").write_text(text)
    refuses(directory, Corrupted, "chain.json can't be read")


def test_missing_current_is_refused_instead_of_beginning_anew(directory):
    (directory / "chain" / "CURRENT").unlink()
    refuses(directory, Corrupted, "CURRENT file is missing")


def test_garbage_in_the_manifest_is_refused(directory):
    [manifest] = (directory / "chain").glob("MANIFEST-*")
    manifest.write_bytes(b"\xff" * 200)
    refuses(directory, Corrupted, "damaged")


def test_missing_table_is_refused(directory):
    Store.open(directory).close()  # LevelDB now writes its log into a table
    tables = list((directory / "chain").glob("*.ldb"))
    assert tables
    for table in tables:
        table.unlink()
    refuses(directory, Corrupted, "damaged")


def test_flipped_bit_in_a_table_is_found_at_the_start(directory):
    Store.open(directory).close()
    for table in (directory / "chain").glob("*.ldb"):
        data = bytearray(table.read_bytes())
        data[len(data) // 3] ^= 1
        table.write_bytes(data)
    with pytest.raises(Corrupted), Store.open(directory) as store:
        restore(store, ToyEngine())


def test_foreign_leveldb_is_refused(directory):
    (directory / "chain.json").unlink()
    with plyvel.DB(str(directory / "chain")) as database:
        database.delete(b"!identity")
    with pytest.raises(Corrupted, match="does not say which chain"):
        Store.open(directory)


def test_killed_between_the_two_writes_of_creation_is_mended(directory):
    (directory / "chain.json").unlink()
    with Store.open(directory) as store:
        assert store.identity == IDENTITY
    assert (directory / "chain.json").exists()


def cut(directory):
    """The end of LevelDB's own log is missing."""
    [log] = (directory / "chain").glob("*.log")
    log.write_bytes(log.read_bytes()[:-7])


@pytest.fixture
def another_boot(monkeypatch):
    """From now on the machine has been started anew."""
    return lambda: monkeypatch.setattr(mark, "boot", lambda: "another boot")


def test_what_a_power_cut_leaves_is_gone_on_with_and_the_loss_is_told(directory, another_boot, caplog):
    cut(directory)
    another_boot()
    with Store.open(directory) as store:
        assert restore(store, ToyEngine()) == store.tip
    assert "had come to mini-block 99, block 25" in caplog.text
    caplog.clear()
    Store.open(directory).close()
    assert caplog.text == ""


def test_a_log_that_was_cut_while_the_machine_ran_is_refused_again_and_again(directory):
    cut(directory)
    for _ in range(2):
        with pytest.raises(Corrupted, match=r"had come to mini-block 99, block 25.*removed or cut"):
            Store.open(directory)


def test_a_power_cut_excuses_nothing_that_the_disk_had_confirmed(directory, another_boot):
    with Store.open(directory, fsync=True):
        pass
    # What was the log is in a table by now, as far as that had confirmed it.
    with plyvel.DB(str(directory / "chain")) as database:
        database.put(b"!tip", bytes(16))
    another_boot()
    with pytest.raises(Corrupted, match="removed or cut"):
        Store.open(directory)


def test_a_log_of_leveldbs_that_was_deleted_is_missed_untouched(directory, another_boot):
    Store.open(directory).close()
    [log] = (directory / "chain").glob("*.log")
    log.unlink()
    another_boot()
    refuses(directory, Corrupted, "newest entries")


def test_a_mark_that_is_no_good_is_not_believed(directory, caplog):
    path = directory / "chain.mark"
    path.write_text(path.read_text().replace("99", "98765"))
    Store.open(directory).close()
    assert "can't be read" in caplog.text


def test_a_log_that_was_cut_back_on_purpose_is_not_missed(directory):
    with Store.open(directory) as store:
        assert store.truncate(10)
    with Store.open(directory) as store:
        assert store.tip.block == 10
        store.truncate_all()
    with Store.open(directory) as store:
        assert store.tip is None


def test_a_killed_node_finds_at_least_what_its_mark_says(tmp_path):
    store = Store.open(tmp_path / "node")
    store.create(IDENTITY, b"{}")
    for item in build([{KEY: b"%d" % number} for number in range(20)], 4):
        store.append([item])
    store._db.close()  # as a kill does: nothing else is written
    store._lock.release()
    with Store.open(tmp_path / "node") as again:
        assert again.tip == store.tip


def test_other_settings_are_named(directory):
    with Store.open(directory) as store:
        with pytest.raises(OtherChain, match="the chain id is 6342, not 1"):
            store.require({"chain_id": 1, "spec": "rex5"}, {"chain_id": "the chain id"})
        store.require(IDENTITY.settings, {})


def test_held_database_names_its_holder(directory):
    program = (
        "import sys; from devnet.lock import DataDirLock; from pathlib import Path; "
        "DataDirLock(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        error = refuses(directory, Locked, f"is held by pid {holder.pid}")
        assert error.pid == holder.pid
        with pytest.raises(Locked):
            reset(directory)
        holder.kill()
    Store.open(directory).close()  # a killed holder holds nothing


def test_lock_is_exclusive_within_a_process_too(tmp_path):
    with DataDirLock(tmp_path), pytest.raises(Locked) as caught:
        DataDirLock(tmp_path)
    assert caught.value.pid == os.getpid()


def test_unwritable_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot use the data directory"):
        Store.open(tmp_path / "file" / "node")


def test_reset_removes_the_chain_and_nothing_else(directory):
    (directory / "notes.txt").write_text("mine")
    reset(directory)
    assert {path.name for path in directory.iterdir()} == {"notes.txt", "lock"}
    with Store.open(directory) as store:
        assert store.identity is None
        assert store.tip is None


def test_reset_of_nothing_does_nothing(tmp_path):
    reset(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_ephemeral_directory_is_gone_afterwards():
    with ephemeral_directory() as path, Store.open(path / "node") as store:
        store.create(IDENTITY, b"{}")
    assert not path.exists()
