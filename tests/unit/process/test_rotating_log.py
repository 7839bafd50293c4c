"""The log that rotates, and what it does when the disk takes nothing."""

import errno
import os
import resource
from contextlib import contextmanager

from devnet.supervision import rotating_log
from devnet.supervision.rotating_log import RotatingLog


@contextmanager
def disk_with(more_bytes, path):
    """No file can be larger than this one is now and so much more: the same as a full disk, for one process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.stat().st_size if path.exists() else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + more_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_log_never_outgrows_its_limit_and_keeps_the_newest_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(rotating_log, "LOG_BYTES", 100)
    log = RotatingLog(tmp_path / "node.log")
    for number in range(100):
        log.write(b"line %03d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["node.log", "node.log.1", "node.log.2"]
    assert all(file.stat().st_size <= 100 for file in files)
    kept = b"".join(file.read_bytes() for file in reversed(files)).splitlines()
    assert kept == [b"line %03d" % number for number in range(100 - len(kept), 100)]
    assert len(kept) > 20


def test_a_log_is_continued_after_a_restart(tmp_path):
    for text in (b"one\n", b"two\n"):
        log = RotatingLog(tmp_path / "node.log")
        log.write(text)
        log.close()
    assert (tmp_path / "node.log").read_bytes() == b"one\ntwo\n"


def test_what_the_disk_does_not_take_is_counted_and_told_when_there_is_space_again(tmp_path):
    path = tmp_path / "node.log"
    log = RotatingLog(path)
    log.write(b"one\n")
    with disk_with(0, path):
        for _ in range(3):
            log.write(b"lost\n")
        assert log.lost == 3
        assert log.reason
    log.write(b"two\n")
    log.close()
    assert log.lost == 0
    first, confession, last = path.read_text().splitlines()
    assert (first, last) == ("one", "two")
    assert confession == f"... 3 lines are missing here: {os.strerror(errno.EFBIG)}"


def test_a_line_that_is_cut_off_by_a_full_disk_does_not_run_into_the_next(tmp_path):
    path = tmp_path / "node.log"
    log = RotatingLog(path)
    with disk_with(4, path):
        log.write(b"one two three\n")
    log.write(b"four\n")
    log.close()
    cut, confession, last = path.read_text().splitlines()
    assert (cut, last) == ("one ", "four")
    assert "1 line is missing here" in confession


def test_a_log_whose_file_cannot_be_opened_is_opened_as_soon_as_it_can(tmp_path):
    (tmp_path / "logs").touch()
    log = RotatingLog(tmp_path / "logs" / "node.log")
    log.write(b"lost\n")
    assert log.lost == 1
    (tmp_path / "logs").unlink()
    log.write(b"one\n")
    log.close()
    assert (tmp_path / "logs" / "node.log").read_text().endswith("\none\n")


def test_a_log_that_cannot_be_rotated_loses_lines_and_not_its_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(rotating_log, "LOG_BYTES", 20)
    (tmp_path / "node.log.1").mkdir()
    (tmp_path / "node.log.1" / "something").touch()
    (tmp_path / "node.log.2").mkdir()
    (tmp_path / "node.log.2" / "something").touch()
    log = RotatingLog(tmp_path / "node.log")
    for _ in range(10):
        log.write(b"seven..\n")
    log.close()
    assert log.lost
    assert log.reason
