"""What a loss of power leaves of a store: with `fsync` all that was confirmed, without it a beginning of the log."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from devnet.storage import Store, mark
from tests.torture.crash.power import Disk, NoCompiler, build, preloaded

ROOT = Path(__file__).parents[3]
MINIS = 40
WRITES = """
import sys
from pathlib import Path
from devnet.storage import Store
from tests.unit.storage.chain import sealed_mini

with Store.open(Path(sys.argv[1]), fsync=sys.argv[2] == "fsync") as store:
    first = store.tip.mini + 1 if store.tip else 0
    for number in range(first, first + int(sys.argv[3])):
        store.append([sealed_mini(number, {b"k" * 20: b"v" * 3_000})])
        print(number, flush=True)
    sys.stdin.read()
"""
CREATE = """
import sys
from pathlib import Path
from devnet.storage import Store
from tests.unit.storage.chain import IDENTITY

with Store.open(Path(sys.argv[1])) as store:
    store.create(IDENTITY, b"{}")
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    try:
        return build(tmp_path_factory.mktemp("synced"))
    except NoCompiler as reason:
        pytest.skip(str(reason))


def outage(library, data, durability, seed):
    """A store that is written to until the power fails; its newest mini-block, and how much was lost."""
    subprocess.run([sys.executable, "-c", CREATE, str(data)], cwd=ROOT, check=True)
    disk = Disk(data, data.with_name("journal"))
    with subprocess.Popen(
        [sys.executable, "-c", WRITES, str(data), durability, str(MINIS)],
        cwd=ROOT,
        env={**os.environ, **preloaded(library, disk.journal)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for _ in range(MINIS):
            newest = int(process.stdout.readline())
        process.kill()
    return newest, disk.lose(random.Random(seed))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_disk_has_confirmed_survives(library, tmp_path, seed):
    newest, _ = outage(library, tmp_path / "data", "fsync", seed)
    with Store.open(tmp_path / "data") as store:
        assert store.tip is not None
        assert store.tip.mini == newest


def test_what_it_has_not_may_be_gone_from_the_end_and_no_gap_is_left(library, tmp_path, monkeypatch):
    newest, (lost, open_to) = outage(library, tmp_path / "data", "normal", 5)
    assert 0 < lost <= open_to
    monkeypatch.setattr(mark, "boot", lambda: "another start of the machine")
    with Store.open(tmp_path / "data") as store:
        last = store.tip.mini if store.tip is not None else -1
        assert last < newest
        assert [store.mini(number) is not None for number in range(newest + 1)] == [
            number <= last for number in range(newest + 1)
        ]
