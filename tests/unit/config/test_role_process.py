"""Small parts of running a role: the log that rotates, the words for an exit."""

import signal

from devnet import process
from devnet.process import RotatingLog, describe_exit


def test_a_log_never_outgrows_its_limit_and_keeps_the_newest_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "LOG_BYTES", 100)
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


def test_an_exit_is_put_in_words():
    assert describe_exit(-signal.SIGKILL) == "was killed by SIGKILL"
    assert describe_exit(2) == "ended with exit code 2"
    assert describe_exit(-99) == "was killed by signal 99"
