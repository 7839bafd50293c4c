"""`write_atomically`: the new file as a whole, or the old one."""

import os
import resource
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from devnet.files import UNFINISHED, write_aside, write_atomically

OLD, NEW = b"old and whole", b"new " * 1000


@contextmanager
def room_for(size):
    """No file can grow beyond that many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(directory):
    return [path.name for path in directory.iterdir()]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(OLD)
    return path


@pytest.mark.parametrize("data", [NEW, NEW.decode(), b""])
def test_replaces_what_was_there(path, data):
    write_atomically(path, data)

    assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert names(path.parent) == ["card.json"]


@pytest.mark.parametrize("fsync", [False, True])
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(path, fsync):
    with room_for(100), pytest.raises(OSError):
        write_atomically(path, NEW, fsync=fsync)

    assert path.read_bytes() == OLD
    assert names(path.parent) == ["card.json"]


def test_a_disk_that_fails_to_sync_leaves_the_old_file_whole(path, monkeypatch):
    def fail(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="Input/output"):
        write_atomically(path, NEW, fsync=True)

    assert path.read_bytes() == OLD
    assert names(path.parent) == ["card.json"]


def test_a_place_that_cannot_be_taken_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)

    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", NEW)

    assert names(tmp_path) == ["taken"]


def test_with_fsync_the_content_is_on_the_disk_before_it_has_the_name_and_the_name_on_return(
    path, monkeypatch
):
    steps = []
    sync, replace = os.fsync, Path.replace

    def told(handle):
        steps.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        sync(handle)

    def moved(self, target):
        steps.append("replaced")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", told)
    monkeypatch.setattr(Path, "replace", moved)

    write_atomically(path, NEW, fsync=True)
    assert steps == ["content", "replaced", "directory"]

    steps.clear()
    write_atomically(path, NEW)
    assert steps == ["replaced"]


def test_a_private_file_is_its_owners_alone_from_the_start(path):
    aside = write_aside(path, NEW, private=True)

    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert aside.suffix == UNFINISHED
    write_atomically(path, NEW, private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_public_file_gets_what_the_process_gives_to_new_files(path):
    before = os.umask(0o027)
    try:
        write_atomically(path, NEW)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_many_may_write_at_once_and_a_reader_sees_one_of_them_whole(path):
    contents = [bytes([65 + number]) * 20_000 for number in range(8)]
    writers = [threading.Thread(target=write_atomically, args=(path, one)) for one in contents]
    seen = set()
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen.add(path.read_bytes())
    for writer in writers:
        writer.join()
    seen.add(path.read_bytes())

    assert seen <= {OLD, *contents}
    assert names(path.parent) == ["card.json"]


def test_a_long_name_is_no_obstacle(tmp_path):
    path = tmp_path / ("n" * 250 + ".json")

    write_atomically(path, NEW)

    assert path.read_bytes() == NEW
