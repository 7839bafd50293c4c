"""A file is made whole or not at all, whatever happens while it is made."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devnet.errors import UnavailableError
from devnet.snapshots.file import Frame, SnapshotFile
from devnet.storage import tables
from megaeth_cli.errors import CliError
from megaeth_cli.snapshots.taking import take
from tests.unit.snapshots.test_file import GENESIS, PLACE

ROOT = Path(__file__).parents[3]
PARTS = [[(tables.META_GENESIS, GENESIS)], [(b"s" + bytes(20), b"1")], [(b"s" + bytes([1]) * 20, b"2")]]


class Node:
    """Gives a snapshot of three parts out; what happens before each, `disturb` says."""

    url = "http://node"

    def __init__(self, disturb=lambda number: None, answer=None):
        self._disturb, self._answer = disturb, answer
        self._parts = iter(PARTS)
        self._number = 0

    def call(self, method, *params):
        if method == "mega_openSnapshot":
            place = {name: getattr(PLACE, name) for name in PLACE.__slots__}
            return {"id": "0x1", "place": json.loads(json.dumps(place))}
        self._number += 1
        self._disturb(self._number)
        if self._answer is not None:
            return self._answer
        rows = next(self._parts, None)
        if rows is None:
            return None
        frame = Frame.of(rows)
        return {"frame": f"0x{frame.data.hex()}", "contentBytes": frame.content_bytes}


def test_what_a_node_gives_out_is_a_file_that_is_whole(tmp_path):
    taken = take(Node(), tmp_path / "snapshots" / "one.megasnap", history=False)

    with SnapshotFile(taken.aside) as file:
        assert list(file.parts()) == PARTS
        assert (file.manifest, file.manifest.accounts) == (taken.manifest, 2)


def test_nothing_is_left_when_a_node_goes_away(tmp_path):
    def gone(number):
        if number == 3:
            raise CliError("no node answers")

    with pytest.raises(CliError):
        take(Node(gone), tmp_path / "one.megasnap", history=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "answer", [5, {"frame": "0x00", "contentBytes": 1}, {"frame": "0x", "contentBytes": -1}, {"frame": 5}]
)
def test_a_node_that_gives_something_else_is_refused(tmp_path, answer):
    with pytest.raises(CliError, match="something else than a snapshot"):
        take(Node(answer=answer), tmp_path / "one.megasnap", history=False)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="cannot write"):
        take(Node(), tmp_path / "file" / "one.megasnap", history=False)


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_kill_at_any_write_leaves_the_old_file(tmp_path, moment):
    path = tmp_path / "one.megasnap"
    path.write_bytes(b"old")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from megaeth_cli.snapshots.taking import take\n"
        "from tests.unit.snapshots.test_taking import Node\n"
        "def kill(number):\n"
        f"    if number == {moment}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "take(Node(kill), Path(sys.argv[1]), history=False)\n"
    )

    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True)

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == b"old"
    assert [each.suffix for each in tmp_path.iterdir() if each != path] == [".tmp"]
